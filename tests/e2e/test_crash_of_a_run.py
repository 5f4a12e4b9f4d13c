"""kill -9 at every journal transition: after `run resume` the run ends as if nothing had happened."""

from __future__ import annotations

import shutil
import signal
import subprocess
import sys
from collections import Counter
from itertools import count
from pathlib import Path

import pytest
from harness import HONEST, World, git, wait_for

from fabrik.ledger.store import Ledger
from fabrik.paths import doors_directory

SHARDS = 4
# The worker alone dies before and after each transition; the sandbox alone, or both, at one side of some: the
# chains of test_crash_of_a_reviewed_run.py kill both at each.
CASES = [
    (shard, when, kill)
    for shard in range(SHARDS)
    for when in ("before", "after")
    for kill in ("worker", "sandbox", "both")
    if kill == "worker" or (shard % 2 == 0) == (when == "before") == (kill == "both")
]
SLOW = f"{HONEST}sleep 0.3\n"  # it lives when what was told of its start is written: a transition


def dispatched(directory: Path) -> tuple[World, str]:
    """A world with a run that is recorded and that no worker has touched yet."""
    world = World(directory)
    world.make_project()
    agent = world.make_agent(SLOW)
    return world, world.dispatch(
        spec=world.make_spec(tasks=2),
        project=world.project,
        agent="command",
        agent_command=agent,
        auto_approve=True,
    )


def worker(world: World, run: str, *options: str) -> bool:
    """Run the crashing worker to its end, by itself or by force; whether it was struck."""
    done = subprocess.run(
        [sys.executable, "-m", "fabrik.testing.crash_worker", run, *options],
        env=world.env(),
        capture_output=True,
        text=True,
        timeout=120,
    )
    if done.returncode not in (0, -signal.SIGKILL):
        raise AssertionError(f"the worker ended with {done.returncode}: {done.stderr}")
    return done.returncode != 0 or "struck" in done.stdout


def check_ended_well(world: World, run: str, point: str) -> None:
    """One commit a task, every step finished once, the branch and the marker there, nothing left running."""
    with Ledger.open(world.home / "ledger.db") as ledger:
        found = ledger.find_run(run)
        events = ledger.events(run)
        steps = ledger.steps(run)
        assert ledger.check() == [], point
    assert (found.status, found.failure_reason) == ("shipped", None), point
    assert world.commits() == ["Do task 1", "Do task 2"], point
    assert git("rev-parse", "spec-feature", cwd=world.project) == found.candidate, point
    finished = Counter(event.step for event in events if event.kind == "step.finished" and event.step)
    assert set(finished.values()) == {1}, point
    assert sorted(finished) == sorted(step.key for step in steps), point
    assert all(step.state == "finished" for step in steps), point
    assert [event.kind for event in events].count("run.verdict") == 1, point
    assert (world.home / "runs" / run / "reports" / "done.json").exists(), point
    assert (world.home / "runs" / run / "reports" / "evidence.md").exists(), point
    assert git("status", "--porcelain", cwd=world.project) == "", point
    assert not doors_directory(run).exists(), point
    wait_for(lambda: not world.leftovers(), f"the end of every process; {point}")


@pytest.mark.timeout(900)
@pytest.mark.parametrize(("shard", "when", "kill"), CASES)
def test_killed_at_every_transition(tmp_path: Path, shard: int, when: str, kill: str) -> None:
    """The transitions are counted by being killed at each, until there is none of that number any more."""
    for number in count(1 + shard, SHARDS):
        point = f"killed {kill} {when} transition {number}"
        directory = tmp_path / str(number)
        directory.mkdir()
        world, run = dispatched(directory)
        struck = worker(world, run, "--at", str(number), "--when", when, "--kill", kill)
        if world.last().status != "shipped":
            world.fabrik("run", "resume", run)
        check_ended_well(world, run, point)
        shutil.rmtree(directory)
        if not struck:
            break
    assert number > 18  # a run of two tasks has about two dozen
