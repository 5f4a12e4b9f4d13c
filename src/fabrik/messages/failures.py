"""What went wrong with a file of a queue, in the words of the project."""

from __future__ import annotations

import contextlib
import errno
from collections.abc import Iterator

from fabrik.errors import DiskFull, FabrikError, UsageError

_FULL = (errno.ENOSPC, errno.EDQUOT)


@contextlib.contextmanager
def told(what: str, where: str) -> Iterator[None]:
    """Turn an OSError inside the block into a FabrikError (DiskFull, UsageError)."""
    try:
        yield
    except OSError as error:
        if error.errno in _FULL:
            raise DiskFull(
                f"no space is left: {what}; nothing half-written stays",
                where=where,
                todo="free some, then again",
            ) from error
        if error.errno in (errno.ELOOP, errno.ENOTDIR):
            raise UsageError(
                "is no directory of a queue of messages",
                where=where,
                todo="a symbolic link is not followed; remove what is there, or name another directory",
            ) from error
        raise FabrikError(f"{what}: {error.strerror or error}", where=where) from error
