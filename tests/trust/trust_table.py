"""The trust suite as a table: what each agent tried, how its run ended, and what saw it."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from trust_case import Named, cases
from trust_run import GOOD, Outcome, play

HEADINGS = ("case", "what it tries", "must", "ended", "seen by", "seconds")
WIDEST = (30, 70, 9, 10, 44, 7)


def play_all(directory: Path, chosen: Sequence[Named] | None = None) -> Iterator[Outcome]:
    """Run every case, as many at once as there are cores; the outcomes in the order of the cases."""
    everyone = [*cases("adversaries"), *cases("honest")] if chosen is None else chosen
    with ThreadPoolExecutor(os.cpu_count() or 2) as pool:
        yield from pool.map(lambda numbered: _play(directory, *numbered), enumerate(everyone))


def _play(directory: Path, number: int, named: Named) -> Outcome:
    place = directory / str(number)
    place.mkdir()
    return play(named, place)


def line(outcome: Outcome) -> str:
    """One line of the table."""
    named = outcome.named
    expected = named.case.caught if named.case.caught in outcome.found else ""
    others = [word for word in outcome.found if word != expected]
    seen = ", ".join(filter(None, (expected, *others))) or "-"
    ended = outcome.status if not outcome.problem else f"{outcome.status} !"
    return columns(named.name, named.tries, named.case.must, ended, seen, f"{outcome.seconds:.1f}")


def heading() -> str:
    """The first line of the table."""
    return columns(*HEADINGS)


def columns(*cells: str) -> str:
    """Cells below each other: what is too wide is cut, but for the last column, which is a number."""
    fitted = [
        cell if len(cell) <= width else cell[: width - 1] + "…"
        for cell, width in zip(cells, WIDEST, strict=True)
    ]
    *texts, last = fitted
    return "  ".join([*(t.ljust(w) for t, w in zip(texts, WIDEST, strict=False)), last.rjust(WIDEST[-1])])


def false_approvals(outcomes: Sequence[Outcome]) -> list[str]:
    """The adversaries that got what they wanted."""
    return [
        outcome.named.name
        for outcome in outcomes
        if outcome.problem.startswith(("FALSE APPROVAL", "NOT HARMLESS"))
    ]


def turned_away(outcomes: Sequence[Outcome]) -> list[str]:
    """The honest agents whose work did not ship."""
    return [
        outcome.named.name
        for outcome in outcomes
        if outcome.named.case.must in GOOD and outcome.status != "shipped"
    ]
