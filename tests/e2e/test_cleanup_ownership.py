"""Whose things a cleanup takes away: those of the runs that the ledger has, and nothing of anybody else's."""

from __future__ import annotations

import fcntl
import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
from harness import World, rows, wait_for

from fabrik.ledger.lockfile import is_held
from fabrik.ledger.store import Ledger
from fabrik.ledger.types import NewRun
from fabrik.ledger.ulid import new_run_id
from fabrik.sandboxes import cgroups
from fabrik.sandboxes.procs import MARK, marked

SANDBOXES = 20
UNSHARE = ["unshare", "-m"] if os.geteuid() == 0 else ["unshare", "-Urm"]

# Plays as many workers: holds the lock of each run, and has a command at work in a sandbox of each.
WORKERS = """
import asyncio, sys
from pathlib import Path
from fabrik.ledger.ownership import claim
from fabrik.ledger.store import Ledger
from fabrik.sandboxes import registry
from fabrik.sandboxes.sandbox import Command, Limits, SandboxSpec

async def main(home, provider, runs):
    ledger = Ledger.open(home / "ledger.db")
    claims = [claim(ledger, run, home / "runs" / run / "lock") for run in runs]
    made = registry.load(provider)

    async def one(run):
        root = home / "runs" / run / "sandboxes" / "work"
        box = await made.create(SandboxSpec(
            name=f"{run}/work", root=root, labels={"run": run, "purpose": "work"}
        ))
        (root.parent / "work.json").write_text('{"commit": "' + "0" * 40 + '", "in_step": true}')
        log = root.parent / "log"
        script = "(setsid sleep 600 &); echo up; sleep 600"
        limits = Limits(memory_bytes=256 << 20, processes=20)
        await box.exec(Command(argv=["/bin/sh", "-c", script], stdout=log, stderr=log, limits=limits))

    await asyncio.gather(*map(one, runs))

asyncio.run(main(Path(sys.argv[1]), sys.argv[2], sys.argv[3:]))
"""


def record(world: World, count: int, sandbox: str = "bubblewrap") -> list[str]:
    """Runs in the ledger of a world, with directories."""
    made = []
    with Ledger.open(world.home / "ledger.db") as ledger:
        for number in range(count):
            run = new_run_id()
            directory = world.home / "runs" / run
            directory.mkdir(parents=True)
            ledger.create_run(
                NewRun(
                    id=run,
                    spec_id=f"spec-{number}",
                    spec_title="A spec",
                    spec_path="spec.md",
                    todo_path=None,
                    project=str(world.project),
                    repo_ref=None,
                    base_commit="0" * 40,
                    branch=f"spec-{number}",
                    agent="command",
                    model=None,
                    sandbox=sandbox,
                    directory=str(directory),
                    unchecked=False,
                )
            )
            made.append(run)
    return made


def end(world: World, run: str, status: str) -> None:
    """As if a worker had ended it."""
    import sqlite3
    from contextlib import closing

    with closing(sqlite3.connect(world.home / "ledger.db")) as db, db:
        db.execute("UPDATE runs SET status = ?, finished_at = ? WHERE id = ?", (status, time.time(), run))


def cleanup(world: World, *options: str, status: int = 0, **environment: str) -> dict[str, Any]:
    said = world.fabrik("cleanup", *options, "--json", status=status, **environment).stdout
    document: dict[str, Any] = json.loads(said)
    return document


@pytest.fixture
def world(tmp_path: Path) -> World:
    made = World(tmp_path / "w", environment={"XDG_RUNTIME_DIR": str(tmp_path / "run")})
    made.directory.mkdir()
    return made


@pytest.fixture
def stack() -> Iterator[ExitStack]:
    with ExitStack() as opened:
        yield opened


def workers(stack: ExitStack, world: World, provider: str, runs: Sequence[str]) -> subprocess.Popen[bytes]:
    """A process that works on these runs, once all of their sandboxes are at work."""
    started = subprocess.Popen([sys.executable, "-c", WORKERS, world.home, provider, *runs])
    stack.callback(started.wait)
    stack.callback(started.kill)
    logs = [world.home / "runs" / run / "sandboxes/log" for run in runs]
    wait_for(lambda: all(log.exists() and log.read_bytes() == b"up\n" for log in logs), "sandboxes at work")
    return started


