"""`fabrik todo generate` end to end: an agent plans, the host checks the plan, and a run works through it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from harness import World, git, wait_for
from interview_kit import command, prompt, script, steps

from fabrik.specs.read import load

FIRST = {
    "id": "one",
    "do": "done-1.txt is written.",
    "verify": "done-1.txt holds 1.",
    "covers": [1],
    "tests": ["done-1.txt holds 1"],
    "checks": [{"name": "first", "run": "test -s done-1.txt"}],
}
SECOND = {
    "id": "two",
    "do": "done-2.txt too.",
    "verify": "done-2.txt holds 2.",
    "covers": [2],
    "tests": ["it is 2"],
}


def plans(*tasks: dict[str, Any]) -> list[dict[str, Any]]:
    return [
        {"print": "{{prompt}}"},
        {"report": {"v": 1, "tdd": True, "dod": ["clean"], "tasks": list(tasks)}},
    ]


@pytest.fixture
def world(tmp_path: Path) -> World:
    made = World(tmp_path)
    made.make_project()
    return made


@pytest.fixture
def spec(world: World) -> Path:
    path = world.make_spec(accept=["done-1.txt holds 1", "done-2.txt holds 2"])
    path.with_suffix(".todo.json").unlink()
    return path


def test_a_spec_is_taken_apart_and_built(world: World, spec: Path) -> None:
    agent = script(
        world,
        {
            "tasks": plans(FIRST, SECOND),
            "task/one/*": [{"write": "done-1.txt", "text": "1\n"}, {"commit": "Do one"}],
            "task/two/*": [{"write": "done-2.txt", "text": "2\n"}, {"commit": "Do two"}],
        },
    )
    said = command(world, "todo", "generate", spec, *agent).stdout
    for shown in ("  1  one", "test: done-1.txt holds 1", "check: first", "2 tasks, 2 required tests; all 2"):
        assert shown in said
    told = prompt(world, "tasks")
    assert "1. done-1.txt holds 1\n2. done-2.txt holds 2" in told and "every task is done" in told
    assert "- task 1: `test" in told
    todo = load(spec).todo
    assert todo is not None and [task.id for task in todo.tasks] == ["one", "two"]
    assert "Required tests:\n- it is 2" in todo.tasks[1].verify
    run = world.last()
    assert (run.status, run.workflow) == ("done", "todo")
    assert git("branch", "--list", "--format=%(refname:short)", cwd=world.project) == "main"
    command(world, "spec", "validate", spec)
    command(world, "run", "--spec", spec, "--project", world.project, *agent, "--no-review", "--auto-approve")
    assert world.commits() == ["Do one", "Do two"]
    wait_for(lambda: not world.leftovers(), "the end of every process")


def test_a_criterion_that_was_left_out_is_told_to_the_agent_once(world: World, spec: Path) -> None:
    agent = script(world, {"tasks": plans(FIRST), "tasks/repair": plans(FIRST, SECOND)})
    command(world, "todo", "generate", spec, *agent)
    told = prompt(world, "tasks/repair")
    assert "criterion 2 is covered by no task" in told and '"done-1.txt is written."' in told
    assert steps(world).keys() == {"tasks", "tasks/repair", "write"}


def test_an_incomplete_plan_is_not_written(world: World, spec: Path) -> None:
    agent = script(world, {"tasks*": plans(FIRST)})
    said = command(world, "todo", "generate", spec, *agent, status=1).stdout
    assert "criterion 2 is covered by no task" in " ".join(said.split())
    assert not spec.with_suffix(".todo.json").exists()
    shown = command(world, "why", "last").stdout
    assert "fabrik todo generate" in shown


def test_a_todo_that_is_there_stays_unless_forced(world: World, spec: Path) -> None:
    mine = spec.with_suffix(".todo.json")
    mine.write_text("mine")
    agent = script(world, {"tasks": plans(FIRST, SECOND)})
    refused = command(world, "todo", "generate", spec, *agent, status=2).stderr
    assert "is there already" in refused and "--force" in refused
    assert mine.read_text() == "mine" and not (world.home / "ledger.db").exists()
    command(world, "todo", "generate", spec, "--out", world.directory / "sub" / "other.json", *agent)
    assert (world.directory / "sub" / "other.json").is_file() and mine.read_text() == "mine"
    command(world, "todo", "generate", spec, "--force", *agent)
    assert json.loads(mine.read_text())["id"] == "feature"


def test_a_dry_run_writes_nothing(world: World, spec: Path) -> None:
    agent = script(world, {"tasks": plans(FIRST, SECOND)})
    done = command(world, "todo", "generate", spec, "--dry-run", "--json", *agent)
    assert [task["id"] for task in json.loads(done.stdout)["tasks"]] == ["one", "two"]
    assert "nothing was written" in done.stderr and not spec.with_suffix(".todo.json").exists()


def test_held_out_checks_stay_unseen(world: World, spec: Path) -> None:
    values = json.loads(spec.read_text())
    spec.write_text(json.dumps(values | {"holdout": [{"name": "secret-name", "run": "sh secret-run.sh"}]}))
    agent = script(world, {"tasks": [{"run": "cat /proc/mounts"}, *plans(FIRST, SECOND)]})
    command(world, "todo", "generate", spec, *agent)
    assert "secret" not in prompt(world, "tasks")


def test_specs_that_cannot_be_taken_apart(world: World) -> None:
    own = world.directory / "own.md"
    own.write_text(
        "# X\n\n## Goals\n\n- a\n\n## Acceptance Criteria\n\n- b\n\n## Tasks\n\n1. c\n   Verify: d\n\n"
        "## Verification\n\n```sh\nmake test\n```\n"
    )
    agent = script(world, {"*": []})
    assert "lists its tasks itself" in command(world, "todo", "generate", own, *agent, status=2).stderr
    own.write_text("# X\n")
    refused = command(world, "todo", "generate", own, *agent, status=2).stderr
    assert "has no goals" in refused and "has no acceptance criteria" in refused
    gone = command(world, "todo", "generate", "gone.md", *agent, status=2).stderr
    assert "no such file" in gone and not (world.home / "ledger.db").exists()
