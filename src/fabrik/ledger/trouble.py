"""What SQLite and the file system say, turned into one message that a person can act on.

Codes: https://sqlite.org/rescode.html. The low byte is the primary code, the rest says more.
"""

from __future__ import annotations

import errno
import os
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from fabrik.errors import DiskFull, FabrikError, LedgerError

_DAMAGED = {sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB}
_LOCKED = {sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED, sqlite3.SQLITE_PROTOCOL}
# SQLite says FULL only for ENOSPC; a quota or a file size limit comes as a failed write.
_NO_ROOM = {sqlite3.SQLITE_IOERR_WRITE, sqlite3.SQLITE_IOERR_SHMSIZE}
_NO_ROOM_ERRNO = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}


@contextmanager
def clear_errors(path: Path, busy_seconds: float) -> Iterator[None]:
    """Let trouble with the ledger's file leave as LedgerError or DiskFull.

    Broken constraints and misuse of the API are mistakes in fabrik, not in the file: they pass unchanged.
    """
    try:
        yield
    except (sqlite3.IntegrityError, sqlite3.ProgrammingError, sqlite3.InterfaceError):
        raise
    except sqlite3.DatabaseError as error:
        raise _explain(error, path, busy_seconds) from error


def file_trouble(error: OSError, path: Path) -> FabrikError:
    """The message for a ledger's or lock's file that cannot be made or opened."""
    if error.errno in _NO_ROOM_ERRNO:
        return _full(path)
    return LedgerError(
        f"cannot be opened: {error.strerror or error}",
        where=str(path),
        todo="make its directory writable for this user, or set FABRIK_HOME to another one",
    )


def newer(path: Path, found: int, known: int) -> LedgerError:
    """The ledger was written by a newer fabrik."""
    return LedgerError(
        f"the ledger has schema version {found}; this fabrik knows versions up to {known}",
        where=str(path),
        todo="use the newer fabrik that wrote it, or set FABRIK_HOME to another directory",
    )


def foreign(path: Path) -> LedgerError:
    """A database lies there that fabrik did not make."""
    return LedgerError(
        "is a database, but not fabrik's ledger; it is left as it is",
        where=str(path),
        todo="move it away, or set FABRIK_HOME to another directory",
    )


def _explain(error: sqlite3.DatabaseError, path: Path, busy_seconds: float) -> FabrikError:
    code = getattr(error, "sqlite_errorcode", sqlite3.SQLITE_ERROR)
    primary = code & 0xFF
    if (
        primary == sqlite3.SQLITE_FULL
        or code in _NO_ROOM
        or (primary == sqlite3.SQLITE_IOERR and _is_full(path))
    ):
        return _full(path)
    if primary in _LOCKED:
        return LedgerError(
            f"another program has kept the ledger locked for more than {busy_seconds:g} seconds",
            where=str(path),
            todo=f"end that program (`fuser {path}` names it), then try again; nothing was changed",
        )
    if primary in _DAMAGED:
        return LedgerError(
            f"the ledger is damaged ({error})",
            where=str(path),
            todo=(
                "copy the file and those beside it (-wal, -shm) to a safe place, then rescue what can be"
                f" read: sqlite3 {path} .recover | sqlite3 rescued.db (some distributions' sqlite3 cannot"
                " .recover; the one of sqlite.org can); fabrik deletes nothing"
            ),
        )
    if primary in (sqlite3.SQLITE_READONLY, sqlite3.SQLITE_PERM):
        return LedgerError(
            "the ledger is read-only",
            where=str(path),
            todo="make the file and its directory writable for this user, or set FABRIK_HOME to another one",
        )
    if primary == sqlite3.SQLITE_CANTOPEN:
        return LedgerError(
            "the ledger cannot be opened",
            where=str(path),
            todo="see that it is a file and that its directory is writable for this user",
        )
    return LedgerError(
        f"the ledger cannot be used: {error} ({getattr(error, 'sqlite_errorname', 'no code')})",
        where=str(path),
        todo="`fabrik doctor` checks the ledger",
    )


def _full(path: Path) -> DiskFull:
    return DiskFull(
        "no room is left to write (the disk is full, or a quota or file size limit is reached)",
        where=str(path),
        todo="make room, then resume: what was recorded before is safe",
    )


def _is_full(path: Path) -> bool:
    try:
        return os.statvfs(path.parent).f_bavail == 0
    except OSError:
        return False
