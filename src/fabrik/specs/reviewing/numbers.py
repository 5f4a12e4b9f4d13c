"""The same quantity with two values. Pure."""

from __future__ import annotations

import re
from dataclasses import dataclass

from fabrik.specs.reviewing import lexicon
from fabrik.specs.reviewing.finding import SERIOUS, Finding, of
from fabrik.specs.reviewing.outline import Outline, Said
from fabrik.specs.reviewing.words import plain, stem, stems

_UNITS = {
    **dict.fromkeys(("ms", "millisecond", "milliseconds"), ("time", 0.001)),
    **dict.fromkeys(("s", "sec", "secs", "second", "seconds"), ("time", 1.0)),
    **dict.fromkeys(("min", "minute", "minutes"), ("time", 60.0)),
    **dict.fromkeys(("h", "hour", "hours"), ("time", 3600.0)),
    **dict.fromkeys(("day", "days"), ("time", 86400.0)),
    **dict.fromkeys(("week", "weeks"), ("time", 604800.0)),
    **dict.fromkeys(("b", "byte", "bytes"), ("size", 1.0)),
    **dict.fromkeys(("kb", "kib"), ("size", 1e3)),
    **dict.fromkeys(("mb", "mib", "megabytes"), ("size", 1e6)),
    **dict.fromkeys(("gb", "gib", "gigabytes"), ("size", 1e9)),
    **dict.fromkeys(("%", "percent"), ("share", 1.0)),
}
_NUMBERS = ["zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten"]
_WORDS = {word: n for n, word in enumerate(_NUMBERS)}
_AMOUNT = re.compile(
    rf"(?<![\w.$#/-])(?P<n>\d[\d,]*(?:\.\d+)?|(?:{'|'.join(_WORDS)})\b)(?:[\s-]*(?P<unit>%|[A-Za-z]+))?"
)
# How a number is meant. What merely counts something in an example is compared with nothing.
_KINDS = {
    "most": (
        r"at most|no(?:t)? (?:more|longer|larger|older) than|maximum(?: of)?|max\.?|up to|limit(?:ed)? "
        r"(?:to|of|is)|"
        r"(?:more|longer|larger|greater|bigger|older) than|over|above|exceed\w*|within|under|below|"
        r"(?:less|fewer) than|"
        r"capped at"
    ),
    "least": r"at least|minimum(?: of)?|min\.?|no (?:fewer|less) than|(?:shorter|smaller) than",
    "set": (
        r"defaults? (?:to|is|of)|by default|(?:size|limit|timeout|port|interval|ttl|threshold|quota|"
        r"retention|duration)"
        r"(?: is| of| to|:)"
    ),
    "lasts": (
        r"(?:kept|stored|retained|valid|cached|locked|lasts?|keeps?|stays?)(?: for)?|lasts?|every|"
        r"(?:times? out|waits?)(?: for| after)?|"
        r"expires?(?: in| after)?"
    ),
}
_BOUND = re.compile(
    "|".join(rf"(?P<{name}>(?<!\w)(?:{pattern})(?!\w))" for name, pattern in _KINDS.items())
    + r"|(?P<sign>[<≤>≥])",
    re.IGNORECASE,
)
_SIGNS = {"<": "most", "≤": "most", ">": "least", "≥": "least"}
_LIFETIME = re.compile(
    r"\b(?:kept|keep\w*|stor\w+|retain\w*|retention|valid\w*|last\w*|expir\w*|delet\w*|remov\w*|purg\w*|"
    r"times? out|timeouts?)\b",
    re.IGNORECASE,
)
_SCOPE = re.compile(
    r"\b(?:in|on|for|per|with|by|when|if|while|from|as|without) (?:an? |the |all |every )?([a-z][\w-]+)"
)
_GENERIC = frozenset(stem(word) for word in lexicon.entries("bounding"))


@dataclass(frozen=True, kw_only=True)
class _Amount:
    said: Said
    kind: str
    unit: str
    value: float
    about: frozenset[str]  # what it is a bound of
    scope: frozenset[str]  # where it holds: for free accounts, in lists
    lifetime: bool
    shown: str


def contradictions(spec: Outline) -> list[Finding]:
    """Two statements that give the same bound of the same thing two values."""
    amounts = [
        amount
        for said in (*spec.goals, *spec.requirements, *spec.criteria, *spec.assumptions)
        for amount in _amounts(said)
    ]
    found: list[Finding] = []
    told: set[tuple[int, int]] = set()
    for n, one in enumerate(amounts):
        for other in amounts[:n]:
            lines = (other.said.line, one.said.line)
            if one.said is other.said or lines in told or not _clash(one, other):
                continue
            told.add(lines)
            why = f"it says {one.shown}, and line {other.said.line} says {other.shown}"
            found.append(
                of(one.said, "contradiction", why, "keep one of the two values, in one place", SERIOUS)
            )
    return found


def _clash(one: _Amount, other: _Amount) -> bool:
    if (
        one.unit != other.unit
        or one.value == other.value
        or (one.scope - other.about)
        or (other.scope - one.about)
    ):
        return False
    if one.kind != other.kind:
        # What is kept for 30 days and removed after 14: two ways to say how long something lives.
        lives = {one.kind, other.kind} <= {"most", "lasts", "set"} and one.lifetime and other.lifetime
        return lives and one.unit == "time" and bool(one.about) and one.about == other.about
    shared = one.about & other.about
    if not shared:
        return False
    # What only one of them names tells them apart, unless it says nothing more.
    return (
        one.about <= other.about
        or other.about <= one.about
        or len(shared) * 5 >= len(one.about | other.about) * 3
    )


def _amounts(said: Said) -> list[_Amount]:
    text = plain(said.text)
    found = []
    for match in _AMOUNT.finditer(text):
        before = text[: match.start()]
        bounds = list(_BOUND.finditer(before))
        if not bounds or before[bounds[-1].end() :].strip(" :=`'\""):
            continue
        kind = _SIGNS.get(bounds[-1][0], str(bounds[-1].lastgroup))
        word = (match["unit"] or "").casefold()
        if not word and kind != "set":
            continue
        number = match["n"].casefold()
        value = float(_WORDS[number]) if number in _WORDS else float(number.replace(",", ""))
        unit, factor = _UNITS.get(word, (stem(word), 1.0))
        clause = re.split(r"[;.]\s", before)[-1] + " " + re.split(r"[;.]\s", text[match.end() :])[0]
        labels = frozenset(re.findall(r"\b(?:[a-z]+\d+|\d+[a-z]+)\b", clause.casefold()))
        about = frozenset(word for word in stems(clause) if word not in _GENERIC and not word.isdigit()) - {
            unit
        }
        found.append(
            _Amount(
                said=said,
                kind=kind,
                unit=unit if kind != "set" or unit in ("time", "size", "share") else "",
                value=value * factor,
                about=about | labels | (stems(bounds[-1][0]) - {stem("default")} if kind == "set" else set()),
                scope=frozenset(stem(word) for word in _SCOPE.findall(clause.casefold())) - {unit},
                lifetime=bool(_LIFETIME.search(clause)),
                shown=f"{match['n']} {match['unit'] or ''}".replace(" %", "%").strip(),
            )
        )
    return found
