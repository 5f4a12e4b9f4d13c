"""The shape of the config files, as pydantic checks it. TOML in, Settings out.

The project's own file, which comes with a cloned repository, is a strict subset of the user's: what would
open the host or lead keys elsewhere is not in it.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any, Literal, cast
from urllib.parse import urlsplit

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field
from pydantic_core import PydanticCustomError

from fabrik.config import units
from fabrik.config.model import Settings, UpstreamSettings
from fabrik.usage import Vendor

KEYS_OF_USERS = ("read_only", "path", "env", "gateway")  # never in a project's file
# The names that vendors use for keys of model APIs: none of them is let into a sandbox.
KEY_VARIABLES = frozenset(
    {
        "ANTHROPIC_API_KEY",
        "ANTHROPIC_AUTH_TOKEN",
        "CLAUDE_CODE_OAUTH_TOKEN",
        "OPENAI_API_KEY",
        "CODEX_API_KEY",
        "GEMINI_API_KEY",
        "GOOGLE_API_KEY",
    }
)

_NAME = re.compile(r"[a-z][a-z0-9_-]{0,63}", re.ASCII)
_VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]*", re.ASCII)
_LABEL = r"(?!-)[a-z0-9_-]{1,63}(?<!-)"
_HOST = re.compile(rf"(?:\*\.)?{_LABEL}(?:\.{_LABEL})*(?::(\d{{1,5}}))?", re.IGNORECASE | re.ASCII)


def _wrong(what: str, todo: str = "") -> PydanticCustomError:
    return PydanticCustomError("config", "{what}", {"what": what, "todo": todo})


def _text(value: str) -> str:
    if not value.strip():
        raise _wrong("must not be empty")
    return _value(value)


def _host(value: str) -> str:
    match = _HOST.fullmatch(value)
    if match is None or len(value) > 260 or (match[1] is not None and not 0 < int(match[1]) < 65536):
        raise _wrong(
            f"{value[:80]!r} is no name to allow",
            "write pypi.org, *.pypi.org or pypi.org:443: no scheme, no path, no lone *",
        )
    return value.lower()


def _plain_name(value: str) -> str:
    if not _NAME.fullmatch(value):
        raise _wrong(
            f"{value[:80]!r} is no name that a project may choose",
            "a project names what fabrik ships; a dotted path of your own goes into your own config",
        )
    return value


def _isolating(value: str) -> str:
    if value == "none":
        raise _wrong(
            "a project cannot turn its own sandbox off",
            "remove the line; who wants to run without a sandbox says `--sandbox none`",
        )
    return value


def _host_path(value: str) -> str:
    try:
        path = Path(value).expanduser()
    except RuntimeError as error:
        raise _wrong(f"{value[:80]!r} names no home directory of this host") from error
    if not path.is_absolute():
        raise _wrong("must be an absolute path, or start with ~/")
    return str(path)


def _base_url(value: str) -> str:
    try:
        parts = urlsplit(value)
        wrong = parts.scheme not in ("http", "https") or not parts.hostname or (parts.port or 1) < 1
    except ValueError:
        wrong = True
    if wrong or any(char.isspace() for char in value):
        raise _wrong("must be an http or https address", "for example https://proxy.example.com/anthropic")
    if parts.username or parts.password or parts.query or parts.fragment:
        raise _wrong("must hold no credentials, query or fragment", "name the key's variable in `key_env`")
    return value.rstrip("/")


def _variable(value: str) -> str:
    if not _VARIABLE.fullmatch(value):
        raise _wrong("must be the name of an environment variable")
    return value


def _sandbox_variable(value: str) -> str:
    if _variable(value) in KEY_VARIABLES:
        raise _wrong(
            "is the name of a key, and no key enters a sandbox", "remove it; the gateway adds the key"
        )
    return value


def _amount(parse: Callable[[object], float], *, bounded: bool = False) -> BeforeValidator:
    """A size or time, or None for "unlimited" where that is allowed."""

    def read(value: object) -> object:
        if value == units.UNLIMITED and not bounded:
            return None
        try:
            return parse(value)
        except ValueError as error:
            raise _wrong(str(error)) from error

    return BeforeValidator(read)


def _value(value: str) -> str:
    if "\0" in value:
        raise _wrong("must not contain a NUL character")
    return value


def _count(value: object) -> object:
    return None if value == units.UNLIMITED else value


Text = Annotated[str, AfterValidator(_text)]
Seconds = Annotated[float | None, _amount(units.seconds)]
Bytes = Annotated[int | None, _amount(units.size)]
Count = Annotated[int | None, Field(gt=0, le=1 << 53), BeforeValidator(_count)]
Money = Annotated[float | None, Field(ge=0, allow_inf_nan=False), BeforeValidator(_count)]
HostPath = Annotated[Text, AfterValidator(_host_path)]


class Document(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)


class LimitsDocument(Document):
    session: Seconds = None
    check: Seconds = None
    memory: Bytes = None
    processes: Count = None
    output: Bytes = None
    disk: Bytes = None
    iterations: Annotated[int | None, Field(ge=0, le=10**9)] = None
    attempts: Annotated[int | None, Field(gt=0, le=10**6)] = None
    max_wait: Annotated[float | None, _amount(units.seconds, bounded=True)] = None
    budget_usd: Money = None
    budget_tokens: Count = None
    budget_calls: Count = None


class UpstreamDocument(Document):
    base_url: Annotated[Text, AfterValidator(_base_url)] | None = None
    key_env: Annotated[Text, AfterValidator(_variable)] | None = None


class ProjectDocument(Document):
    """`fabrik.toml` in the root of a project."""

    agent: Annotated[Text, AfterValidator(_plain_name)] | None = None
    model: Text | None = None
    sandbox: Annotated[Text, AfterValidator(_plain_name), AfterValidator(_isolating)] | None = None
    allow: list[Annotated[Text, AfterValidator(_host)]] = []
    setup: list[Text] = []
    limits: LimitsDocument = LimitsDocument()


class UserDocument(Document):
    """`~/.config/fabrik/config.toml`."""

    agent: Text | None = None
    model: Text | None = None
    sandbox: Text | None = None
    allow: list[Annotated[Text, AfterValidator(_host)]] = []
    setup: list[Text] = []
    limits: LimitsDocument = LimitsDocument()
    read_only: list[HostPath] = []
    path: list[HostPath] = []
    env: dict[Annotated[str, AfterValidator(_sandbox_variable)], Annotated[str, AfterValidator(_value)]] = {}
    gateway: dict[Literal["anthropic", "openai", "gemini"], UpstreamDocument] = {}


_LIMIT_NAMES = {
    "session": "session_seconds",
    "check": "check_seconds",
    "memory": "memory_bytes",
    "output": "output_bytes",
    "disk": "disk_bytes",
    "max_wait": "max_wait_seconds",
}


def settings(document: ProjectDocument | UserDocument) -> Settings:
    """What a config file says, and nothing that it does not."""
    said: dict[str, Any] = {}
    for name in document.model_fields_set - {"limits", "gateway"}:
        value = getattr(document, name)
        said[name] = tuple(value) if isinstance(value, list) else value
    for name in document.limits.model_fields_set:
        said[_LIMIT_NAMES.get(name, name)] = getattr(document.limits, name)
    if isinstance(document, UserDocument):
        upstreams: dict[Vendor, UpstreamSettings] = {
            vendor: UpstreamSettings(base_url=chosen.base_url, key_env=chosen.key_env)
            for vendor, chosen in document.gateway.items()
        }
        if upstreams:
            said["upstreams"] = upstreams
    return cast("Settings", said)
