"""Which item of a plan is which item of a later plan. Pure."""

from __future__ import annotations

import difflib
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from itertools import islice

_DASH = r"[:.)\u2014\u2013-]"
_NUMBER = re.compile(
    rf"(?:(?:task|step|item|issue)\s*#?\d+(?:\.\d+)*[a-z]?|\d+(?:\.\d+)+|\d+(?=[.):]))(?:\s*{_DASH}+\s*|\s+|$)",
    re.IGNORECASE,
)
_PRIORITY = re.compile(
    rf"(?:[\[(](?:P\d|high|medium|low|critical|urgent)(?:\s+priority)?[\])]|P\d\b)\s*{_DASH}?\s*",
    re.IGNORECASE,
)
_LETTERS = 200  # of a key; what is longer is compared word by word
_WORK = 10_000_000  # pairs of letters that are compared for one plan: more takes seconds, and says no more
_PAIRS = 40_000  # of keys that are looked at
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
    alike = (
        (likeness(old, new), at, old, new)
        for at, old, new in _worth(
            (at, old, new) for at, old in enumerate(left) for new in numbered.get(_numbers(old), ())
        )
    )
    ranked = sorted(alike, key=lambda entry: (-entry[0], entry[1]))
    taken: set[str] = set()
    for degree, _, old, new in ranked:
        if degree >= _ALIKE and old not in pairs and new not in taken:
            pairs[old] = new
            taken.add(new)
    return pairs


def likeness(old: str, new: str) -> float:
    """How alike two keys are, from 0 to 1; 0 also for those that are not alike enough."""
    short, long = sorted((old, new), key=len)
    if _grew(short, long):
        return 0.9
    if not set(short.split()) & set(long.split()):
        return 0.0
    if len(long) > _LETTERS:
        return _words_alike(short.split(), long.split())
    matcher = difflib.SequenceMatcher(None, old, new, autojunk=False)
    # The two bounds from above are quick: most pairs of a plan that was written anew end here.
    if matcher.real_quick_ratio() < _ALIKE or matcher.quick_ratio() < _ALIKE:
        return 0.0
    return matcher.ratio()


def _worth(pairs: Iterable[tuple[int, str, str]]) -> Iterator[tuple[int, str, str]]:
    """As many of the pairs as can be compared without delay: of plans that people read, all."""
    work = 0
    for at, old, new in islice(pairs, _PAIRS):
        if 2 * min(len(old), len(new)) < _ALIKE * (len(old) + len(new)) and not _grew(old, new):
            continue
        work += min(len(old), _LETTERS) * min(len(new), _LETTERS)
        if work > _WORK:
            return
        yield at, old, new


def _words_alike(old: Sequence[str], new: Sequence[str]) -> float:
    """The share of the words that two texts have in common, whatever their order."""
    return 2 * (Counter(old) & Counter(new)).total() / (len(old) + len(new))


def _grew(old: str, new: str) -> bool:
    """Whether the longer of the two is the other with more words after it."""
    short, long = sorted((old, new), key=len)
    return long.startswith(short + " ") and len(short.split()) >= _BEGINS_ALIKE


def _numbers(name: str) -> tuple[str, ...]:
    return tuple(re.findall(r"\d+", name))
