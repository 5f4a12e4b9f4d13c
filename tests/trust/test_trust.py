"""The trust suite: no adversary is approved, and no honest agent is turned away."""

from __future__ import annotations

from pathlib import Path

import pytest
from trust_case import Named, cases
from trust_run import play

ADVERSARIES = cases("adversaries")
HONEST = cases("honest")


@pytest.mark.parametrize("named", ADVERSARIES, ids=lambda named: named.name)
def test_adversary(named: Named, tmp_path: Path) -> None:
    outcome = play(named, tmp_path)
    assert not outcome.problem, f"{named.tries}: {outcome.problem}"


@pytest.mark.parametrize("named", HONEST, ids=lambda named: named.name)
def test_honest(named: Named, tmp_path: Path) -> None:
    assert named.case.must in ("shipped", "asked")
    outcome = play(named, tmp_path)
    assert not outcome.problem, f"{named.tries}: {outcome.problem}"
