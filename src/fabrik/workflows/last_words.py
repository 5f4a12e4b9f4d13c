"""Why a worker left its run without a verdict, told when the ledger could not be told.

One small file beside the run's lock. While the worker lives it holds nothing but room on the disk: given
back when the disk is full, it is what the ledger, the evidence page and the words themselves are written in.
"""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path

from fabrik.ledger.reserve import set_aside
from fabrik.workflows import known_secrets

ROOM = 2 << 20  # bytes: some hundred pages of the ledger and its log, and the evidence page
MOST = 4000  # bytes of words

NAME = "last-words"


class LastWords:
    """The file as the run's worker uses it. Nothing here raises: there is nobody left to tell."""

    def __init__(self, directory: Path) -> None:
        self._path = directory / NAME

    def keep_room(self) -> None:
        """Forget what an earlier worker said, and set room aside."""
        with suppress(OSError):
            self._write(b"")
        set_aside(self._path, ROOM, spare=0)

    def give_room(self) -> None:
        """Free the room, for what has to be written on a full disk."""
        with suppress(OSError):
            self._write(b"")

    def say(self, text: str) -> None:
        """Leave a message for whoever comes next."""
        self.give_room()
        with suppress(OSError):
            self._write(known_secrets.redactor().text(text).encode("utf-8", "replace")[:MOST])

    def nothing(self) -> None:
        """The ledger says it all."""
        with suppress(OSError):
            self._path.unlink(missing_ok=True)

    def _write(self, content: bytes) -> None:
        descriptor = os.open(self._path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
        try:
            os.write(descriptor, content)
        finally:
            os.close(descriptor)


def last_words(directory: Path) -> str:
    """What the last worker of a run said when it left without a verdict; empty when it said nothing."""
    try:
        with (directory / NAME).open("rb") as file:
            content = file.read(MOST)
    except OSError:
        return ""
    return "" if b"\0" in content else content.decode("utf-8", "replace")  # NULs: room, kept by a killed one
