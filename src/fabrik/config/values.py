"""Single values of the config files, as pydantic checks them: names, sizes, paths, addresses, globs."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Callable
from pathlib import Path
from typing import Annotated
from urllib.parse import urlsplit

from pathspec import GitIgnoreSpec
from pydantic import AfterValidator, BeforeValidator, Field
from pydantic_core import PydanticCustomError

from fabrik.config import presets, units

MOST_ROUNDS = 5  # of reviews that a project may ask for: each costs its user sessions

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
_REVIEWER = re.compile(r"[a-z][a-z0-9-]{0,39}", re.ASCII)
_VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]*", re.ASCII)
_LABEL = r"(?!-)[a-z0-9_-]{1,63}(?<!-)"
# A name that an engine takes for an image: registry, path, tag, digest; never an option.
_IMAGE = re.compile(r"[A-Za-z0-9][A-Za-z0-9._/:@-]{0,254}", re.ASCII)
_HOST = re.compile(rf"(?:\*\.)?{_LABEL}(?:\.{_LABEL})*(?::(\d{{1,5}}))?", re.IGNORECASE | re.ASCII)
_NETWORK = re.compile(
    r"(?:(?P<four>[\d.]+(?:/\d+)?)|\[(?P<six>[\da-f:.]+(?:/\d+)?)\])(?::(?P<port>\d{1,5}))?",
    re.IGNORECASE | re.ASCII,
)


def _wrong(what: str, todo: str = "") -> PydanticCustomError:
    return PydanticCustomError("config", "{what}", {"what": what, "todo": todo})


def _text(value: str) -> str:
    if not value.strip():
        raise _wrong("must not be empty")
    return _value(value)


def _host(value: str) -> str:
    if value.startswith(presets.PREFIX):
        if value.removeprefix(presets.PREFIX) not in presets.presets():
            raise _wrong(f"{value[:80]!r} is no preset", presets.known())
        return value
    if len(value) <= 260 and (_is_network(value) or _is_name(value)):
        return value.lower()
    raise _wrong(
        f"{value[:80]!r} is no name to allow",
        "write pypi.org, *.pypi.org, pypi.org:443, 10.0.0.5, 10.0.0.0/8:443 or preset:python: no scheme, no"
        " path, no lone *",
    )


def _is_name(value: str) -> bool:
    match = _HOST.fullmatch(value)
    return match is not None and (match[1] is None or 0 < int(match[1]) < 65536)


def _is_network(value: str) -> bool:
    """An address or a range, perhaps with a port."""
    match = _NETWORK.fullmatch(value)
    if match is None or not 0 < int(match["port"] or 1) < 65536:
        return False
    try:
        ipaddress.ip_network(match["four"] or match["six"])
    except ValueError:
        return False
    return True


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


def _image(value: str) -> str:
    if not _IMAGE.fullmatch(value):
        raise _wrong(
            f"{value[:80]!r} is no name of an image", "write it as for `podman run`: localhost/agents:1"
        )
    return value


def _stronger(value: str) -> str:
    if value != "runsc":
        raise _wrong(
            "a project can ask for a stronger runtime only, and that is runsc (gVisor)",
            "remove the line; another runtime goes into your own config",
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


def _reviewer(value: str) -> str:
    if not _REVIEWER.fullmatch(value):
        raise _wrong(
            f"{value[:80]!r} is no reviewer's name",
            "a name has small letters, digits and hyphens, such as code-quality",
        )
    return value


def _reviewing(value: bool) -> bool:
    if not value:
        raise _wrong(
            "a project cannot turn its own reviews off",
            "remove the line; who wants to run without reviews says `--no-review`",
        )
    return value


def _kept_shut(value: bool) -> bool:
    if value:
        raise _wrong(
            "a project cannot open its checks to models: what runs in them would spend its user's money",
            "remove the line; who wants it writes `in_checks = true` below `[judge]` into their own config",
        )
    return value


def _somebody(value: list[str]) -> list[str]:
    if not value:
        raise _wrong(
            "no reviewer is named",
            "name at least one, or remove the line: then all are asked. In your own file, `enabled = false`"
            " turns reviews off",
        )
    return value


def _something(value: list[str]) -> list[str]:
    if not value:
        raise _wrong(
            "a project cannot leave its tests and checks unprotected",
            'name globs, "default" stands for the shipped ones; or remove the line',
        )
    return value


def _few(value: int) -> int:
    if value > MOST_ROUNDS:
        raise _wrong(
            f"a project can ask for {MOST_ROUNDS} rounds at the most",
            f"write {MOST_ROUNDS} or less; who wants more says `--review-max {min(value, 10**6)}`",
        )
    return value


def _glob(value: str) -> str:
    """A pattern as in a .gitignore; `!` in front takes out what an earlier one has named."""
    example = "write it as in a .gitignore: tests/, *_test.go, /check.sh, !tests/data/"
    if value.startswith("~") or ".." in value.split("/"):
        raise _wrong(f"{value[:80]!r} is not within the project", example)
    odd = any(ord(char) < 32 for char in value) or "\\" in value or value != value.strip()
    try:
        patterns = GitIgnoreSpec.from_lines([value]).patterns
    except (ValueError, re.error):
        patterns = []
    if odd or value.startswith("./") or not any(pattern.include is not None for pattern in patterns):
        raise _wrong(f"{value[:80]!r} is no glob of paths", example)
    return value


Text = Annotated[str, AfterValidator(_text)]
Seconds = Annotated[float | None, _amount(units.seconds)]
Bytes = Annotated[int | None, _amount(units.size)]
Count = Annotated[int | None, Field(gt=0, le=1 << 53), BeforeValidator(_count)]
Money = Annotated[float | None, Field(ge=0, allow_inf_nan=False), BeforeValidator(_count)]
HostPath = Annotated[Text, AfterValidator(_host_path)]
Name = Annotated[Text, AfterValidator(_plain_name)]  # of an agent or a sandbox, as a project may choose it
Isolating = Annotated[Name, AfterValidator(_isolating)]
Image = Annotated[Text, AfterValidator(_image)]
StrongerRuntime = Annotated[Text, AfterValidator(_stronger)]
Host = Annotated[Text, AfterValidator(_host)]
Address = Annotated[Text, AfterValidator(_base_url)]
Variable = Annotated[Text, AfterValidator(_variable)]
SandboxVariable = Annotated[str, AfterValidator(_sandbox_variable)]
Value = Annotated[str, AfterValidator(_value)]
Glob = Annotated[Text, AfterValidator(_glob)]
SomeGlobs = Annotated[list[Glob], AfterValidator(_something)]
Reviewer = Annotated[Text, AfterValidator(_reviewer)]
SomeReviewers = Annotated[list[Reviewer], AfterValidator(_somebody)]
Reviewing = Annotated[bool, AfterValidator(_reviewing)]
KeptShut = Annotated[bool, AfterValidator(_kept_shut)]
Rounds = Annotated[int, Field(ge=0, le=10**6)]
FewRounds = Annotated[Rounds, AfterValidator(_few)]
Wait = Annotated[float | None, _amount(units.seconds, bounded=True)]
