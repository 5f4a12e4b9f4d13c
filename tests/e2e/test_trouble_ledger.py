"""The ledger is locked, damaged, newer, read-only or something else: one message, nothing lost."""

from __future__ import annotations

import json
import os
import re
import shutil
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest
from harness import PROGRAM, World, git
from trouble_kit import (
    clear,
    finish,
    given,
    kill,
    refused,
    shipped_well,
    start,
    waiting_run,
    worker_of,
    world_at,
)

UNSHARE = ["unshare", "-m"] if os.geteuid() == 0 else ["unshare", "-Urm"]


@pytest.fixture
def world(tmp_path: Path) -> World:
    return world_at(tmp_path)


def test_locked_by_another_program(world: World) -> None:
    """It is waited for, half a minute; then everybody who would write gives up, and nothing is lost."""
    keeper, run = waiting_run(world)
    with closing(sqlite3.connect(world.home / "ledger.db", isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        follower = start(world, "run", "attach", run.id)
        dispatching = start(
            world, "run", *given(world, spec=world.make_spec(name="second"), agent=keeper.agent())
        )
        cancelling = start(world, "run", "cancel", run.id)
        keeper.let_go()
        # Who only reads is not disturbed.
        assert run.id[-8:] in world.fabrik("runs", "list").stdout
        for command in (dispatching, cancelling):
            done = finish(command)
            assert done.returncode == 1
            assert "locked for more than" in clear(done)
            assert "ledger.db" in done.stderr
        followed = finish(follower)
        other.execute("ROLLBACK")
    assert followed.returncode == 1
    assert "locked for more than" in followed.stdout
    assert f"fabrik run resume {run.id[-8:]}" in followed.stdout
    assert [path.name for path in (world.home / "runs").iterdir()] == [run.id]  # the refused one left nothing
    world.fabrik("run", "resume", run.id)
    shipped_well(world, run.id)


@pytest.mark.parametrize("how", ["garbage", "truncated"])
def test_damaged(world: World, how: str) -> None:
    run = world.run("--auto-approve")
    ledger = world.home / "ledger.db"
    with closing(sqlite3.connect(ledger)) as db:
        db.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    good = ledger.read_bytes()
    ledger.write_bytes(b"not a ledger at all\n" * 1000 if how == "garbage" else good[: len(good) // 3])
    spoiled = ledger.read_bytes()
    for command in (
        ["runs", "list"],
        ["runs", "show", run.id],
        ["run", "resume", run.id],
        ["approve", run.id],
        ["run", *given(world, spec=world.make_spec(name="second"))],
    ):
        said = refused(world, *command, status=1)
        assert "damaged" in said
        assert str(ledger) in said
        assert ".recover" in said
    assert ledger.read_bytes() == spoiled  # fabrik repairs nothing behind its owner's back
    assert [path.name for path in (world.home / "runs").iterdir()] == [run.id]
    assert "damaged" in world.fabrik("doctor", status=1).stdout
    ledger.write_bytes(good)
    assert "shipped" in world.fabrik("runs", "show", run.id).stdout


def test_of_a_newer_version(world: World) -> None:
    keeper, run = waiting_run(world)
    with closing(sqlite3.connect(world.home / "ledger.db")) as db:
        db.execute("PRAGMA user_version = 999")
    said = refused(world, "runs", "list", status=1)
    assert "999" in said
    assert "newer fabrik" in said
    refused(world, "run", *given(world, spec=world.make_spec(name="second"), agent=keeper.agent()), status=1)
    assert [path.name for path in (world.home / "runs").iterdir()] == [run.id]
    with closing(sqlite3.connect(world.home / "ledger.db")) as db:
        db.execute("PRAGMA user_version = 1")
    keeper.let_go()
    world.fabrik("run", "attach", run.id)
    shipped_well(world, run.id)


def test_of_another_program(world: World) -> None:
    world.home.mkdir()
    with closing(sqlite3.connect(world.home / "ledger.db")) as db:
        db.execute("CREATE TABLE recipes (name TEXT)")
    assert "not fabrik's ledger" in refused(world, "run", *given(world), status=1)
    assert not (world.home / "runs").exists()


def test_read_only(world: World) -> None:
    """A file system that is mounted read-only: nothing can be started, and nothing of it happens."""
    first = world.run("--auto-approve")
    home = str(world.home)
    script = 'mount --bind "$1" "$1" && mount -o remount,ro,bind "$1" && shift && exec "$@"'
    for command in (
        ["run", *given(world, spec=world.make_spec(name="second"))],
        ["run", "resume", first.id],
    ):
        done = subprocess.run(
            [*UNSHARE, "sh", "-c", script, "sh", home, PROGRAM, *map(str, command)],
            env=world.env(),
            capture_output=True,
            text=True,
            cwd=world.directory,
        )
        assert done.returncode == 1
        said = clear(done)
        assert "read-only" in said.lower() or "cannot be opened" in said
        assert "FABRIK_HOME" in said or "writable" in said
    assert [run["id"] for run in list_runs(world)] == [first.id]


def list_runs(world: World) -> list[dict[str, object]]:
    found = json.loads(world.fabrik("runs", "list", "--json").stdout)
    assert isinstance(found, list)
    return found


def test_home_is_a_file(world: World) -> None:
    world.home.write_text("in the way\n")
    said = refused(world, "run", *given(world), status=1)
    assert str(world.home) in said
    assert "FABRIK_HOME" in said
    assert world.home.read_text() == "in the way\n"


def test_a_run_whose_repository_is_gone(world: World) -> None:
    """Somebody cleaned up by hand: the run says what is missing, and another run still works."""
    _, run = waiting_run(world)
    kill(worker_of(world, run.id))
    shutil.rmtree(world.home / "runs" / run.id / "repo.git")
    done = world.fabrik("run", "resume", run.id, status=4)
    assert "repository of this run is missing" in done.stdout
    assert git("branch", "--list", "spec-feature", cwd=world.project) == ""
    world.make_agent()
    world.fabrik("run", *given(world), "--auto-approve")
    shipped_well(world, "last")


def test_the_clock_is_set_back(world: World) -> None:
    """Every moment of the worker lies before the one before it: the order of things stays, and no duration
    is negative."""
    run = world.dispatch(
        spec=world.make_spec(),
        project=world.project,
        agent="command",
        agent_command=world.make_agent(),
        auto_approve=True,
    )
    backwards = (
        "import sys, time\n"
        "clock = [time.time()]\n"
        "def earlier():\n"
        "    clock[0] -= 3600\n"
        "    return clock[0]\n"
        "time.time = earlier\n"
        "from fabrik.workflows import worker\n"
        "sys.exit(worker.main([sys.argv[1]]))\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", backwards, run], env=world.env(), capture_output=True, text=True, timeout=120
    )
    assert done.returncode == 0, done.stderr
    shipped_well(world, run)
    events = world.events()
    at = [event.at for event in events]
    assert at != sorted(at)  # the clock did go back …
    kinds = [event.kind for event in events]
    assert kinds[0] == "run.created"  # … and the order is that of the ledger
    assert kinds[-1] == "run.verdict"
    assert all(event.data["seconds"] >= 0 for event in events if "seconds" in event.data)
    shown = world.fabrik("runs", "show", run, "--events").stdout
    assert not re.search(r"-[\d.]+ (s|m|h|d)\b", shown), shown
    second = world.dispatch(
        spec=world.make_spec(name="second"),
        project=world.project,
        agent="command",
        agent_command=world.make_agent(),
    )
    listed = [entry["id"] for entry in list_runs(world)]
    assert listed == [second, run]  # the one dispatched last first, whatever the clock says
