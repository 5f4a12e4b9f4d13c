"""Churn, or work? By the lines that a landing took away, and those that it put there. Pure."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass

from fabrik.workflows.loop.required import new_tests

MOST_LINES = 200  # of one landing that are looked at; who rewrites more than that is told by other rules


@dataclass(frozen=True, kw_only=True)
class Trace:
    """What an iteration did, as far as it can be compared with what others did."""

    news: bool = False  # an item of the plan came, went or changed, or a test was added
    took: tuple[str, ...] = ()  # digests of lines that are gone; () where there are too many
    put: tuple[str, ...] = ()  # digests of lines that are new


NO_TRACE = Trace()


def trace(files: Mapping[str, tuple[bytes | None, bytes | None]], plan: str, *, items_changed: bool) -> Trace:
    """files: all that differ, before and after. plan: the path that is no code."""
    code = {path: sides for path, sides in files.items() if path != plan}
    took: set[str] = set()
    put: set[str] = set()
    for path, (before, after) in code.items():
        old, new = set((before or b"").splitlines()), set((after or b"").splitlines())
        if len(old ^ new) > MOST_LINES:
            took, put = set(), set()
            break
        took |= {_digest(path, line) for line in old - new}
        put |= {_digest(path, line) for line in new - old}
    if len(took) + len(put) > MOST_LINES:
        took, put = set(), set()
    return Trace(news=items_changed or new_tests(code) > 0, took=tuple(sorted(took)), put=tuple(sorted(put)))


def undoes(later: Trace, earlier: Trace) -> bool:
    """Whether all that `later` took away is what `earlier` had put there: the same lines, once more."""
    return bool(later.took) and set(later.took) <= set(earlier.put)


def _digest(path: str, line: bytes) -> str:
    return hashlib.sha256(path.encode(errors="surrogateescape") + b"\0" + line).hexdigest()[:8]
