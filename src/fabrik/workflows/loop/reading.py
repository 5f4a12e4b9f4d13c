"""Reads the plan out of commits, and what a session did to it."""

from __future__ import annotations

import functools

from fabrik.playbook import plan as plans
from fabrik.playbook.layout import PLAN
from fabrik.vcs.run_repo import RunRepo
from fabrik.workflows.loop.order import PlanState

MAX_PLAN = 4 << 20  # bytes
MAX_FILE = 1 << 20  # bytes of a file in which tests are counted


async def read_plan(repo: RunRepo, commit: str) -> str:
    """The text of the plan at a commit; "" where there is none. Raises VcsError."""
    return text_of(await repo.read_file(commit, PLAN, MAX_PLAN))


async def plan_state(repo: RunRepo, commit: str) -> PlanState:
    """How many items are open and done at a commit. Raises VcsError."""
    content = await repo.read_file(commit, PLAN, MAX_PLAN)
    if content is None:
        return PlanState(open=0, done=0, readable=True, there=False)
    return state_of(plan_of(text_of(content)))


@functools.lru_cache(maxsize=4)
def plan_of(text: str) -> plans.Plan:
    """A plan as it reads; that of the iteration before is what this one began with."""
    return plans.read(text)


def state_of(plan: plans.Plan) -> PlanState:
    return PlanState(open=len(plan.open), done=len(plan.done), readable=not plan.wordy)


def text_of(content: bytes | None) -> str:
    return (content or b"").decode("utf-8", errors="replace")
