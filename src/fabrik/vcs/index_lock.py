"""The lock that git takes on an index, held for a landing: meanwhile no other git changes anything."""

from __future__ import annotations

import asyncio
import contextlib
import os
import secrets
import time
from collections.abc import AsyncIterator
from pathlib import Path

from fabrik.errors import VcsError
from fabrik.vcs.store import refused

_PATIENCE_SECONDS = 20.0  # a commit with hooks of the user's holds it that long
_PAUSE_SECONDS = 0.02
_SIGN = b"fabrik "


@contextlib.asynccontextmanager
async def index_held(index: Path, owner: str) -> AsyncIterator[None]:
    """Hold `index.lock` inside the block. One that `owner` has left, because it was killed, is taken over.

    Raises VcsError when somebody else holds it for long, or it cannot be made.
    """
    lock = index.with_name("index.lock")
    sign = _SIGN + owner.encode() + b"\n"
    deadline = time.monotonic() + _PATIENCE_SECONDS
    while not _taken(lock, sign):
        if time.monotonic() > deadline:
            raise _blocked(lock)
        await asyncio.sleep(_PAUSE_SECONDS)
    try:
        yield
    finally:
        lock.unlink(missing_ok=True)


def _taken(lock: Path, sign: bytes) -> bool:
    """The lock appears with its content: whoever is killed leaves one that says whose it is."""
    written = lock.with_name(f"fabrik-lock-{secrets.token_hex(6)}")
    try:
        written.write_bytes(sign)
        try:
            os.link(written, lock)
        except FileExistsError:
            with contextlib.suppress(FileNotFoundError):
                return lock.read_bytes() == sign
            return False
        finally:
            written.unlink(missing_ok=True)
    except OSError as error:
        raise refused(error, lock.parent) from error
    return True


def _blocked(lock: Path) -> VcsError:
    whose = "another git command"
    with contextlib.suppress(OSError):
        if lock.read_bytes().startswith(_SIGN):
            whose = "another run of fabrik"
    return VcsError(
        f"{whose} is at work in this checkout, or was killed there",
        where=str(lock),
        todo="if none is: remove this file, then resume",
    )
