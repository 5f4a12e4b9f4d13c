"""Says what is wrong with logins that are files, and with ralph.env: all at once, each with its remedy."""

from __future__ import annotations

import stat
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from fabrik.credentials.known import LARGEST, ralph_env, ralph_env_path, read_small
from fabrik.credentials.logins import LOGINS, Login, Unreadable

State = Literal["ok", "absent", "wrong"]

SOON = 600.0  # seconds


@dataclass(frozen=True, kw_only=True)
class Looked:
    """What was found of one login, or of ralph.env."""

    name: str
    path: Path
    state: State
    said: str  # one line
    problems: tuple[tuple[str, str], ...] = ()  # what is wrong, and what to do


def validate(env: Mapping[str, str], home: Path, now: float) -> tuple[Looked, ...]:
    """Look at every login and at ralph.env. now: seconds since the epoch. Nothing is changed."""
    return (*(look(login, login.path(env, home), now) for login in LOGINS), _ralph_env(env, home))


def look(login: Login, path: Path, now: float) -> Looked:
    """Look at one login's file."""
    if not path.exists():
        return Looked(name=login.name, path=path, state="absent", said="no login here")
    problems = list(_mode(path))
    content = read_small(path)
    held = None
    if content is None:
        problems.append(
            (f"cannot be read, or is larger than {LARGEST >> 20} MiB", "look at its owner and size")
        )
    else:
        try:
            held = login.read(content)
        except Unreadable as error:
            problems.append((str(error), f"log in again: {login.renew}"))
    said = []
    for one in held or ():
        text = f"{one.name}: {'login that renews itself' if one.refresh else 'key'}"
        if one.expires_at is not None and one.expires_at < now + SOON:
            if one.refresh is None:
                problems.append((f"the login of {one.name} has expired", f"log in again: {login.renew}"))
            else:
                text += ", renewed at its next use"
        said.append(text)
    state: State = "wrong" if problems else "ok"
    return Looked(
        name=login.name, path=path, state=state, said="; ".join(said) or "unusable", problems=tuple(problems)
    )


def _ralph_env(env: Mapping[str, str], home: Path) -> Looked:
    path = ralph_env_path(env, home)
    found = ralph_env(env, home)
    if found is None:
        if path.exists():
            wrong = (("cannot be read", "look at its owner and size"),)
            return Looked(name="ralph.env", path=path, state="wrong", said="unusable", problems=wrong)
        return Looked(name="ralph.env", path=path, state="absent", said="not here, and not needed")
    problems = [*_mode(path), *((f"{said.where}: {said.what}", said.todo) for said in found.problems)]
    count = len(found.values)
    return Looked(
        name="ralph.env",
        path=path,
        state="wrong" if problems else "ok",
        said=f"{count} variable{'s' * (count != 1)}",
        problems=tuple(problems),
    )


def _mode(path: Path) -> tuple[tuple[str, str], ...]:
    mode = stat.S_IMODE(path.stat().st_mode)
    if mode & 0o077:
        return ((f"others may read it: its mode is {mode:04o}", f"chmod 600 {path}"),)
    return ()
