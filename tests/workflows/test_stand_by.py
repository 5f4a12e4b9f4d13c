"""A worker that stands by: it becomes the worker of a run, or it goes."""

from __future__ import annotations

import os
import signal
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from fabrik.workflows.stand_by import StandBy, standing_by

PATIENCE = 60.0  # seconds


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("FABRIK_HOME", str(tmp_path / "home"))
    return tmp_path / "home"


def pid_of(waiting: StandBy) -> int:
    assert waiting.process is not None
    return waiting.process.pid


def gone(pid: int) -> Callable[[], bool]:
    def look() -> bool:
        return os.waitpid(pid, os.WNOHANG)[0] == pid

    return look


def wait_for(condition: Callable[[], bool]) -> None:
    until = time.monotonic() + PATIENCE
    while not condition():
        assert time.monotonic() < until
        time.sleep(0.02)


def test_it_goes_when_there_is_no_run() -> None:
    with standing_by("loop") as waiting:
        pid = pid_of(waiting)
    wait_for(gone(pid))


def test_it_goes_with_whoever_started_it() -> None:
    """The pipe to it closes with its starter, however that ends."""
    waiting = StandBy("loop")
    pid = pid_of(waiting)
    assert waiting.process is not None
    assert waiting.process.stdin is not None
    waiting.process.stdin.close()
    wait_for(gone(pid))
    waiting.close()


def test_it_answers_for_the_run_that_it_is_told(tmp_path: Path) -> None:
    with standing_by("loop") as waiting:
        answer = waiting.become("01HZZZZZZZZZZZZZZZZZZZZZZZ", [], tmp_path / "worker.log")
    assert answer is not None
    assert b'"ok": false' in answer
    assert b"01HZZZZZZZZZZZZZZZZZZZZZZZ" in answer


def test_one_that_was_killed_is_not_waited_for(tmp_path: Path) -> None:
    with standing_by("loop") as waiting:
        pid = pid_of(waiting)
        os.kill(pid, signal.SIGKILL)
        os.waitid(os.P_PID, pid, os.WEXITED | os.WNOWAIT)
        assert waiting.become("01HZZZZZZZZZZZZZZZZZZZZZZZ", [], tmp_path / "worker.log") is None


def test_where_none_can_be_started_the_run_gets_its_own(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(sys, "executable", str(tmp_path / "missing"))
    with standing_by("loop") as waiting:
        assert waiting.become("01HZZZZZZZZZZZZZZZZZZZZZZZ", [], tmp_path / "worker.log") is None
