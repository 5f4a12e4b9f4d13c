"""Two statements that differ in one number, one negation or one opposite, and so cannot both hold. Pure."""

from __future__ import annotations

import re
from collections.abc import Sequence

from fabrik.specs.reviewing.finding import SERIOUS, Finding, of
from fabrik.specs.reviewing.outline import Outline, Said
from fabrik.specs.reviewing.words import CODE, stem

MOST_COMPARED = 400  # statements: every one is compared with every other
_TOKEN = re.compile(r"\x00\d+\x00|[^\W_]+(?:[.,]\d+)*(?:'[a-z]+)?|%")
_NEGATIONS = frozenset({"not", "never", "no"})
_AUXILIARY = frozenset({"do", "does", "did", "be", "ever"})
_OPPOSITES = frozenset(
    frozenset(pair.split("/"))
    for pair in [
        "newest/oldest",
        "ascending/descending",
        "always/never",
        "enabled/disabled",
        "allowed/forbidden",
        "accepted/refused",
        "accepted/rejected",
        "visible/hidden",
        "shown/hidden",
        "public/private",
        "synchronous/asynchronous",
        "case-sensitive/case-insensitive",
        "required/optional",
        "mandatory/optional",
        "ephemeral/permanent",
    ]
)
_UNITS = frozenset(
    [
        "ms",
        "s",
        "sec",
        "second",
        "seconds",
        "min",
        "minute",
        "minutes",
        "h",
        "hour",
        "hours",
        "day",
        "days",
        "week",
        "weeks",
        "month",
        "months",
        "year",
        "years",
        "b",
        "byte",
        "bytes",
        "kb",
        "kib",
        "mb",
        "mib",
        "gb",
        "gib",
        "%",
        "percent",
        "px",
    ]
)
# A number behind one of these is what comes out, not what was put in.
_STATUS = frozenset({"status", "code", "exits"})
_STATUS_OF_THREE = frozenset({"returns", "gets", "answers", "gives"})
_ENDS = frozenset(
    [
        "ends",
        "expires",
        "closes",
        "stops",
        "lasts",
        "lapses",
        "deleted",
        "removed",
        "purged",
        "kept",
        "stored",
        "valid",
        "locked",
        "out",
    ]
)
_VERBS = frozenset(
    [
        "is",
        "are",
        "gets",
        "get",
        "returns",
        "prints",
        "shows",
        "exits",
        "raises",
        "gives",
        "has",
        "have",
        "answers",
        "stays",
        "can",
        "must",
    ]
)


def clashes(spec: Outline) -> list[Finding]:
    """Statements of which only one can be true."""
    statements = [*spec.requirements, *spec.criteria][:MOST_COMPARED]
    read = [(said, _tokens(said.text)) for said in statements]
    found: list[Finding] = []
    for n, (said, own) in enumerate(read):
        for first, other in read[:n]:
            if first.line != said.line and _clash(own, other):
                found.append(_finding(said, first))
                break
    return found


def _finding(said: Said, first: Said) -> Finding:
    why = f"it and line {first.line} cannot both hold: they differ in a single point"
    return of(said, "contradiction", why, "keep one of the two, or say when which of them holds", SERIOUS)


def _tokens(text: str) -> tuple[str, ...]:
    """The words, each code span as one of them, without what only holds them together."""
    codes: dict[str, int] = {}

    def kept(match: re.Match[str]) -> str:
        return f" \x00{codes.setdefault(match[2], len(codes))}\x00 "

    low = CODE.sub(kept, text).casefold().replace("n't", " not").replace("cannot", "can not")
    spans = list(codes)
    return tuple(
        spans[int(token.strip("\x00"))] if token.startswith("\x00") else token
        for token in _TOKEN.findall(low)
    )


def _clash(one: Sequence[str], other: Sequence[str]) -> bool:
    if min(len(one), len(other)) < 3:
        return False
    if len(one) == len(other):
        differing = [n for n, pair in enumerate(zip(one, other, strict=True)) if pair[0] != pair[1]]
        if len(differing) == 1:
            at = differing[0]
            return frozenset((one[at], other[at])) in _OPPOSITES or _outcomes(one, other, at)
        if len(differing) == 2 and differing[1] == differing[0] + 1:
            return _bounds(one, other, differing[0])
        return False
    return abs(len(one) - len(other)) <= 2 and _negated(one, other)


def _outcomes(one: Sequence[str], other: Sequence[str], at: int) -> bool:
    """Whether the one number that differs is what comes out of the same input."""
    if not (one[at][:1].isdigit() and other[at][:1].isdigit()) or at == 0:
        return False
    before, rest = one[at - 1], one[at + 1 :]
    if before in ("with", "status", "code", "of") and at > 1 and one[at - 2] in (*_STATUS, "exit", "ends"):
        return True
    if before in _STATUS or (before in _STATUS_OF_THREE and len(one[at]) == len(other[at]) == 3):
        return True
    if not rest or rest[0] not in _UNITS or _VERBS & set(rest):
        return False
    if before in ("is", "are"):
        return True
    return before in ("after", "in", "within", "for") and bool(_ENDS & set(one[:at]))


def _bounds(one: Sequence[str], other: Sequence[str], at: int) -> bool:
    """Whether one says at least so many, the other at most fewer."""
    bounds = {one[at]: one[at + 1], other[at]: other[at + 1]}
    if set(bounds) != {"least", "most"} or at == 0 or one[at - 1] != "at":
        return False
    least, most = bounds["least"], bounds["most"]
    return least.isdecimal() and most.isdecimal() and int(least) > int(most)


def _negated(one: Sequence[str], other: Sequence[str]) -> bool:
    counts = [sum(token in _NEGATIONS for token in tokens) for tokens in (one, other)]
    if abs(counts[0] - counts[1]) != 1:
        return False
    bare = [
        [stem(token) for token in tokens if token not in _NEGATIONS | _AUXILIARY] for tokens in (one, other)
    ]
    return bare[0] == bare[1]
