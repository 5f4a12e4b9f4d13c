"""Decides, from results alone, whether a task is accepted and whether a session made progress. Pure."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

from fabrik.workflows.results import CheckResult, ChecksResult, SessionResult

NO_PROGRESS = 2  # sessions in a row that change neither the tree nor the failure


@dataclass(frozen=True, kw_only=True)
class Judgement:
    """What the host thinks of a task after a session and its checks."""

    accepted: bool
    failures: tuple[str, ...]  # comparable between two rounds; empty when accepted
    pending: tuple[str, ...]  # names of checks that still fail and may, until the last task
    regressions: tuple[str, ...] = ()  # names of checks that passed at the base and fail now
    nothing_done: bool = False


def judge_task(
    *,
    own: Collection[str],
    results: ChecksResult,
    failing_before: Collection[str],
    last: bool,
    changed: bool,
    ended: bool,
) -> Judgement:
    """Judge a task.

    own: names of the task's own checks: they must pass. failing_before: names of the spec's checks that
    failed at the base commit. Those may go on failing until the last task, for the checks of a spec judge
    the whole feature; every other check must pass after every task. changed: the task changed the tree.
    ended: the session ended by itself. Of one that was cut off nobody knows how far it got: it is accepted
    only when no check is left to wait.

    A task that changed nothing is accepted only where checks that failed before all pass now: then an
    earlier task has done it. Otherwise nothing proves that there was nothing to do.
    """
    if results.setup_problem:
        return Judgement(accepted=False, failures=(results.setup_problem,), pending=())
    must: list[CheckResult] = []
    pending: list[CheckResult] = []
    for check in results.failed:
        may_wait = not last and check.name in failing_before and check.name not in own
        (pending if may_wait else must).append(check)
    proven = results.ok and bool({check.name for check in results.checks} & (set(failing_before) | set(own)))
    nothing = not changed and not proven
    failures = [check.failure for check in must]
    if nothing:
        failures.append("nothing was changed")
    if pending and not ended:
        failures.append("the session was cut off before its end")
    return Judgement(
        accepted=not failures,
        failures=tuple(failures),
        pending=tuple(check.name for check in pending),
        regressions=tuple(
            check.name for check in must if check.name not in failing_before and check.name not in own
        ),
        nothing_done=nothing,
    )


@dataclass(frozen=True, kw_only=True)
class Standing:
    """Where a bounded loop stands after a round: what the next round is compared with."""

    tree: str
    failures: tuple[str, ...]
    stale: int = 0  # rounds in a row without progress

    def after(self, session: SessionResult, failures: tuple[str, ...]) -> Standing:
        """The standing after one more round.

        The same tree is no progress. A failure that differs on the same tree is a flaky check, not progress.
        """
        stale = self.stale + 1 if session.tree == self.tree else 0
        return Standing(tree=session.tree, failures=failures, stale=stale)

    @property
    def stuck(self) -> bool:
        return self.stale >= NO_PROGRESS
