"""Nothing unproven ships, and an honest agent is not stopped by what is not its fault."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from harness import HONEST, World, git


@pytest.fixture
def world(tmp_path: Path) -> World:
    made = World(tmp_path)
    made.make_project({"README.md": "# project\n", "deps.txt": "one\n"})
    return made


def agent(body: str) -> str:
    return f"#!/bin/sh\n{body}\n"


def test_a_tasks_own_checks_are_verified_too(world: World) -> None:
    spec = world.make_spec(tasks=2, checks=["test -f done-2.txt"])
    todo = spec.with_suffix(".todo.json")
    tasks = json.loads(todo.read_text())
    tasks["tasks"][0]["checks"] = [{"name": "first", "run": "test -f done-1.txt"}]
    todo.write_text(json.dumps(tasks))
    undoing = agent(
        'case "$FABRIK_STEP" in task/1/*) touch done-1.txt; git add -A; git commit -qm 1 ;;\n'
        "task/2/*) git rm -q done-1.txt; touch done-2.txt; git add -A; git commit -qm 2 ;; esac"
    )
    run = world.run("--auto-approve", spec=spec, agent=world.make_agent(undoing), status=4)
    assert run.status == "blocked"
    assert "first" in str(run.failure_reason)
    assert git("branch", "--list", "spec-feature", cwd=world.project) == ""


def test_setup_is_run_at_the_commit_that_is_checked(world: World) -> None:
    world.project.joinpath("fabrik.toml").write_text('setup = ["cp deps.txt installed.txt"]\n')
    world.project.joinpath(".gitignore").write_text("installed.txt\n")
    git("add", "-A", cwd=world.project)
    git("commit", "-q", "-m", "config", cwd=world.project)
    spec = world.make_spec(tasks=1, checks=["grep -q two installed.txt"])
    adding = agent("echo two >> deps.txt; git commit -qam 'Add a dependency'")
    run = world.run("--auto-approve", spec=spec, agent=world.make_agent(adding))
    assert run.status == "shipped"


def test_setup_that_the_agent_broke_goes_back_to_the_agent(world: World) -> None:
    world.project.joinpath("fabrik.toml").write_text('setup = ["sh setup.sh"]\n')
    world.project.joinpath("setup.sh").write_text("true\n")
    git("add", "-A", cwd=world.project)
    git("commit", "-q", "-m", "config", cwd=world.project)
    breaking = agent(
        'case "$FABRIK_STEP" in *implement#1) echo "exit 3" > setup.sh; echo 1 > done-1.txt ;;\n'
        "*) grep -q 'setup command' && echo true > setup.sh ;; esac\ngit add -A; git commit -qm work"
    )
    run = world.run("--auto-approve", spec=world.make_spec(tasks=1), agent=world.make_agent(breaking))
    assert run.status == "shipped"
    assert len(world.events("session.started")) == 2


def test_work_that_git_refuses_is_kept_and_the_agent_is_told(world: World) -> None:
    refused = agent(
        'case "$FABRIK_STEP" in *implement#1) printf "%03000d text\\n" 7 > .gitattributes ;;\n'
        "*) grep -q 'git does not take' || exit 0 ;; esac\n"
        "echo 1 > done-1.txt; git add -A; git commit -qm work"
    )
    run = world.run("--auto-approve", spec=world.make_spec(tasks=1), agent=world.make_agent(refused))
    assert run.status == "shipped"
    assert list((world.home / "runs" / run.id / "kept").glob("*.tar"))


def test_a_workspace_without_permissions_is_no_dead_end(world: World) -> None:
    locking = HONEST + "chmod 000 .\n"
    run = world.run("--auto-approve", agent=world.make_agent(locking))
    assert run.status == "shipped"
    assert len(world.commits()) == 2


@pytest.mark.parametrize(
    ("way", "ends"),
    [
        ("mkdir -p tests/hidden.sh/x; touch tests/hidden.sh/x/y", 0),
        ("mkdir -p elsewhere; touch elsewhere/x; ln -s elsewhere tests", 0),
        ("ln -s /usr tests", 3),  # it passes, and a human has to look at a link that leads out
    ],
)
def test_held_out_files_are_placed_whatever_is_in_the_way(world: World, way: str, ends: int) -> None:
    specs = world.directory / "specs"
    specs.mkdir()
    (specs / "hidden.sh").write_text("test -f done-1.txt\n")
    spec = world.make_spec(
        tasks=1,
        holdout=[{"name": "h", "run": "sh tests/hidden.sh", "files": {"tests/hidden.sh": "hidden.sh"}}],
    )
    made = world.make_agent(agent(f"{way}\n") + HONEST)
    run = world.run("--auto-approve", spec=spec, agent=made, status=ends)
    [held_out] = [event for event in world.events("check.passed") if event.step == "verify/1/held-out"]
    assert held_out.data["name"] == "h"
    assert run.status == ("waiting" if ends else "shipped")


def test_the_same_candidate_gets_no_second_throw(world: World) -> None:
    specs = world.directory / "specs"
    specs.mkdir()
    (specs / "never.sh").write_text("exit 1\n")
    spec = world.make_spec(
        tasks=1, holdout=[{"name": "never", "run": "sh never.sh", "files": {"never.sh": "never.sh"}}]
    )
    idle = agent('case "$FABRIK_STEP" in candidate/*) exit 0 ;; esac') + HONEST
    run = world.run("--auto-approve", spec=spec, agent=world.make_agent(idle), status=4)
    assert run.status == "blocked"
    verified = [
        event.step for event in world.events("step.finished") if str(event.step).startswith("verify#")
    ]
    assert verified == ["verify#1"]


def test_nobody_approves_in_advance_what_nothing_proves(world: World) -> None:
    spec = world.make_spec(tasks=1, checks=["test -f README.md"])
    writing = agent("echo lie > lie.txt; git add -A; git commit -qm lie")
    run = world.run("--auto-approve", spec=spec, agent=world.make_agent(writing), status=3)
    assert run.status == "waiting"
    world.fabrik("approve", run.id)
    assert world.last().status == "shipped"


def test_a_question_is_short_and_harmless(world: World) -> None:
    asking = agent(
        'python3 -c \'import json, os; json.dump({"v": 1, "taskId": "1", "status": "blocked",\''
        '\'"issues": ["\\u009b31m" + "x" * 1900] * 99}, open(os.environ["FABRIK_REPORT"], "w"))\''
    )
    run = world.run("--auto-approve", agent=world.make_agent(asking), status=4)
    assert run.status == "blocked"
    assert len(str(run.failure_reason)) < 2500
    assert "\u009b" not in str(run.failure_reason)
