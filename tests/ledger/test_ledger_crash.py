"""kill -9 at every transaction: after a resume the run has ended as if nothing had happened."""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from ledger_flows import ASKED
from ledger_support import FAST

CRASHES = Path(__file__).with_name("ledger_crashes.py")
STEPS = ["plan", "task/1", "task/2", "unlucky"]


@pytest.fixture
def home() -> Iterator[Path]:
    """What a killed process has written is there without an fsync as well."""
    with tempfile.TemporaryDirectory(prefix="fabrik-crashes-", dir=FAST) as directory:
        yield Path(directory)


def crashes(home: Path, moment: str, flow: str = "ship") -> list[dict[str, Any]]:
    done = subprocess.run(
        [sys.executable, str(CRASHES), flow, str(home), moment],
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
    assert_each_step_once(left)
    events = Counter(left["events"])
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


def assert_each_step_once(left: dict[str, Any]) -> None:
    assert left["check"] == []
    assert {state for state, _, _ in left["steps"].values()} == {"finished"}
    events = Counter(left["events"])
    for key in left["steps"]:
        assert events[f"step.finished {key}"] == 1
        attempts = left["steps"][key][1]
        assert events[f"step.started {key}"] == attempts
        last = len(left["events"]) - left["events"][::-1].index(f"step.started {key}")
        assert f"step.finished {key}" in left["events"][last:]  # nothing was started after it had finished
        effects = [int(line.split()[1]) for line in left["effects"] if line.split()[0] == key]
        assert effects == sorted(set(effects))
        assert effects[-1] == attempts  # the last start is the one whose result counts


@pytest.mark.parametrize("moment", ["before", "inside", "after"])
def test_killed_at_every_transaction(home: Path, moment: str) -> None:
    results = crashes(home, moment)
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


def test_killed_again_and_again(home: Path) -> None:
    (left,) = crashes(home, "again")
    assert_ended_well(left)
    assert left["deaths"] >= 4


def assert_reviewed_and_shipped(left: dict[str, Any]) -> None:
    assert_each_step_once(left)
    assert (left["status"], left["candidate"]) == ("shipped", "def")
    for number, commit in ((1, "abc"), (2, "def")):
        said = [review for review in left["reviews"] if review[0] == number]
        assert sorted(review[1] for review in said) == sorted(ASKED)  # each once
        assert {review[2] for review in said} == {commit}
        assert [review[1] for review in said if review[3] != "approved"] == ["reviewer-1"]
    nine = len(ASKED)
    assert left["summaries"] == [
        [1, "abc", "changes_requested", nine],
        [2, "def", "changes_requested", nine],
    ]
    assert (left["gates"], left["overriding"]) == (["rejected", "approved"], [False, True])
    implement = "feedback/1/implement#1"
    assert left["feedback"] == [
        ["rejected", 1, "too slow", False, None],
        ["noted", None, "use the cache", False, implement],
        ["approved", 2, None, True, None],
    ]
    told = [line for line in left["effects"] if line.startswith(implement)]
    assert told
    assert all(line.endswith("use the cache") for line in told)
    events = Counter(left["events"])
    for kind in ("run.verdict", "gate.rejected", "gate.approved", "feedback.noted"):
        assert events[kind] == 1
    assert (events["gate.opened"], events[f"feedback.used {implement}"]) == (2, 1)
    assert sum(count for kind, count in events.items() if kind.startswith("review.report")) == 2 * nine


def repeated_in_a_round(left: dict[str, Any], number: int) -> tuple[set[str], set[str]]:
    """Of the reviewers of a round: who had ended when the worker was killed, and who was asked after that."""
    claims = [index for index, event in enumerate(left["events"]) if event == "run.claimed"]
    before, after = left["events"][: claims[-1]], left["events"][claims[-1] :]
    keys = {f"review#{number}/{reviewer}" for reviewer in ASKED}
    ended = {key for key in keys if f"step.finished {key}" in before}
    return ended, {key for key in keys if f"step.started {key}" in after}


@pytest.mark.parametrize("moment", ["before", "inside", "after"])
def test_killed_while_nine_work_at_once(home: Path, moment: str) -> None:
    results = crashes(home, moment, "review")
    assert [left["deaths"] for left in results] == [1] * (len(results) - 1) + [0]
    assert len(results) - 1 >= 2 * (2 * len(ASKED) + 2)
    partly = set()
    for left in results:
        assert_reviewed_and_shipped(left)
        if left["deaths"]:
            for number in (1, 2):
                ended, asked_again = repeated_in_a_round(left, number)
                assert ended | asked_again == {f"review#{number}/{reviewer}" for reviewer in ASKED}
                assert not ended & asked_again  # only the unfinished
                partly.add((number, len(ended)))
    # Every mixture was there: none had ended, some had, all had.
    assert partly == {(number, count) for number in (1, 2) for count in range(len(ASKED) + 1)}


def test_killed_again_and_again_while_nine_work_at_once(home: Path) -> None:
    (left,) = crashes(home, "again", "review")
    assert_reviewed_and_shipped(left)
    assert left["deaths"] >= 4
