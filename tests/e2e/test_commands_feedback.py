"""`fabrik feedback` on real runs: what people say reaches the agent."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from harness import HONEST, World, git
from trouble_kit import Gatekeeper, given, refused, shipped_well, world_at

# Keeps every prompt that it is given, in the files of its work.
LISTENING = HONEST.replace('echo "$id" >', 'cat > "heard-$id.txt"; git add "heard-$id.txt"\necho "$id" >')
WORDS = "use the existing parser, please"


@pytest.fixture
def world(tmp_path: Path) -> World:
    return world_at(tmp_path)


def listed(world: World, run: str) -> list[dict[str, Any]]:
    found = json.loads(world.fabrik("runs", "feedback", run, "--json").stdout)
    assert isinstance(found, list)
    return found


def heard(world: World, number: int, branch: str = "spec-feature") -> str:
    return git("show", f"{branch}:heard-{number}.txt", cwd=world.project)


def test_a_note_is_used_in_the_next_session(world: World) -> None:
    keeper = Gatekeeper(world)
    agent = keeper.agent("task/1/implement#1", LISTENING)
    world.fabrik("run", *given(world, agent=agent), "--auto-approve", "--detach")
    run = world.last()
    keeper.wait(run.id)
    said = world.fabrik("feedback", run.id[-8:], "--notes", WORDS).stdout
    assert "next implementing session" in said
    keeper.let_go()
    world.fabrik("run", "attach", run.id)
    assert WORDS not in heard(world, 1)
    assert WORDS in heard(world, 2)
    note, approval = listed(world, run.id)
    assert (note["decision"], note["used_by"]) == ("noted", "task/2/implement#1")
    assert (approval["decision"], approval["by"]) == ("approved", "--auto-approve")
    assert "used in task/2/implement#1" in world.fabrik("runs", "feedback", run.id).stdout


def test_what_is_said_of_an_ended_run_is_told_to_the_next_one_of_its_spec(world: World) -> None:
    spec = world.make_spec()
    first = world.run("--auto-approve", "--branch", "first", spec=spec)
    world.fabrik("feedback", "--spec", spec, "--decision", "rejected", "--notes", WORDS)
    assert [said["decision"] for said in listed(world, first.id)] == ["approved", "rejected"]
    world.run("--auto-approve", "--branch", "second", spec=spec, agent=world.make_agent(LISTENING))
    assert WORDS in heard(world, 1, "second")


def test_a_decision_at_the_gate(world: World) -> None:
    run = world.run(status=3)
    world.fabrik("feedback", run.id, "--decision", "approved", "--notes", "nice")
    shipped_well(world, run.id)
    assert [(said["gate"], said["decision"]) for said in listed(world, run.id)] == [(1, "approved")]
    assert "name a run or a spec" in refused(world, "feedback", "--notes", "x")
