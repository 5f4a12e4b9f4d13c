"""How a run stands: every state is told, with since when and what would move it."""

from __future__ import annotations

from typing import Any

import pytest
from standing_runs import ID, NOW, History, gate, record, report, run, step

from fabrik.ledger.types import Feedback
from fabrik.usage import Usage
from fabrik.workflows.standing import Standing, budget, standing

REF = ID[-8:]


def stands(*args: Any, events: History | None = None, **changes: Any) -> Standing:
    return standing(record(*args, **changes), (events or History()).events, now=NOW)


def commands(found: Standing) -> list[str]:
    return [move.command for move in found.moves if move.command]


@pytest.mark.parametrize(
    ("key", "state", "said"),
    [
        ("task/1/implement#1", "session", "claude implements task 1"),
        ("task/1/implement#2", "session", "claude fixes task 1"),
        ("task/1/implement#1/retry#1", "session", "claude implements task 1"),
        ("task/review-task-security-2/implement#1", "session", "claude fixes finding review-task-security-2"),
        ("feedback/1/implement#1", "session", "claude works on what rejection 1 asks for"),
        ("feedback/2/checks#1", "checks", "the checks of what rejection 2 asks for"),
        ("task/1/checks#1", "checks", "the checks of task 1"),
        ("candidate/fix#1", "session", "claude fixes what verification found"),
        ("baseline", "checks", "before any work"),
        ("verify#2", "verification", "three ways"),
        ("ship", "working", "on its branch"),
        ("something/new#1", "working", "something/new#1"),
    ],
)
def test_a_step_that_is_under_way(key: str, state: str, said: str) -> None:
    found = stands(run(), [step(key)], events=History().began(key).add("session.said", key, ago=5))
    assert found.state == state
    assert said in found.what
    assert key in found.what
    assert (found.since, found.last_sign) == (NOW - 60, NOW - 5)
    assert f"fabrik run attach {REF}" in commands(found)


def test_the_agent_of_a_session_is_the_one_that_was_started() -> None:
    key = "task/1/implement#1"
    events = History().began(key).add("session.started", key, agent="codex", role="implement")
    assert "codex implements" in stands(run(), [step(key)], events=events).what


def test_a_step_that_a_dead_worker_began_is_not_under_way() -> None:
    events = History().began("task/1/implement#1").began()
    found = stands(run(), [step("task/1/implement#1")], events=events)
    assert found.state == "working"


def test_a_run_that_no_worker_has_begun_on() -> None:
    assert stands(run()).state == "starting"
    found = stands(run(alive=False))
    assert (found.state, commands(found)[0]) == ("starting", f"fabrik run resume {REF}")


def test_a_wait_for_a_provider_has_its_end() -> None:
    key = "task/1/implement#1"
    events = History().began(key).add("step.finished", key)
    events.add("wait", key, ago=20, reason="the provider's rate limit was reached", until=NOW + 300)
    steps = [step(key, "finished")]
    found = stands(run(), steps, events=events)
    assert (found.state, found.until) == ("provider", NOW + 300)
    assert "rate limit" in found.what
    # What others tell meanwhile does not end it; the next step does, and so does time.
    events.add("model.call", key, outcome="ok")
    assert stands(run(), steps, events=events).state == "provider"
    assert standing(record(run(), steps), events.events, now=NOW + 301).state == "working"
    events.add("step.started", f"{key}/retry#1")
    assert stands(run(), [*steps, step(f"{key}/retry#1")], events=events).state == "session"


def test_a_review_says_who_is_out_and_who_has_answered_what() -> None:
    names = ["security", "simplicity", "tigerstyle", "test-coverage", "verifier"]
    events = History().began(*[f"review#1/{name}" for name in names])
    events.add("wait", "review#1/tigerstyle", ago=3, reason="overloaded", until=NOW + 40)
    states = {"tigerstyle": "finished", "test-coverage": "finished", "simplicity": "finished"}
    steps = [step(f"review#1/{name}", states.get(name, "started")) for name in names]
    reports = (report("simplicity", "changes_requested", issues=("a", "b")),)
    found = stands(run(), steps, events=events, reviews=reports)
    assert found.state == "review"
    assert "1 of 5 reviewers have answered" in found.what
    assert {one.reviewer: one.state for one in found.reviewers} == {
        "security": "asked",
        "simplicity": "changes_requested",
        "tigerstyle": "waiting",
        "test-coverage": "answered",
        "verifier": "asked",
    }
    details = {one.reviewer: one.detail for one in found.reviewers}
    assert details["simplicity"] == "2 issues"
    assert next(one.until for one in found.reviewers if one.reviewer == "tigerstyle") == NOW + 40


