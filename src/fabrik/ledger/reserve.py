"""Room on the disk that is set aside while there is some, for what must be written when there is none.

A file of a fixed size whose blocks are really there. Many processes may share one: whoever needs the room
gives it back to the disk, and whoever starts later, and finds enough, sets it aside again.
"""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path

LEDGER_ROOM = 8 << 20  # bytes: thousands of pages of the ledger and of its log
_PORTION = 1 << 20  # bytes that are given back at once


def beside(ledger: Path) -> Path:
    """Where the room for a ledger is set aside."""
    return ledger.with_name(f"{ledger.name}.reserve")


def set_aside(file: Path, size: int, *, spare: int = 3) -> None:
    """Have so many bytes there. Raises nothing: without it, work goes on.

    spare: so many times the size must be free besides.
    """
    with suppress(OSError):
        if _held(file) >= size:
            return
        disk = os.statvfs(file.parent)
        if disk.f_bavail * disk.f_frsize < size * (1 + spare):
            return
        descriptor = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
        try:
            os.posix_fallocate(descriptor, 0, size)
        finally:
            os.close(descriptor)


def give_back(file: Path) -> bool:
    """Free a part of what is set aside; whether there was any. Raises nothing.

    Not all at once: whoever has filled the disk would take it.
    """
    held = _held(file)
    try:
        os.truncate(file, max(0, held - _PORTION))
    except OSError:
        return False
    return held > 0


def _held(file: Path) -> int:
    """Bytes that it really takes, not those that it would if they were there."""
    try:
        return file.lstat().st_blocks * 512
    except OSError:
        return 0
