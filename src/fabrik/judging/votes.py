"""Counts votes. Pure. A pass needs more than half of all votes: ties fail, and a missing vote is no pass."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

from fabrik.judging.model import Judgement, NoVerdict, Vote

Outcome = Literal["pass", "fail", "none", "open"]


def outcome(cast: Sequence[Vote], of: int) -> Outcome:
    """What is certain after these votes out of `of`; "none": no verdict can come of it any more."""
    passes = sum(vote.passed is True for vote in cast)
    fails = sum(vote.passed is False for vote in cast)
    left = of - len(cast)
    if passes >= to_pass(of):
        return "pass"
    if fails >= to_fail(of):
        return "fail"
    if passes + left < to_pass(of) and fails + left < to_fail(of):
        return "none"
    return "open"


def to_pass(of: int) -> int:
    """Votes that make a pass."""
    return of // 2 + 1


def to_fail(of: int) -> int:
    """Votes that make a pass impossible."""
    return of - of // 2


def wave(cast: Sequence[Vote], of: int) -> int:
    """How many votes to ask for at once: the fewest that may decide, and at least one."""
    passes = sum(vote.passed is True for vote in cast)
    fails = sum(vote.passed is False for vote in cast)
    fewest = min(to_pass(of) - passes, to_fail(of) - fails)
    return max(1, min(fewest, of - len(cast)))


def judgement(cast: Sequence[Vote], of: int) -> Judgement:
    """The verdict of these votes. Raises NoVerdict."""
    match outcome(cast, of):
        case "pass":
            return Judgement(passed=True, feedback="", votes=tuple(cast))
        case "fail":
            said = dict.fromkeys(vote.feedback for vote in cast if vote.passed is False)
            return Judgement(passed=False, feedback="\n\n".join(said), votes=tuple(cast))
        case _:
            problems = dict.fromkeys(vote.problem for vote in cast if vote.passed is None)
            missing = sum(vote.passed is None for vote in cast)
            count = "" if of == 1 else f"{missing} of {of} votes are missing: "
            raise NoVerdict(f"{count}{'; '.join(problems) or 'nobody was asked'}", votes=cast)
