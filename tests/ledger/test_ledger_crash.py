"""kill -9 at every transaction: after a resume the run has ended as if nothing had happened."""

from __future__ import annotations

import json
import subprocess
import sys
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

CRASHES = Path(__file__).with_name("ledger_crashes.py")
STEPS = ["plan", "task/1", "task/2", "unlucky"]


def crashes(home: Path, moment: str) -> list[dict[str, Any]]:
    done = subprocess.run(
        [sys.executable, str(CRASHES), str(home), moment],
        capture_output=True,
        text=True,
        check=False,
        timeout=200,
    )
    assert done.returncode == 0, done.stderr
    return [json.loads(line) for line in done.stdout.splitlines()]


def assert_ended_well(left: dict[str, Any]) -> None:
    assert (left["status"], left["progress"], left["candidate"]) == ("shipped", "2/2 tasks", "abc")
    assert (left["check"], left["gates"]) == ([], ["approved"])
    assert list(left["steps"]) == STEPS or sorted(left["steps"]) == STEPS
    assert {state for state, _, _ in left["steps"].values()} == {"finished"}
    assert left["steps"]["plan"][2] == "plan is done"
    assert sorted(left["reports"]) == STEPS[:3]
    events = Counter(left["events"])
    for key in STEPS:
        assert events[f"step.finished {key}"] == 1
        attempts = left["steps"][key][1]
        assert events[f"step.started {key}"] == attempts
        last = len(left["events"]) - left["events"][::-1].index(f"step.started {key}")
        assert f"step.finished {key}" in left["events"][last:]  # nothing was started after it had finished
        effects = [int(line.split()[1]) for line in left["effects"] if line.split()[0] == key]
        assert effects == sorted(set(effects))
        assert effects[-1] == attempts  # the last start is the one whose result counts
    for kind in (
        "run.created",
        "run.verdict",
        "run.progress",
        "run.candidate",
        "gate.opened",
        "gate.approved",
    ):
        assert events[kind] == 1
    assert left["calls"][-1] == "ok"


@pytest.mark.parametrize("moment", ["before", "inside", "after"])
def test_killed_at_every_transaction(tmp_path: Path, moment: str) -> None:
    results = crashes(tmp_path, moment)
    for left in results:
        assert_ended_well(left)
    assert [left["deaths"] for left in results] == [1] * (len(results) - 1) + [0]
    undisturbed = results[-1]
    # Each step's intent and end, and each other change: a transaction that is not enumerated is not tested.
    assert len(results) - 1 >= 2 * len(STEPS) + len(
        ("schema", "create", "claim", "call", "call", "progress", "candidate", "gate", "decide", "finish")
    )
    for left in results:
        # A crash costs one more attempt of the steps that were under way, of two at the most.
        extra = len(left["started"]) - len(undisturbed["started"])
        assert 0 <= extra <= 2


def test_killed_again_and_again(tmp_path: Path) -> None:
    (left,) = crashes(tmp_path, "again")
    assert_ended_well(left)
    assert left["deaths"] >= 4
