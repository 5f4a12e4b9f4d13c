"""Votes of `fabrik judge`: most decide, and one that is missing is no pass."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest
from harness import PROGRAM
from judge_kit import FAIL, KEY, PASS, WARM, in_turn, judge_world, judging

from fabrik.testing.model_server import Hang, ModelServer, Script, Session, Text
from fabrik.testing.model_server.script import Part


@pytest.mark.parametrize(
    ("votes", "answers", "status", "calls"),
    [
        (1, [PASS], 0, 1),
        (3, [PASS, PASS], 0, 2),  # the third would change nothing
        (3, [PASS, FAIL, PASS], 0, 3),
        (3, [FAIL, PASS, FAIL], 4, 3),
        (2, [PASS, FAIL], 4, 2),  # a tie
        (4, [PASS, PASS, FAIL, FAIL], 4, 4),
        (5, [FAIL, FAIL, FAIL], 4, 3),
    ],
)
def test_votes(tmp_path: Path, votes: int, answers: list[Part], status: int, calls: int) -> None:
    with judging(tmp_path, in_turn(*answers)) as (world, server):
        world.file("a.txt", "text")
        world.fabrik("judge", *WARM, "--votes", str(votes), "a.txt", status=status)
        assert len(server.calls) == calls


def test_a_missing_vote_is_no_pass(tmp_path: Path) -> None:
    with judging(tmp_path, in_turn(PASS, Text("?"), Text("?"), FAIL)) as (world, _):
        world.file("a.txt", "text")
        world.fabrik("judge", *WARM, "--votes", "2", "a.txt", status=1)
    with judging(tmp_path, in_turn(PASS, Text("?"))) as (world, _):
        done = world.fabrik("judge", *WARM, "--votes", "3", "a.txt", status=1)
        assert "2 of 3 votes are missing" in done.stdout


def test_votes_are_asked_at_once(tmp_path: Path) -> None:
    """Nobody is answered before two have asked."""
    script = Script(default=Session(turns=lambda _: PASS), failures=(Hang(hold="both", times=2),))
    with ModelServer(script, key=KEY) as server, judge_world(tmp_path) as world:
        world.connect(server)
        world.file("a.txt", "text")
        child = subprocess.Popen(
            [PROGRAM, "judge", *WARM, "--votes", "3", "a.txt"],
            env=world.env(),
            cwd=tmp_path,
            stdout=subprocess.DEVNULL,
        )
        try:
            server.wait_for(lambda calls: len(calls) == 2)
            server.release("both")
            assert child.wait(timeout=60) == 0
        finally:
            child.kill()
            child.wait()