def groups(runs: Sequence[str]) -> list[Path]:
    return [
        path
        for run in runs
        for base in cgroups.bases().directories()
        for path in base.glob(f"{cgroups._prefix(f'{run}/work')}*")
    ]


def living(runs: Sequence[str]) -> list[int]:
    return [pid for run in runs for pid in marked(f"{run}/work")]


@pytest.mark.parametrize("provider", ["bubblewrap", "none"])
def test_nothing_is_left_of_killed_workers_and_nothing_of_others_goes(
    provider: str, world: World, tmp_path: Path, stack: ExitStack
) -> None:
    runs = record(world, SANDBOXES, provider)
    other = World(tmp_path / "other")
    others = record(other, 2, provider)
    workers(stack, other, provider, others)
    theirs = living(others)
    assert theirs
    ours = workers(stack, world, provider, runs)
    # What has left its sandbox's tree, as only a mark or a group finds it.
    strays = [_stray(stack, f"{run}/work") for run in (*runs[:2], *others[:1])]
    assert cleanup(world)["removed"] == []  # all of them are at work
    ours.kill()
    ours.wait()
    found = cleanup(world, "--dry-run")
    assert {thing["run"] for thing in found["removed"]} == set(runs)
    done = cleanup(world)
    assert [one["name"] for one in done["removed"]] == [one["name"] for one in found["removed"]]
    assert done["leaks"] == []
    assert living(runs) == []
    assert groups(runs) == []
    assert [stray.poll() for stray in strays] == [-9, -9, None]
    assert set(theirs) <= set(living(others))
    assert all(is_held(other.home / "runs" / run / "lock") for run in others)
    assert cleanup(world)["removed"] == []
    assert all((world.home / "runs" / run / "sandboxes/work/workspace").is_dir() for run in runs)


def _stray(stack: ExitStack, name: str) -> subprocess.Popen[bytes]:
    stray = subprocess.Popen(["sleep", "600"], env={MARK: name}, start_new_session=True)
    stack.callback(stray.wait)
    stack.callback(stray.kill)
    return stray


def test_processes_of_a_run_whose_files_were_deleted_by_hand(world: World, stack: ExitStack) -> None:
    [run] = record(world, 1)
    (world.home / "runs" / run).rmdir()
    ours, foreign = _stray(stack, f"{run}/work"), _stray(stack, f"{new_run_id()}/work")
    [gone] = cleanup(world)["removed"]
    assert (gone["kind"], gone["pids"]) == ("processes", [ours.pid])
    assert (ours.wait(), foreign.poll()) == (-9, None)
    assert not (world.home / "runs" / run).exists()


def test_links_and_foreign_directories_are_not_touched(world: World, tmp_path: Path) -> None:
    runs = record(world, 3)
    for run in runs:
        end(world, run, "failed")
    precious = tmp_path / "precious"
    precious.mkdir()
    (precious / "file").write_text("mine")
    home = world.home
    (home / "runs" / runs[0]).rmdir()
    (home / "runs" / runs[0]).symlink_to(precious)
    (home / "runs" / runs[1] / "logs").symlink_to(precious)
    unknown = home / "runs" / new_run_id()
    (unknown / "logs").mkdir(parents=True)
    (home / "projects" / "mine-0123456789ab").mkdir(parents=True)
    (home / "projects" / "mine-0123456789ab" / "notes").write_text("mine")
    (home / "projects" / "else-0123456789ab" / "base.git").mkdir(parents=True)
    run_dir = tmp_path / "run" / f"fabrik-{os.getuid()}"
    for name in (runs[2], new_run_id()):
        (run_dir / name).mkdir(parents=True)
    done = cleanup(world, "--keep", "0")
    assert sorted(one["name"] for one in done["removed"]) == sorted([runs[1], runs[2], runs[2]])
    assert sorted(one["name"] for one in done["stayed"]) == sorted(
        [runs[0], unknown.name, "else-0123456789ab"]
    )
    assert (precious / "file").read_text() == "mine"
    assert (home / "runs" / runs[0]).is_symlink()
    assert len(list(run_dir.iterdir())) == 1
    assert (home / "projects" / "mine-0123456789ab" / "notes").exists()


