"""Recorded expectations (`*.snap`, `*.ambr`): entries may be added, those of the base may not change."""

from __future__ import annotations

import re
from itertools import pairwise

from fabrik.tampering.notes import Compared, Note
from fabrik.tampering.text import quoted

_STARTS = {".snap": re.compile(r"^exports\[.*", re.M), ".ambr": re.compile(r"^# name: .*", re.M)}


def compare_snapshots(path: str, before: str, after: str) -> Compared | None:
    """None: it is no file of recorded expectations."""
    start = next((pattern for end, pattern in _STARTS.items() if path.endswith(end)), None)
    if start is None:
        return None
    had, has = _entries(start, before), _entries(start, after)
    for name, text in had.items():
        if has.get(name) != text:
            what = f"a recorded expectation of the base is gone or was changed: {quoted(name)}"
            return Compared(standing="changed", notes=(Note(kind="loosened", line=None, what=what),))
    return Compared(standing="extended" if len(has) > len(had) else "same")


def _entries(start: re.Pattern[str], text: str) -> dict[str, str]:
    places = [match.start() for match in start.finditer(text)]
    parts = [text[one:other] for one, other in pairwise([*places, len(text)])]
    return {part.split("\n", 1)[0]: part.strip() for part in parts}
