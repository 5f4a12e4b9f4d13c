"""Gathers what is secret on this host: for redaction, in memory, and for nothing else.

Values of variables whose names say so, in the environment, ralph.env and context.env; the tokens in the
logins of the agents' CLIs and in fabrik's copies of them. A file that is missing or wrong is passed over
here: `fabrik credentials validate` tells of it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from pathlib import Path

from fabrik.credentials.logins import LOGINS, Unreadable
from fabrik.credentials.ralph_env import EnvFile, read_env_file

LARGEST = 1 << 20  # bytes of a file with credentials; a larger one is none
_SECRET = re.compile(
    r"(?:^|_)(?:TOKENS?|KEYS?|APIKEY|SECRETS?|PASSWORD|PASSWD|PASSPHRASE|PWD|PAT|CREDENTIALS?|AUTH|DSN|COOKIE)"
    r"(?:_(?:ID|[0-9]+|BASE64|JSON))?$|(?:TOKEN|SECRET|PASSWORD|APIKEY)$"
)
_PLACES = ("PWD", "OLDPWD", "KEY_ID", "SSH_AUTH")  # names that end so, and are no secrets


def says_secret(name: str) -> bool:
    """Whether a variable's name says that its value is a secret."""
    upper = name.upper()
    return upper not in _PLACES and not upper.endswith("_KEY_ID") and _SECRET.search(upper) is not None


def secret_values(variables: Mapping[str, str]) -> tuple[str, ...]:
    """The values that are secrets by their names. Paths and addresses without a password are none."""
    return tuple(
        value
        for name, value in variables.items()
        if says_secret(name) and value.strip() and not _is_place(value.strip())
    )


def _is_place(value: str) -> bool:
    return value.startswith(("/", "~/", "./")) and " " not in value and "\n" not in value


def ralph_env_path(env: Mapping[str, str], home: Path) -> Path:
    """Where the original's settings are."""
    base = env.get("XDG_CONFIG_HOME", "").strip()
    return (Path(base) if base else home / ".config") / "ralph" / "ralph.env"


def ralph_env(env: Mapping[str, str], home: Path) -> EnvFile | None:
    """What it says; None where there is none that can be read."""
    path = ralph_env_path(env, home)
    content = read_small(path)
    return None if content is None else read_env_file(content.decode("utf-8", "replace"), str(path))


def with_ralph_env(env: Mapping[str, str], home: Path) -> dict[str, str]:
    """The environment, and below it what ralph.env says: a variable that is set and not empty wins."""
    found = ralph_env(env, home)
    return {
        **(found.values if found else {}),
        **{name: value for name, value in env.items() if value.strip()},
    }


def host_secrets(env: Mapping[str, str], home: Path, copies: Path) -> tuple[str, ...]:
    """All secrets of this host and user. copies: the directory with fabrik's copies of logins."""
    found = ralph_env(env, home)
    return tuple(
        dict.fromkeys(
            [*secret_values(env), *secret_values(found.values if found else {}), *_tokens(env, home, copies)]
        )
    )


def _tokens(env: Mapping[str, str], home: Path, copies: Path) -> Iterator[str]:
    for login in LOGINS:
        for path in (login.path(env, home), *sorted(copies.glob(f"*/{login.name}/{login.file}"))):
            content = read_small(path)
            try:
                held = login.read(content) if content is not None else ()
            except Unreadable:
                continue
            for one in held:
                yield one.access
                if one.refresh:
                    yield one.refresh


def read_small(path: Path) -> bytes | None:
    """A file's content; None when it is not there, too large or not to be read."""
    try:
        with path.open("rb") as file:
            content = file.read(LARGEST + 1)
    except OSError:
        return None
    return content if len(content) <= LARGEST else None