@pytest.mark.optional(reason="only root can give a directory away")
def test_another_users_directory_stays(world: World) -> None:
    if os.geteuid() != 0:
        pytest.skip("only root can give a directory away")
    [run] = record(world, 1)
    end(world, run, "failed")
    os.chown(world.home / "runs" / run, 54321, 54321)
    [stayed] = cleanup(world, "--keep", "0")["stayed"]
    assert "another user" in stayed["why"]
    assert (world.home / "runs" / run).is_dir()


def test_work_that_was_not_saved_stays(world: World) -> None:
    failed, shipped = record(world, 2)
    for run, status in ((failed, "failed"), (shipped, "shipped")):
        end(world, run, status)
        workspace = world.home / "runs" / run / "sandboxes/work/workspace"
        workspace.mkdir(parents=True)
        (workspace / "half").write_text("done")
        labels = {"v": 1, "provider": "bubblewrap", "name": f"{run}/work", "cgroups": []}
        labels["labels"] = {"run": run, "purpose": "work"}
        (workspace.parent / "labels.json").write_text(json.dumps(labels))
    done = cleanup(world, "--keep", "0")
    assert done["removed"] == []
    assert {one["run"] for one in done["stayed"] if "not saved" in one["why"]} == {failed, shipped}
    for run in (failed, shipped):
        (world.home / "runs" / run / "sandboxes/work.json").write_text('{"commit": "0", "in_step": true}')
    assert {one["run"] for one in cleanup(world, "--keep", "0")["removed"]} == {failed, shipped}


def test_a_removal_that_fails_names_the_leak_and_the_next_one_finishes(world: World) -> None:
    [run] = record(world, 1)
    end(world, run, "failed")
    inside = world.home / "runs" / run / "logs"
    inside.mkdir()
    script = 'mount -t tmpfs tmpfs "$1" && shift && exec "$@"'
    program = Path(sys.executable).with_name("fabrik")
    done = subprocess.run(
        [*UNSHARE, "sh", "-c", script, "sh", inside, program, "cleanup", "--keep", "0"],
        env=world.env(), capture_output=True, text=True,
    )  # fmt: skip
    assert done.returncode == 1, done.stdout + done.stderr
    [left] = (world.home / "runs" / ".trash").iterdir()
    assert f"rm -rf -- {left}" in done.stdout
    assert "Could not be removed" in done.stdout
    [finished] = cleanup(world)["removed"]
    assert (finished["kind"], finished["path"]) == ("trash", str(left))
    assert list((world.home / "runs").iterdir()) == []
    assert rows(world, "SELECT kind FROM events WHERE kind = 'run.cleaned'") == [("run.cleaned",)]


def test_a_dispatch_that_was_cut_off_goes_unless_one_is_under_way(world: World) -> None:
    record(world, 1)
    half = world.home / "runs" / new_run_id()
    (half / "inputs").mkdir(parents=True)
    with (world.home / "dispatching").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_SH)
        [stayed] = cleanup(world)["stayed"]
        assert "being prepared" in stayed["why"]
        fcntl.flock(lock, fcntl.LOCK_UN)
    [gone] = cleanup(world)["removed"]
    assert (gone["kind"], gone["path"]) == ("dispatch", str(half))


def test_two_at_once(world: World) -> None:
    runs = record(world, 30)
    for run in runs:
        end(world, run, "failed")
        for number in range(20):
            (world.home / "runs" / run / f"d{number}").mkdir()
    program = Path(sys.executable).with_name("fabrik")
    both = [
        subprocess.Popen(
            [program, "cleanup", "--keep", "0", "--json"], env=world.env(), stdout=subprocess.PIPE
        )
        for _ in range(2)
    ]
    said = [json.loads(one.communicate()[0]) for one in both]
    assert [one.returncode for one in both] == [0, 0]
    assert sorted(thing["run"] for document in said for thing in document["removed"]) == sorted(runs)
    assert list((world.home / "runs").iterdir()) == []


def test_a_worker_ends_what_other_runs_have_left_at_work(world: World, stack: ExitStack) -> None:
    del world.environment["XDG_RUNTIME_DIR"]  # its path is too long for sockets
    world.make_project()
    [lost] = record(world, 1)
    stray, foreign = _stray(stack, f"{lost}/work"), _stray(stack, f"{new_run_id()}/work")
    world.run("--auto-approve", spec=world.make_spec(tasks=1))
    assert (stray.wait(), foreign.poll()) == (-9, None)
    assert (world.home / "runs" / lost).is_dir()
