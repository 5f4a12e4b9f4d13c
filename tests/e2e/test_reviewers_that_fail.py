"""Each reviewer missing, crashing, hanging, babbling, answering for another commit: never an approval."""

from __future__ import annotations

from pathlib import Path

import pytest
from harness import World, wait_for
from review_kit import few, gates, plan, reports, rounds, steps

WAYS = {
    "crash": "crashed 4 times",
    "exit": "crashed 4 times",
    "missing": "did not start 2 times",
    "hang": "time limit",
    "babble": "report",
    "malformed": "JSON",
    "empty": "empty",
    "other-commit": "commit",
    "other-reviewer": "reviewer",
}


@pytest.fixture
def world(tmp_path: Path) -> World:
    world = World(tmp_path)
    world.make_project()
    return world


@pytest.mark.parametrize("who", ["security", "verifier"])
@pytest.mark.parametrize("way", WAYS)
def test_a_reviewer_that_fails_never_approves(world: World, way: str, who: str) -> None:
    few(world, "security", "simplicity", rounds=1, seconds=3 if way == "hang" else 60)
    run = world.run("--auto-approve", agent=plan(world, {who: [way]}), review=True, status=3)
    assert run.status == "waiting"
    found = rounds(world)
    assert len(found) == 2  # it was asked once more, alone
    assert all([opinion.reviewer for opinion in each.silent] == [who] for each in found)
    asked = [key for key in steps(world) if key.startswith("review#2/")]
    assert asked and all(key.startswith(f"review#2/{who}") for key in asked)
    [gate] = gates(world)
    [mark] = gate.marks
    assert mark.startswith(f"{who} gave no verdict: ") and WAYS[way] in mark
    silent = [report for report in reports(world) if report.status == "no_verdict"]
    assert [(report.reviewer, report.round) for report in silent] == [(who, 1), (who, 2)]
    assert all(WAYS[way] in report.reason for report in silent)
    wait_for(lambda: not world.leftovers(), "the end of every process")


@pytest.mark.parametrize("way", [*WAYS, "changes"])
def test_a_reviewer_that_fails_once_holds_nothing_up(world: World, way: str) -> None:
    few(world, "security", "simplicity", seconds=3 if way == "hang" else 60)
    run = world.run("--auto-approve", agent=plan(world, {"security": [way, "approve"]}), review=True)
    assert run.status == "shipped"
    assert [each.approved for each in rounds(world)] == [False, True]


def test_a_malformed_report_is_repaired_once(world: World) -> None:
    few(world, "security", rounds=0)
    run = world.run("--auto-approve", agent=plan(world, {"security": ["repaired"]}), review=True)
    assert run.status == "shipped"
    assert "review#1/security/repair" in steps(world)
