"""What a review found, and what it costs in points."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from fabrik.specs.reviewing.outline import Said

# What one finding costs. More than 100 - DEFAULT_MIN_SCORE: it alone makes a spec need work.
GRAVE = 41
SERIOUS = 21
NOTABLE = 10
SLIGHT = 4

DEFAULT_MIN_SCORE = 80

# What all findings of one rule can cost together, by their worst: ten small things are not one grave thing.
_MOST = ((GRAVE, 60), (SERIOUS, 60), (NOTABLE, 30), (0, 12))
_WORDS = 90


@dataclass(frozen=True, kw_only=True)
class Finding:
    """One thing that makes a spec harder to check."""

    rule: str
    line: int
    words: str  # what it is about, quoted from the spec; empty: the spec as a whole
    why: str
    instead: str
    points: int
    file: Path | None = None  # where it is not the spec's own file: a todo


def of(said: Said, rule: str, why: str, instead: str, points: int, words: str = "") -> Finding:
    """A finding about one statement."""
    return Finding(
        rule=rule, line=said.line, words=shorten(words or said.text), why=why, instead=instead, points=points
    )


def shorten(text: str, most: int = _WORDS) -> str:
    """On one line, cut at a word."""
    line = " ".join(text.split())
    if len(line) <= most:
        return line
    return line[: most - 1].rsplit(" ", 1)[0] + "…"


def score(findings: Iterable[Finding]) -> int:
    """0 to 100."""
    by_rule: dict[str, list[int]] = {}
    for finding in findings:
        by_rule.setdefault(finding.rule, []).append(finding.points)
    return max(0, 100 - sum(min(sum(points), _most(max(points))) for points in by_rule.values()))


def capped(findings: Iterable[Finding]) -> list[tuple[str, int, int]]:
    """The rules of which not all points count: its name, their sum, and what counts of it."""
    by_rule: dict[str, list[int]] = {}
    for finding in findings:
        by_rule.setdefault(finding.rule, []).append(finding.points)
    return [
        (rule, sum(points), _most(max(points)))
        for rule, points in by_rule.items()
        if sum(points) > _most(max(points))
    ]


def _most(worst: int) -> int:
    return next(most for least, most in _MOST if worst >= least)
