"""Writing the backlog's own files: whole or not at all, also when the machine goes down."""

from __future__ import annotations

import os
import secrets
import stat
from pathlib import Path

from fabrik.errors import EnvironmentProblem


def unwritable(error: OSError, folder: Path) -> EnvironmentProblem:
    """The error for the operating system's refusal to write into a backlog folder."""
    return EnvironmentProblem(
        f"cannot be written: {error.strerror or error}",
        where=str(error.filename or folder),
        todo="make the backlog folder writable, then run it again",
    )


def write_whole(path: Path, text: str) -> None:
    """Put a file in place in one step; its directory is made where it is missing. Raises OSError."""
    path.parent.mkdir(parents=True, exist_ok=True)
    aside = path.with_name(f".{path.name[:100]}.{secrets.token_hex(6)}.tmp")
    try:
        with aside.open("x", encoding="utf-8", errors="backslashreplace", newline="\n") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        aside.rename(path)
    finally:
        aside.unlink(missing_ok=True)


def read_bounded(path: Path, most: int) -> bytes | None:
    """The content of a regular file, its first `most` bytes; None when there is none. Raises OSError."""
    try:
        # A pipe would be waited for, until somebody writes into it.
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
    except (FileNotFoundError, NotADirectoryError):
        return None
    with os.fdopen(descriptor, "rb") as file:
        return file.read(most) if stat.S_ISREG(os.fstat(descriptor).st_mode) else None
