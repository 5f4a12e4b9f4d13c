"""`fabrik cleanup`: what goes, what stays, and why; nothing of anybody else's is touched."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from harness import HONEST, World, git
from trouble_kit import kill, waiting_run, worker_of, world_at

from fabrik.ledger.store import Ledger


@pytest.fixture
def world(tmp_path: Path) -> World:
    return world_at(tmp_path / "w")


def cleanup(world: World, *options: str, status: int = 0) -> dict[str, Any]:
    document: dict[str, Any] = json.loads(world.fabrik("cleanup", *options, "--json", status=status).stdout)
    return document


def names(document: dict[str, Any], part: str) -> list[tuple[str, str]]:
    return [(one["kind"], one["name"]) for one in document[part]]


def tree(directory: Path) -> set[Path]:
    return set(directory.rglob("*"))


def test_an_ended_run_goes_and_still_explains_itself(world: World) -> None:
    run = world.run("--auto-approve")
    nothing = cleanup(world)
    assert (nothing["removed"], nothing["stayed"], nothing["kept_runs"]) == ([], [], 1)
    before = tree(world.home)
    planned = cleanup(world, "--keep", "0", "--dry-run")
    assert {path for path in before ^ tree(world.home) if not path.name.startswith("ledger.db")} == set()
    done = cleanup(world, "--keep", "0")
    assert names(planned, "removed") == names(done, "removed")
    assert [kind for kind, _ in names(done, "removed")] == ["run", "project"]
    assert planned["freed_bytes"] == done["freed_bytes"] > 100_000
    assert list((world.home / "runs").iterdir()) == list((world.home / "projects").iterdir()) == []
    shown = world.fabrik("runs", "show", run.id, "--events").stdout
    assert "shipped" in shown
    assert "gone" in shown
    assert "its files were removed" in shown
    assert json.loads(world.fabrik("runs", "show", run.id, "--json").stdout)["status"] == "shipped"
    assert world.commits() == ["Do task 1", "Do task 2"]
    assert cleanup(world, "--keep", "0")["removed"] == []


LAZY = HONEST.replace("set -eu\n", 'set -eu\ncase "$FABRIK_STEP" in task/2/*) exit 0;; esac\n')


def test_work_that_is_nowhere_else_stays(world: World) -> None:
    run = world.run("--attempts", "1", agent=world.make_agent(LAZY), status=4)
    [kept] = cleanup(world, "--keep", "0")["stayed"]
    assert kept["run"] == run.id
    assert "no branch of the project" in kept["why"]
    repository = world.home / "runs" / run.id / "repo.git"
    git("fetch", "-q", str(repository), "refs/fabrik/*:refs/heads/taken/*", cwd=world.project)
    assert [kind for kind, _ in names(cleanup(world, "--keep", "0"), "removed")] == ["run", "project"]
    said = world.fabrik("run", "resume", run.id, status=2).stderr
    assert "files of this run are gone" in said
    assert not (world.home / "runs" / run.id).exists()


def test_a_branch_that_was_deleted_keeps_its_run(world: World) -> None:
    world.run("--auto-approve")
    git("branch", "-q", "-D", "spec-feature", cwd=world.project)
    assert names(cleanup(world, "--keep", "0"), "removed") == []
    git("branch", "again", world.last().candidate or "", cwd=world.project)
    assert [kind for kind, _ in names(cleanup(world, "--keep", "0"), "removed")] == ["run", "project"]


def test_runs_at_work_at_the_gate_and_interrupted_stay(world: World) -> None:
    waiting = world.run(spec=world.make_spec(name="other"), status=3)
    keeper, run = waiting_run(world)
    assert cleanup(world, "--keep", "0")["removed"] == []
    kill(worker_of(world, run.id))
    left = cleanup(world, "--keep", "0")
    assert {thing["run"] for thing in left["removed"]} <= {run.id}
    assert {thing["kind"] for thing in left["removed"]} <= {"processes", "doors", "quarantine"}
    assert cleanup(world)["removed"] == []
    keeper.let_go()
    world.fabrik("run", "resume", run.id)
    world.fabrik("approve", waiting.id)
    assert [one.status for one in _runs(world)] == ["shipped", "shipped"]


def test_keep_and_age_count_for_each_project(world: World) -> None:
    ended = [
        world.run(
            "--auto-approve", "--branch", f"b{number}", spec=world.make_spec(name=f"s{number}", tasks=1)
        )
        for number in range(3)
    ]
    assert cleanup(world, "--older-than", "1h")["removed"] == []
    assert cleanup(world, "--keep", "0", "--older-than", "1h")["removed"] == []
    assert names(cleanup(world, "--keep", "1"), "removed") == [("run", ended[1].id), ("run", ended[0].id)]
    assert (world.home / "runs" / ended[2].id / "reports/evidence.md").is_file()
    assert [path.name for path in (world.home / "projects").glob("*/base.git")] == ["base.git"]


def _runs(world: World) -> list[Any]:
    with Ledger.open(world.home / "ledger.db") as ledger:
        return ledger.list_runs(limit=None)