def test_everybody_who_is_out_may_wait_for_a_provider() -> None:
    events = History().began("review#2/security")
    events.add("wait", "review#2/security", ago=3, reason="overloaded", until=NOW + 40)
    found = stands(run(), [step("review#2/security", "finished")], events=events)
    assert [one.state for one in found.reviewers] == ["waiting"]


def test_a_verdict_of_another_task_or_round_does_not_count() -> None:
    key = "task/2/review#2/security"
    old = report("security", kind="light", step="task/2/review#1/security", round=1)
    other = report("security", kind="light", step="task/1/review#2/security", round=2)
    found = stands(run(), [step(key)], events=History().began(key), reviews=(old, other))
    assert [one.state for one in found.reviewers] == ["asked"]


def test_a_request_to_cancel_is_told_first() -> None:
    key = "task/1/implement#1"
    events = History().began(key).add("run.cancel_requested", ago=2, by="ada")
    found = stands(run(cancel_requested=True), [step(key)], events=events)
    assert (found.state, found.since) == ("cancelling", NOW - 2)


def test_a_run_without_its_worker() -> None:
    key = "task/1/implement#1"
    found = stands(run(alive=False), [step(key)], events=History().began(key))
    assert found.state == "interrupted"
    assert "nothing works on it" in found.what
    assert commands(found) == [f"fabrik run resume {REF}", f"fabrik run cancel {REF}"]
    asked = stands(run(alive=False, cancel_requested=True), [step(key)], events=History().began(key))
    assert commands(asked)[0] == f"fabrik run cancel {REF}"


def test_an_open_gate_tells_its_marks() -> None:
    found = stands(run(status="waiting", alive=False), gates=(gate(marks=("security gave no verdict",)),))
    assert (found.state, found.since) == ("gate", NOW - 50)
    assert found.about == ("against it: security gave no verdict",)
    assert [command.split()[1] for command in commands(found)] == ["runs", "approve", "reject"]
    assert any("overrides" in move.what for move in found.moves)


def test_a_decision_that_nobody_has_carried_out() -> None:
    decided = gate("rejected", decided_by="ada", decided_at=NOW - 9, notes="no tests")
    found = stands(run(status="waiting", alive=False), gates=(gate("rejected"), decided))
    assert (found.state, found.since, found.about) == ("decided", NOW - 9, ("no tests",))
    assert commands(found) == [f"fabrik run resume {REF}"]


@pytest.mark.parametrize(
    ("status", "command"),
    [
        ("blocked", f"fabrik run resume {REF}"),
        ("exhausted", f"fabrik run resume {REF}"),
        ("failed", f"fabrik runs logs {REF}"),
        ("rejected", "fabrik run --spec /p/specs/0001-search.md"),
        ("cancelled", f"fabrik run resume {REF}"),
    ],
)
def test_an_end_has_its_reason_and_a_way_on(status: str, command: str) -> None:
    found = stands(run(status=status, alive=False, finished_at=NOW - 7, failure_reason="task 1 needs help"))
    assert (found.state, found.since) == (status, NOW - 7)
    assert found.what == f"{status}: task 1 needs help"
    assert command in commands(found)


def test_feedback_that_nobody_was_told_yet_is_told() -> None:
    said = Feedback(
        id=1,
        run=ID,
        spec_path="/p",
        gate=None,
        decision="noted",
        decided_by="ada",
        notes="use the parser",
        created_at=NOW,
    )
    found = stands(run(status="blocked", alive=False, failure_reason="which?"), feedback=(said,))
    assert any("use the parser" in line for line in found.about)


def test_a_budget_that_is_used_up_is_raised_by_name() -> None:
    events = History().add("run.budget", usd=2.0, tokens=None).add("run.budget", usd=None, tokens=500)
    spent = run(
        status="exhausted", alive=False, failure_reason="no more", usage=Usage(calls=3, cost_usd=2.01)
    )
    found = stands(spent, events=events)
    assert found.state == "budget"
    assert f"fabrik run resume {REF} --budget-usd USD" in commands(found)
    assert f"fabrik run resume {REF} --budget-tokens N" in commands(found)
    assert budget(record(spent), events.events) == (2.0, 500)


def test_a_shipped_run_says_where_it_went_and_what_was_overridden() -> None:
    overridden = gate("approved", marks=("unread",), overriding=True, decided_by="ada")
    found = stands(
        run(status="shipped", alive=False, candidate="3f" * 20, finished_at=NOW), gates=(overridden,)
    )
    assert "branch spec-0001-search in /p at 3f3f3f3f3f" in found.what
    assert found.about == ("overridden by ada: unread",)
