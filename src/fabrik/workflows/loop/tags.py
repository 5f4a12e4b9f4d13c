"""Which version tag comes next: 0.0.0 first, then the last number up by one. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterable

FIRST = "0.0.0"
_VERSION = re.compile(r"(v?)(0|[1-9]\d{0,8})\.(0|[1-9]\d{0,8})\.(0|[1-9]\d{0,8})")


def next_version(names: Iterable[str]) -> str:
    """The tag after the highest version among these, written like it (with a `v`, or without).

    Tags that are no plain version (release-7, 1.0.0-rc1) do not count.
    """
    found = [match for name in names if (match := _VERSION.fullmatch(name))]
    if not found:
        return FIRST
    # Where both 1.2.3 and v1.2.3 are there, the project has come to the `v`, or to do without: take either.
    last = max(found, key=lambda match: (_number(match), match[1]))
    major, minor, patch = _number(last)
    return f"{last[1]}{major}.{minor}.{patch + 1}"


def is_version(name: str) -> bool:
    """A tag as `next_version` makes them."""
    return _VERSION.fullmatch(name) is not None


def _number(match: re.Match[str]) -> tuple[int, int, int]:
    return int(match[2]), int(match[3]), int(match[4])
