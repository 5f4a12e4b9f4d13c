"""What things are called in a queue. Pure.

A message   20261120T182100.123456789Z.builder.4f1a2b3c5d6e.md
            when it was sent (UTC), by whom, its id; what a shell script calls a message is its own affair
taken       20261120T182100.123456789Z.builder.4f1a2b3c5d6e~20261120T183100Z-9c0d11e2.md
            the same with who took it: until when, and a random word. With a process that holds it, the word
            is followed by its pid, start time, pid namespace and boot (holder.py)
done        as it was taken
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime

from fabrik.errors import UsageError

SUFFIX = ".md"
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,31}")
_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,63}")
_OURS = re.compile(r"(\d{8}T\d{6})\.(\d{9})Z\.([A-Za-z0-9][A-Za-z0-9_-]*)\.([A-Za-z0-9][A-Za-z0-9_-]*)")
_STEM = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,149}")  # of any message, also one that a script named
_TAKEN = re.compile(r"(\d{8}T\d{6})Z-([0-9a-f]{8})((?:-[0-9a-f]+)*)")
_SECOND = "%Y%m%dT%H%M%S"
NANO = 1_000_000_000


@dataclass(frozen=True, kw_only=True)
class Take:
    """What the name of a taken message says about who took it."""

    until: int  # seconds since 1970; after that it may be put back
    word: str  # 8 random hexadecimal digits
    holder: str = ""  # a process (holder.py); empty: only the time counts

    def __str__(self) -> str:
        process = f"-{self.holder}" if self.holder else ""
        return f"{_utc(self.until)}Z-{self.word}{process}"


@dataclass(frozen=True, kw_only=True)
class Stem:
    """The name of a message without suffix and without who took it."""

    text: str
    at: int | None  # nanoseconds since 1970; None: not named by us
    sender: str | None
    id: str | None


def is_name(text: str) -> bool:
    """Whether a sender or recipient can be called so."""
    return _NAME.fullmatch(text) is not None


def name_of(text: str, where: str) -> str:
    """The name of a sender or recipient. Raises UsageError."""
    return _plain(_NAME, text, where, "a name has up to 32 letters, digits, - and _")


def id_of(text: str, where: str) -> str:
    """The id of a message. Raises UsageError."""
    return _plain(_ID, text, where, "an id has up to 64 letters, digits, - and _")


def stem(at: int, sender: str, message_id: str) -> str:
    """The stem of a message's name. at: nanoseconds since 1970."""
    return f"{_utc(at // NANO)}.{at % NANO:09}Z.{sender}.{message_id}"


def read(file: str) -> tuple[Stem, Take | None] | None:
    """What a file's name says, or None if no message is called so."""
    if not file.endswith(SUFFIX):
        return None
    text, tilde, taken = file.removesuffix(SUFFIX).partition("~")
    if _STEM.fullmatch(text) is None:
        return None
    take = None
    if tilde and (take := _take(taken)) is None:
        return None
    ours = _OURS.fullmatch(text)
    at = None if ours is None else _seconds(ours[1])
    if ours is None or at is None:
        return Stem(text=text, at=None, sender=None, id=None), take
    return Stem(text=text, at=at * NANO + int(ours[2]), sender=ours[3], id=ours[4]), take


def _take(text: str) -> Take | None:
    if (found := _TAKEN.fullmatch(text)) is None or (until := _seconds(found[1])) is None:
        return None
    return Take(until=until, word=found[2], holder=found[3].lstrip("-"))


def _plain(wanted: re.Pattern[str], text: str, where: str, rule: str) -> str:
    if wanted.fullmatch(text) is None:
        raise UsageError(f"{text[:80]!r} cannot be used here", where=where, todo=rule)
    return text


def _utc(second: int) -> str:
    return datetime.fromtimestamp(second, UTC).strftime(_SECOND)


def _seconds(text: str) -> int | None:
    if text.startswith("9999"):  # what comes later than that could not be written any more
        return None
    try:
        return int(datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp())
    except ValueError:  # the 31st of February
        return None
