"""kill -9 on the long way of a run, two review rounds and a rejection: it ends as if nothing had happened."""

from __future__ import annotations

import shutil
from collections import Counter
from itertools import count
from pathlib import Path

import pytest
from harness import World, rows
from reviewed_run import STEPS, check_ended_well, crash, decide, dispatched, own_steps, to_the_end

from fabrik.outcome import ExitStatus

EVERY = 5  # a single kill at every fifth transition
SHARDS = 4
WAYS = (("before", "worker"), ("after", "both"), ("after", "worker"), ("before", "both"))


def test_undisturbed(tmp_path: Path) -> None:
    world, run = dispatched(tmp_path)
    assert crash("crash_worker", world, run).status == ExitStatus.WAITING
    assert decide(world, run)
    assert crash("crash_worker", world, run).status == ExitStatus.WAITING
    assert decide(world, run)
    assert crash("crash_worker", world, run).status == ExitStatus.OK
    check_ended_well(world, run, "undisturbed")
    assert _same_order(own_steps(world))
    sessions = rows(world, "SELECT step FROM events WHERE kind = 'session.started'")
    assert Counter(sessions) == Counter((key,) for key in STEPS if _is_session(key))


def _same_order(keys: list[str]) -> bool:
    """Those who review at the same time begin in any order."""
    return len(keys) == len(STEPS) and all(
        key == expected or {key.split("/")[0], expected.split("/")[0]} < {"review#1", "review#2", "review#3"}
        for key, expected in zip(keys, STEPS, strict=True)
    )


def _is_session(key: str) -> bool:
    """A step in which an agent works."""
    return key.endswith("implement#1") or "/" in key.partition("review#")[2]


@pytest.mark.timeout(600)
@pytest.mark.parametrize("kill", ["worker", "both"])
@pytest.mark.parametrize("when", ["before", "after"])
def test_killed_at_each_transition_in_turn(tmp_path: Path, when: str, kill: str) -> None:
    world, run = dispatched(tmp_path / "world")
    options = ("--each", tmp_path / "seen", "--when", when, "--kill", kill)
    killed = 0
    for status in (ExitStatus.WAITING, ExitStatus.WAITING, ExitStatus.OK):
        ended = crash("crash_chain", world, run, *options)
        assert ended.status == status, world.last()
        killed += ended.number
        decide(world, run)
    check_ended_well(world, run, f"killed {killed} times")
    assert killed > 2 * len(STEPS)  # at least where each step begins and where it ends


@pytest.mark.timeout(600)
@pytest.mark.parametrize("shard", range(SHARDS))
def test_killed_once(tmp_path: Path, shard: int) -> None:
    """The transitions are counted over the workers of the run, until there is none of that number."""
    for turn in count(shard, SHARDS):
        number = 1 + turn * EVERY
        when, kill = WAYS[turn // SHARDS % len(WAYS)]
        world, run = dispatched(tmp_path / str(number))
        struck = _struck_at(world, run, number, when, kill)
        to_the_end(world, run)
        check_ended_well(world, run, f"killed {kill} {when} transition {number}")
        shutil.rmtree(world.directory)
        if not struck:
            break
    assert number > 2 * len(STEPS)


def _struck_at(world: World, run: str, number: int, when: str, kill: str) -> bool:
    """Take the run as far as it goes, with one kill; False when it has fewer transitions."""
    while True:
        ended = crash("crash_worker", world, run, "--at", str(number), "--when", when, "--kill", kill)
        if ended.struck or ended.status == ExitStatus.OK:
            return ended.struck
        number -= ended.number
        assert decide(world, run)


@pytest.mark.parametrize(
    "point",
    [
        "step.finished task/1/review#1/code-quality",
        "step.started review#1/verifier",
        "step.finished review#1/simplicity",
        "step.started task/review-task-security-1/implement#1",
        "step.started feedback/1/implement#1",
    ],
)
def test_everything_in_the_sandboxes_dies(tmp_path: Path, point: str) -> None:
    """The worker lives: whoever was at it is asked again."""
    world, run = dispatched(tmp_path)
    options = ("--on", point, "--when", "after", "--kill", "sandbox")
    while not (ended := crash("crash_worker", world, run, *options)).struck:
        assert ended.status == ExitStatus.WAITING
        assert decide(world, run)
    to_the_end(world, run)
    check_ended_well(world, run, point)
