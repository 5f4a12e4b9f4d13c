"""SCRATCHPAD.md: what one agent leaves for the next, taken back within bounds."""

from __future__ import annotations

from pathlib import Path

from fabrik.backlog.files import read_bounded, write_whole
from fabrik.errors import EnvironmentProblem

NAME = "SCRATCHPAD.md"
MOST_BYTES = 256 << 10  # more is a document of its own, and no prompt could hold it


def read_scratchpad(path: Path) -> str:
    """What agents are given: "" when there is none. Raises EnvironmentProblem."""
    if path.is_symlink():  # what it leads to may be no agent's business
        raise EnvironmentProblem("is a link", where=str(path), todo="put the file itself there")
    try:
        data = read_bounded(path, MOST_BYTES) or b""
    except OSError as error:
        raise EnvironmentProblem(f"cannot be read: {error.strerror or error}", where=str(path)) from error
    return data.decode("utf-8", "replace").replace("\0", "")


def taken_back(given: str, left: bytes | None) -> tuple[str | None, str]:
    """What an agent made of the scratchpad it was given, or None for nothing new; and why it is not taken.

    left: the file as the agent left it, read up to one byte more than MOST_BYTES; None: it is not there.
    """
    if left is None:
        return None, "" if not given else "SCRATCHPAD.md was removed; it stays as it was"
    if len(left) > MOST_BYTES:
        return None, f"SCRATCHPAD.md has more than {MOST_BYTES >> 10} KiB; it stays as it was"
    try:
        text = left.decode("utf-8")
    except UnicodeDecodeError:
        return None, "SCRATCHPAD.md is not UTF-8; it stays as it was"
    if "\0" in text:
        return None, "SCRATCHPAD.md is not text; it stays as it was"
    return (None, "") if text == given else (text, "")


def put_back(path: Path, given: str, text: str) -> bool:
    """Write an agent's version, and keep what a human has added meanwhile; False when both cannot be kept.

    given: what the agent had been given. Doing it again changes nothing. Raises OSError, EnvironmentProblem.
    """
    current = read_scratchpad(path)
    if current == text:
        return True
    if current != given:
        if not text.startswith(given):
            return False
        added = text[len(given) :]
        if current.endswith(added):
            return True
        text = current if current.endswith("\n") or not current else current + "\n"
        text += added
    write_whole(path, text)
    return True
