"""What a loop was asked to do, sealed with its run; and the results of its steps."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from fabrik.workflows.loop.churning import NO_TRACE, Trace
from fabrik.workflows.results import ChecksResult

Mode = Literal["plan", "build", "plan-work", "plan-release"]
# Iterations where no number is given; 0: no bound. That of `plan-work` is the playbook's own; a plan that
# still changes after ten will not settle by itself.
MOST: Mapping[Mode, int] = {"build": 0, "plan": 10, "plan-work": 5, "plan-release": 10}


@dataclass(frozen=True, kw_only=True)
class SealedLoop:
    """A loop as it was dispatched."""

    mode: Mode
    most: int  # iterations; 0: no bound
    prompt: str  # the project's own, as it was then, its variables not yet filled in
    prompt_name: str  # for messages
    values: Mapping[str, str]  # of the prompt's variables, but for the number of the iteration
    root: str  # of the working tree
    git_dir: str  # of the working tree
    tip: str  # where the branch was; the run's base is this, or this with what was uncommitted
    tag: bool

    @property
    def builds(self) -> bool:
        return self.mode == "build"


@dataclass(frozen=True, kw_only=True)
class PlanState:
    """The plan at a commit."""

    open: int  # items to do
    done: int
    readable: bool  # False: it says something, and no item was found in it
    there: bool = True  # False: there is no such file

    @property
    def empty(self) -> bool:
        return not self.open and self.readable


@dataclass(frozen=True, kw_only=True)
class Line:
    """Where the loop stands: what the next session begins with, and the user's branch beside it."""

    head: str  # a commit of the run's repository: what the next session begins with
    tip: str  # where the user's branch is expected to be
    known: str  # a commit: their files, as far as the loop knows
    plan: PlanState
    judges: str = ""  # a commit: the files that judge, as people have them; "": the run's base


@dataclass(frozen=True, kw_only=True)
class Guarded:
    """What was done to the files that judge the work, compared with those of people."""

    against: tuple[str, ...] = ()  # why it is not accepted, one line each
    told: tuple[str, ...] = ()  # what is worth telling besides
    checks: ChecksResult | None = None  # the checks once more, with these files as people have them


@dataclass(frozen=True, kw_only=True)
class Round:
    """What the host found out about one session that builds."""

    results: ChecksResult
    accepted: bool
    files: tuple[str, ...]  # that the session changed, the first of them
    code: bool  # since the iteration began, something besides the plan has changed
    finished: tuple[str, ...]  # items of the plan that are done since then
    untested: tuple[str, ...]  # why some of them do not count: their required tests
    weakened: tuple[str, ...]  # items that lost required tests
    failures: tuple[str, ...]  # comparable between iterations
    plan: PlanState
    agents_changed: bool  # AGENTS.md names other checks than before
    kept: str  # the ref with the work that was not taken; "" for none
    named_before: tuple[str, ...] = ()  # the checks that AGENTS.md named before, where it names others now
    named_after: tuple[str, ...] = ()
    guarded: Guarded = Guarded()
    undone: tuple[str, ...] = ()  # why items that were closed do not count as finished, or the plan as one
    restored: str = ""  # a commit with the plan of before on top of the session's, which had lost it
    trace: Trace = NO_TRACE


@dataclass(frozen=True, kw_only=True)
class Planned:
    """What the host found out about one session that plans."""

    commit: str  # with the plan, and nothing else, on top of the user's branch; the tip when it is the same
    head: str  # what the next session begins with
    known: str  # the user's files, as far as the loop knows, before the plan lands
    changed: bool  # the plan differs
    reworded: bool  # … in its words alone: no item came, went or was ticked
    left_out: tuple[str, ...]  # paths that the session changed besides
    kept: str  # the ref with these; "" for none
    before: PlanState
    plan: PlanState
    refused: str = ""  # why what the session left is no plan, and was not taken over
    missing: bool = False  # there is no plan at all


@dataclass(frozen=True, kw_only=True)
class Landed:
    """What became of a commit that was to land."""

    outcome: Literal["landed", "moved"]
    tip: str  # where the branch is now
    tag: str = ""  # that was made
    problem: str = ""  # why no tag could be made
    in_checkout: bool = True  # the branch is checked out, and the files have followed


@dataclass(frozen=True, kw_only=True)
class Followed:
    """The user's branch has moved, and the loop goes on from there."""

    line: Line
    merged: str = ""  # a commit that has both lines of work, to be checked before it lands
    conflicts: tuple[str, ...] = ()  # where both lines met: the loop's own work is kept aside
    kept: str = ""
    already: bool = False  # the branch has the work in it already


@dataclass(frozen=True, kw_only=True)
class Pushed:
    """A push to the remote."""

    ok: bool
    why: str = ""
    tags: tuple[str, ...] = field(default=())
