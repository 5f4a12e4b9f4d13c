"""A message as a text: a few headers, an empty line, a body. Pure.

    from: builder
    to: reviewer
    re: the parser
    at: 2026-11-20T18:21:00.123Z
    id: 4f1a2b3c5d6e

    Is 3f2a9c1d right? The tests pass.

The headers are what the sender says; nobody has proven them.
"""

from __future__ import annotations

import re
import time
from dataclasses import dataclass

from fabrik.errors import UsageError
from fabrik.messages.names import NANO, Stem

RE_CHARACTERS = 200
_HEADER = re.compile(r"([a-z][a-z-]{0,19}):[ \t]*(.*)")
_UNPRINTABLE = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]")


@dataclass(frozen=True, kw_only=True)
class Message:
    """One message, as it was sent."""

    sender: str  # empty: the file does not say
    to: tuple[str, ...]
    re: str  # what it is about, or the id of the message that it answers; one line
    at: str  # UTC, 2026-11-20T18:21:00.123Z; empty: the file does not say
    id: str
    body: str


def render(message: Message) -> str:
    """The text of the file. Raises UsageError when `re` is not one line, or a text is no valid Unicode."""
    subject(message.re)
    head = "\n".join(f"{name}: {value}" for name, value in headers(message).items())
    body = message.body if message.body.endswith("\n") or not message.body else message.body + "\n"
    return f"{head}\n\n{body}"


def headers(message: Message) -> dict[str, str]:
    """Those that say something, in the order in which they are written."""
    every = {
        "from": message.sender,
        "to": ", ".join(message.to),
        "re": message.re.strip(),
        "at": message.at,
        "id": message.id,
    }
    return {name: value for name, value in every.items() if value}


def parse(text: str, stem: Stem) -> Message:
    """Read a file that anybody may have written: what is no header is body, and nothing is refused."""
    head, _, body = text.partition("\n\n")
    found = [_HEADER.fullmatch(line) for line in head.rstrip("\n").split("\n")]
    said = {one[1]: one[2].strip() for one in found if one is not None}
    if not all(found):
        said, body = {}, text
    return Message(
        sender=said.get("from", stem.sender or ""),
        to=tuple(name for part in said.get("to", "").split(",") if (name := part.strip())),
        re=said.get("re", ""),
        at=said.get("at", "" if stem.at is None else moment(stem.at)),
        id=said.get("id", stem.id or stem.text),
        body=body,
    )


def subject(text: str) -> None:
    """Raises UsageError when the text cannot be a line for `re`."""
    if _UNPRINTABLE.search(text) or len(text) > RE_CHARACTERS:
        raise UsageError(
            "must be one line without control characters",
            where="re",
            todo=f"up to {RE_CHARACTERS} characters",
        )


def moment(at: int) -> str:
    """Nanoseconds since 1970 as people read them: 2026-11-20T18:21:00.123Z."""
    return time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(at // NANO)) + f".{at % NANO // 1_000_000:03}Z"
