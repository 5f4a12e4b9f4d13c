"""The judgement of a task: what must pass, what may wait, and what counts as progress."""

from __future__ import annotations

import pytest

from fabrik.outcome import Cause
from fabrik.workflows.judge import Standing, judge_task
from fabrik.workflows.results import CheckResult, ChecksResult, LogFile, SessionResult

LOG = LogFile(path="x", size=0, sha256="0")


def check(name: str, ok: bool, status: int = 1) -> CheckResult:
    return CheckResult(
        name=name,
        run=name,
        ok=ok,
        status=0 if ok else status,
        signal=None,
        stopped_by=None,
        seconds=0.1,
        log=LOG,
        tail="",
    )


def results(**checks: bool) -> ChecksResult:
    return ChecksResult(commit="c", checks=tuple(check(name, ok) for name, ok in checks.items()))


def ran(tree: str, changed: bool = True) -> SessionResult:
    return SessionResult(
        cause=Cause.ENDED,
        detail="",
        seconds=1.0,
        head="h",
        tree=tree,
        changed=changed,
        leftover=False,
        rewritten=False,
        transcript=LOG,
        stderr=LOG,
        session_id=None,
        says="",
        question="",
        notes=(),
        retry_at=None,
        saved_as=None,
    )


@pytest.mark.parametrize(
    ("case", "own", "now", "before", "last", "changed", "accepted", "pending"),
    [
        ("all pass", [], {"a": True}, ["a"], True, True, True, ()),
        ("the last task must pass everything", [], {"a": False}, ["a"], True, True, False, ()),
        ("an earlier task may leave it to a later one", [], {"a": False}, ["a"], False, True, True, ("a",)),
        ("but breaks nothing that worked", [], {"a": False, "b": False}, ["a"], False, True, False, ("a",)),
        ("its own checks may not wait", ["o"], {"o": False, "a": False}, ["a"], False, True, False, ("a",)),
        ("nothing changed, nothing proven", [], {"a": True}, [], True, False, False, ()),
        ("nothing changed, but an earlier task did it", [], {"a": True}, ["a"], False, False, True, ()),
        ("nothing changed and still failing", [], {"a": False}, ["a"], False, False, False, ("a",)),
        ("no checks at all, something changed", [], {}, [], True, True, True, ()),
        ("no checks at all, nothing changed", [], {}, [], True, False, False, ()),
    ],
)
def test_judgement(
    case: str,
    own: list[str],
    now: dict[str, bool],
    before: list[str],
    last: bool,
    changed: bool,
    accepted: bool,
    pending: tuple[str, ...],
) -> None:
    found = judge_task(
        own=own, results=results(**now), failing_before=before, last=last, changed=changed, ended=True
    )
    assert (found.accepted, found.pending) == (accepted, pending), case
    assert bool(found.failures) is not accepted


def test_a_regression_is_named() -> None:
    found = judge_task(
        own=[], results=results(a=False), failing_before=[], last=False, changed=True, ended=True
    )
    assert found.regressions == ("a",)


def test_failed_setup_is_never_accepted() -> None:
    broken = ChecksResult(commit="c", checks=(), setup_problem="npm ci failed")
    found = judge_task(own=[], results=broken, failing_before=[], last=False, changed=True, ended=True)
    assert not found.accepted
    assert found.failures == ("npm ci failed",)


def test_two_sessions_that_change_nothing_are_stuck() -> None:
    standing = Standing(tree="t0", failures=())
    standing = standing.after(ran("t0", changed=False), ("a: 1",))
    assert not standing.stuck
    assert standing.after(ran("t0", changed=False), ("a: 1",)).stuck


def test_a_changed_tree_is_progress_even_with_the_same_failure() -> None:
    standing = Standing(tree="t0", failures=())
    for tree in ("t1", "t1", "t2", "t2", "t3"):
        standing = standing.after(ran(tree), ("a: 1",))
        assert not standing.stuck


def test_a_flaky_failure_on_the_same_tree_is_no_progress() -> None:
    standing = Standing(tree="t0", failures=())
    standing = standing.after(ran("t0"), ("a: 1",)).after(ran("t0"), ("b: 2",))
    assert standing.stuck


@pytest.mark.parametrize(("passes", "accepted"), [(True, True), (False, False)])
def test_a_session_that_was_cut_off_is_accepted_only_when_every_check_passes(
    passes: bool, accepted: bool
) -> None:
    found = judge_task(
        own=[], results=results(a=passes), failing_before=["a"], last=False, changed=True, ended=False
    )
    assert found.accepted is accepted
