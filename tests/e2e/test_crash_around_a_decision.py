"""The moments around a decision: no worker has heard of it yet, or one lives that is to hear of it."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from harness import World, rows, wait_for
from reviewed_run import NOTES, check_ended_well, crash, decide, dispatched, to_the_end
from trouble_kit import clear, finish, start

from fabrik.outcome import ExitStatus


@contextmanager
def stopped(world: World, run: str, kind: str) -> Iterator[None]:
    """A worker that is suspended once it has written the first event of this kind, until the block ends."""
    argv = [sys.executable, "-m", "fabrik.testing.crash_worker", run, "--on", kind]
    worker = subprocess.Popen(
        [*argv, "--when", "after", "--kill", "stop"], env=world.env(), stdout=subprocess.DEVNULL
    )
    try:
        wait_for(lambda: _is_stopped(worker.pid), f"a worker that stops at {kind}")
        yield
    finally:
        os.kill(worker.pid, signal.SIGCONT)
    worker.wait(timeout=120)


def _is_stopped(pid: int) -> bool:
    return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "T"


def decisions(world: World) -> int:
    [(number,)] = rows(world, "SELECT count(*) FROM events WHERE kind IN ('gate.approved', 'gate.rejected')")
    assert isinstance(number, int)
    return number


def at_the_gate(world: World, run: str) -> None:
    assert crash("crash_worker", world, run).status == ExitStatus.WAITING


@pytest.mark.parametrize("kind", ["gate.opened", "run.resumed"])
def test_a_worker_lives_while_a_human_decides(tmp_path: Path, kind: str) -> None:
    """It leaves, or has just been started again: the decision counts, and the command follows the run."""
    world, run = dispatched(tmp_path)
    if kind == "run.resumed":
        at_the_gate(world, run)
    with stopped(world, run, kind):
        process = start(world, "reject", run, "--notes", NOTES)
        wait_for(lambda: decisions(world) == 1, "the rejection")
    rejected = finish(process)
    assert rejected.returncode == ExitStatus.WAITING, rejected.stderr
    # It comes back with the next gate, and who resumes there only opens it again.
    with stopped(world, run, "run.resumed"):
        process = start(world, "approve", run)
        wait_for(lambda: decisions(world) == 2, "the approval")
    approved = finish(process)
    assert approved.returncode == ExitStatus.OK, approved.stderr
    check_ended_well(world, run, kind)


def test_killed_between_the_decision_and_the_worker(tmp_path: Path) -> None:
    """The decision stands, everybody is told how it goes on, and it goes on with it."""
    world, run = dispatched(tmp_path)
    at_the_gate(world, run)
    assert decide(world, run)  # and no worker was started
    said = clear(world.fabrik("reject", run, "--notes", "again", status=2))
    assert "rejected already" in said and "fabrik run resume" in said
    assert "resume" in world.fabrik("why", run).stdout
    world.fabrik("run", "resume", run, status=ExitStatus.WAITING)
    assert decide(world, run)
    killed = crash("crash_worker", world, run, "--on", "run.claimed", "--when", "after")
    assert killed.struck or killed.status < 0
    to_the_end(world, run)
    check_ended_well(world, run, "killed between the decision and the worker")


def test_two_humans_decide_at_the_same_time(tmp_path: Path) -> None:
    """One is heard, and the other is told so."""
    world, run = dispatched(tmp_path)
    at_the_gate(world, run)
    both = [start(world, "approve", run), start(world, "reject", run, "--notes", NOTES)]
    ended = sorted((finish(process) for process in both), key=lambda done: done.returncode == 2)
    assert ended[0].returncode in (ExitStatus.OK, ExitStatus.WAITING), ended[0].stderr
    clear(ended[1])
    assert decisions(world) == 1
    assert rows(world, "SELECT count(*) FROM human_feedback") == [(1,)]
    approved = rows(world, "SELECT state FROM human_gate WHERE number = 1") == [("approved",)]
    assert world.last().status == ("shipped" if approved else "waiting")
    wait_for(lambda: not world.leftovers(), "the end of every process")
