"""Ids of runs: ULIDs, 26 characters of Crockford's base 32 (https://github.com/ulid/spec)."""

from __future__ import annotations

import os
import threading
import time

_ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
_RANDOM_BITS = 80
_lock = threading.Lock()
_last = 0


def new_run_id() -> str:
    """A new id: 48 bits of milliseconds, 80 random bits; greater than every earlier one of this process.

    A clock that is set back does not make ids smaller: they go on from the last one. Between processes
    and machines the ids are unique but not ordered; order in listings comes from the ledger's `seq`.
    """
    global _last
    with _lock:
        now = int(time.time() * 1000) & ((1 << 48) - 1)
        fresh = (now << _RANDOM_BITS) | int.from_bytes(os.urandom(_RANDOM_BITS // 8))
        # Within one millisecond, or after the clock was set back: the successor of the last one.
        _last = fresh if fresh >> _RANDOM_BITS > _last >> _RANDOM_BITS else _last + 1
        return encode(_last)


def encode(number: int) -> str:
    """The 26 characters of a number below 2**128."""
    return "".join(_ALPHABET[number >> shift & 31] for shift in range(125, -1, -5))
