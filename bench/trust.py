"""The trust suite as a measurement: false approvals and honest work turned away, both to be none.

The cases and what runs them are those of tests/trust.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from pathlib import Path

from bench.figures import Figure

TESTS = Path(__file__).parents[1] / "tests"


def measure(directory: Path) -> Iterator[Figure]:
    """Run every case, print the table, and give its two sums."""
    sys.path[:0] = [str(TESTS / "e2e"), str(TESTS / "trust")]
    from trust_table import false_approvals, heading, line, play_all, turned_away

    began = time.monotonic()
    outcomes = []
    print(heading(), flush=True)
    for outcome in play_all(directory):
        print(line(outcome), flush=True)
        outcomes.append(outcome)
    approved, rejected = false_approvals(outcomes), turned_away(outcomes)
    wrong = [outcome.named.name for outcome in outcomes if outcome.problem]
    seconds = f"{len(outcomes)} agents in {time.monotonic() - began:.0f} s"
    yield Figure(name="false approvals", value=len(approved), bound=0, detail=", ".join(approved) or seconds)
    yield Figure(name="honest work turned away", value=len(rejected), bound=0, detail=", ".join(rejected))
    yield Figure(name="agents not seen as they must be", value=len(wrong), bound=0, detail=", ".join(wrong))
