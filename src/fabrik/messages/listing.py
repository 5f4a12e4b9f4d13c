"""What is in a queue, for people and machines. Changes nothing."""

from __future__ import annotations

import stat
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from fabrik.errors import FabrikError, UsageError
from fabrik.messages import names
from fabrik.messages.failures import told
from fabrik.messages.inbox import Inbox, inboxes, opened
from fabrik.messages.message import Message, parse
from fabrik.messages.queue import Bounds

State = Literal["new", "taken", "done"]
STATES: tuple[State, ...] = ("new", "taken", "done")


@dataclass(frozen=True, kw_only=True)
class Listed:
    """One message and where it is."""

    state: State
    path: Path
    message: Message
    until: int | None  # of a taken one: seconds since 1970; None: a script took it, or it is not taken


@dataclass(frozen=True, kw_only=True)
class Listing:
    """One inbox."""

    name: str
    messages: tuple[Listed, ...]  # oldest first: new, taken, and done if that was asked for
    done: int  # how many are done
    others: tuple[Path, ...]  # what lies there and is no message: never delivered


def listing(
    directory: Path, only: str | None = None, *, done: bool = False, bounds: Bounds | None = None
) -> list[Listing]:
    """Every inbox, or only one. Raises UsageError when there is no such inbox, FabrikError."""
    if only is not None:
        names.name_of(only, "recipient")
    found = []
    for name in [only] if only is not None else inboxes(directory):
        if not _plain(name):
            continue
        with opened(directory, name, make=False) as inbox:
            if inbox is None:
                if only is not None:
                    raise UsageError("there is no such inbox", where=str(directory / only))
                continue
            with told("the inbox cannot be read", str(inbox.path)):
                found.append(_of(inbox, (bounds or Bounds()).file_bytes, done=done))
    return found


def _plain(name: str) -> bool:
    try:
        names.name_of(name, "inbox")
    except FabrikError:
        return False
    return True


def _of(inbox: Inbox, most: int, *, done: bool) -> Listing:
    messages: list[Listed] = []
    others: list[Path] = []
    for state in STATES if done else STATES[:-1]:
        for name in inbox.names(state):
            there = inbox.look(state, name)
            if there is None:
                continue
            named, path = names.read(name), inbox.path / state / name
            content = inbox.read(state, name, most) if stat.S_ISREG(there.st_mode) else None
            if named is None or content is None:
                others.append(path)
                continue
            message = parse(content.decode("utf-8", "replace"), named[0])
            until = named[1].until if state == "taken" and named[1] is not None else None
            messages.append(Listed(state=state, path=path, message=message, until=until))
    number = sum(names.read(name) is not None for name in inbox.names("done"))
    return Listing(name=inbox.name, messages=tuple(messages), done=number, others=tuple(others))
