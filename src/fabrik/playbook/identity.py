"""Which item of a plan is which item of a later plan. Pure."""

from __future__ import annotations

import difflib
import re
from collections.abc import Sequence

_DASH = r"[:.)\u2014\u2013-]"
_NUMBER = re.compile(
    rf"(?:(?:task|step|item|issue)\s*#?\d+(?:\.\d+)*[a-z]?|\d+(?:\.\d+)+|\d+(?=[.):]))(?:\s*{_DASH}+\s*|\s+|$)",
    re.IGNORECASE,
)
_PRIORITY = re.compile(
    rf"(?:[\[(](?:P\d|high|medium|low|critical|urgent)(?:\s+priority)?[\])]|P\d\b)\s*{_DASH}?\s*",
    re.IGNORECASE,
)
_ALIKE = 0.8  # of the letters of two keys: a few words changed, the thing is the same
_BEGINS_ALIKE = 3  # words: an item that only grew or shrank at its end


def key(text: str) -> str:
    """Who an item is: its words in small letters, without numbering, priority and punctuation."""
    line = text
    for pattern in (_NUMBER, _PRIORITY, _NUMBER):
        if match := pattern.match(line):
            line = line[match.end() :]
    words = re.findall(r"[^\W_]+", line.casefold()) or re.findall(r"[^\W_]+", text.casefold())
    return " ".join(words) or text.strip().casefold() or "?"


def pair(before: Sequence[str], after: Sequence[str]) -> dict[str, str]:
    """Which key is which later one: equal keys first, then the most alike of the rest, if alike enough."""
    later = set(after)
    pairs = {name: name for name in before if name in later}
    left = [name for name in before if name not in pairs]
    rest = [name for name in after if name not in pairs]
    # Two keys with different numbers in them are different things: "parse v1", "parse v2".
    numbered: dict[tuple[str, ...], list[str]] = {}
    for name in rest:
        numbered.setdefault(_numbers(name), []).append(name)
    ranked = sorted(
        (
            (likeness(old, new), at, old, new)
            for at, old in enumerate(left)
            for new in numbered.get(_numbers(old), ())
        ),
        key=lambda entry: (-entry[0], entry[1]),
    )
    taken: set[str] = set()
    for degree, _, old, new in ranked:
        if degree >= _ALIKE and old not in pairs and new not in taken:
            pairs[old] = new
            taken.add(new)
    return pairs


def likeness(old: str, new: str) -> float:
    """How alike two keys are, from 0 to 1; 0 also for those that are not alike enough."""
    short, long = sorted((old, new), key=len)
    if long.startswith(short + " ") and len(short.split()) >= _BEGINS_ALIKE:
        return 0.9
    if not set(short.split()) & set(long.split()):
        return 0.0
    matcher = difflib.SequenceMatcher(None, old, new, autojunk=False)
    # The two bounds from above are quick: most pairs of a plan that was written anew end here.
    if matcher.real_quick_ratio() < _ALIKE or matcher.quick_ratio() < _ALIKE:
        return 0.0
    return matcher.ratio()


def _numbers(name: str) -> tuple[str, ...]:
    return tuple(re.findall(r"\d+", name))
