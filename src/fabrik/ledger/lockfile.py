"""A run's lock: an flock on a file. It ends with the process that holds it, however that process ends."""

from __future__ import annotations

import fcntl
import os
import time
from pathlib import Path

from fabrik.ledger.trouble import file_trouble

# A reader that looks whether the lock is held takes it, shared, for some microseconds. Who wants to have
# it tries again for this long before it believes that the lock is really held.
_PATIENCE_SECONDS = 1.0


def acquire(path: Path, *, patient: bool) -> int | None:
    """Take the lock; the descriptor that holds it, or None when another process has it.

    The descriptor is not inherited by programs that are started. The file is made where it is missing.
    patient: wait a moment, in case a reader is just looking. Raises LedgerError, DiskFull.
    """
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    except OSError as error:
        raise file_trouble(error, path) from error
    deadline = time.monotonic() + (_PATIENCE_SECONDS if patient else 0)
    while True:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return descriptor
        except BlockingIOError:
            if time.monotonic() >= deadline:
                os.close(descriptor)
                return None
            time.sleep(0.005)
        except OSError as error:
            os.close(descriptor)
            raise file_trouble(error, path) from error


def is_held(path: Path) -> bool:
    """Whether a process holds the lock right now. A missing file is held by nobody. Never waits."""
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    except OSError:
        return False
    try:
        fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    except OSError:
        return False
    finally:
        os.close(descriptor)
    return False
