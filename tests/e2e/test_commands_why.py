"""`fabrik why` of real runs: what it says is what is the case, and what it names moves the run."""

from __future__ import annotations

import json
import shlex
from pathlib import Path
from typing import Any

import pytest
from harness import World, git
from trouble_kit import kill, shipped_well, waiting_run, worker_of, world_at


@pytest.fixture
def world(tmp_path: Path) -> World:
    return world_at(tmp_path)


def why(world: World) -> dict[str, Any]:
    found = json.loads(world.fabrik("why", "last", "--json").stdout)
    assert isinstance(found, dict)
    assert world.fabrik("why", "last").stdout.splitlines()[1].strip().startswith("now ")
    return found


def do(world: World, found: dict[str, Any], verb: str, status: int = 0) -> None:
    """Type the command that was named."""
    [command] = [
        move["command"] for move in found["moves"] if move["command"] and f" {verb} " in move["command"]
    ]
    world.fabrik(*shlex.split(command)[1:], status=status)


def test_from_the_first_session_to_the_branch(world: World) -> None:
    keeper, run = waiting_run(world, "--no-review")
    found = why(world)
    assert found["standing"] == "session"
    assert "implements task 2 of 2: Do task 2 (task/2/implement#1)" in found["what"]
    assert found["since"] is not None
    kill(worker_of(world, run.id))
    found = why(world)
    assert found["standing"] == "interrupted"
    keeper.let_go()
    do(world, found, "resume", status=3)
    found = why(world)
    assert found["standing"] == "gate"
    do(world, found, "approve")
    shipped_well(world, run.id)
    found = why(world)
    assert found["standing"] == "shipped"
    assert f"branch spec-feature in {world.project}" in found["what"]


def test_an_agent_that_does_nothing_is_explained(world: World) -> None:
    world.run("--auto-approve", agent=world.make_agent("#!/bin/sh\n", "idle"), status=4)
    found = why(world)
    assert (found["status"], found["standing"]) == ("blocked", "blocked")
    assert "makes no progress" in found["what"]
    assert "\n" not in found["what"]


def test_a_decision_that_nobody_has_carried_out(world: World) -> None:
    from fabrik.ledger.store import Ledger

    run = world.run(status=3)
    with Ledger.open(world.home / "ledger.db") as ledger:
        ledger.decide_gate(run.id, 1, approve=True, by="ada", notes=None)
    found = why(world)
    assert found["standing"] == "decided"
    do(world, found, "resume")
    shipped_well(world, run.id)


def test_diff_of_a_waiting_run_is_that_of_its_candidate(world: World) -> None:
    run = world.run(status=3)
    commits = (run.base_commit, str(run.candidate))
    repository = world.home / "runs" / run.id / "repo.git"
    patch = world.fabrik("runs", "diff", run.id).stdout
    assert patch.strip() == git("diff-tree", "-r", "-p", "--no-renames", *commits, cwd=repository)
    assert "+++ b/done-2.txt" in patch
    assert "done-2.txt" in world.fabrik("runs", "diff", "last", "--stat").stdout
