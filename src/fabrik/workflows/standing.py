"""How a run stands: what it is doing or waiting for, since when, and what would move it. Pure.

Everything comes from the ledger; what is said here is said by `fabrik why` and at the head of `runs show`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from fabrik.ledger.types import Event, Run
from fabrik.workflows.record import RunRecord, review_key
from fabrik.workflows.registry import FOREGROUND, take_up
from fabrik.workflows.under_way import ReviewerNow, doing, reviewing, under_way, waits_for_provider

State = Literal[
    "starting",  # dispatched, no worker has taken it yet
    "session",  # an agent works
    "checks",
    "review",
    "verification",
    "working",  # between two steps, or in one that is none of the others
    "provider",  # waits until a provider takes calls again
    "cancelling",
    "gate",  # a human decides
    "decided",  # a human has decided, and no worker has taken it up
    "interrupted",  # its worker is gone
    "blocked",
    "exhausted",
    "budget",  # exhausted: the budget is used up
    "failed",
    "rejected",
    "cancelled",
    "shipped",
    "done",
]


@dataclass(frozen=True, kw_only=True)
class Move:
    """One thing that would move the run."""

    what: str  # what it does, in a few words
    command: str  # what to type; "" where nothing is to be typed


@dataclass(frozen=True, kw_only=True)
class Standing:
    """How a run stands."""

    state: State
    what: str  # one line
    since: float | None  # seconds since the epoch
    until: float | None = None  # of a wait whose end is known
    last_sign: float | None = None  # the last that was heard of what is under way
    about: tuple[str, ...] = ()  # further lines: the reviewers who are still out, the marks of a gate
    reviewers: tuple[ReviewerNow, ...] = ()  # of a review that is under way
    moves: tuple[Move, ...] = ()


def standing(record: RunRecord, events: Sequence[Event], *, now: float) -> Standing:
    """How the run stands. events: its last ones, oldest first; as many as there are makes the best answer."""
    run = record.run
    match run.status:
        case "running":
            return _running(record, events, now) if run.alive else _interrupted(record, events)
        case "waiting":
            return _at_the_gate(record)
        case "shipped":
            return _shipped(record)
        case "done":
            return Standing(state="done", what=_done(run), since=run.finished_at)
        case _:
            return _ended(record, events)


def _running(record: RunRecord, events: Sequence[Event], now: float) -> Standing:
    run, ref = record.run, record.run.id[-8:]
    steps = under_way(record, events)
    sign = _last_sign(events)
    if run.cancel_requested:
        return Standing(
            state="cancelling",
            what="somebody asked it to stop; its worker ends the session and clears up",
            since=_last(events, "run.cancel_requested"),
            last_sign=sign,
            moves=(Move(what="nothing: it ends by itself", command=""),),
        )
    watch = Move(what="follow it", command=f"fabrik run attach {ref}")
    if reviewers := reviewing(record, events, steps, now):
        out = [one for one in reviewers if one.state not in ("approved", "changes_requested", "no_verdict")]
        what = f"a review: {len(reviewers) - len(out)} of {len(reviewers)} reviewers have answered"
        return Standing(
            state="review",
            what=what,
            since=min((step.started_at for step in steps), default=None),
            last_sign=sign,
            reviewers=reviewers,
            moves=(Move(what="the reviewers who are still out", command=""), watch),
        )
    if wait := waits_for_provider(events, now):
        reason, until = wait
        return Standing(
            state="provider",
            what=f"waits: {reason}",
            since=events[-1].at if events else None,
            until=until,
            last_sign=sign,
            moves=(Move(what="the time: it tries again by itself", command=""), watch),
        )
    if not steps:
        if not record.steps:
            return Standing(state="starting", what="its worker makes everything ready", since=run.started_at)
        ended = max((step.finished_at or step.started_at for step in record.steps), default=run.started_at)
        what = (
            "waits for an answer, where it is asked" if run.workflow == "interview" else "between two steps"
        )
        return Standing(state="working", what=what, since=ended, last_sign=sign, moves=(watch,))
    last = steps[-1]
    state, what = doing(record, last, events)
    again = f", start {last.attempt}" if last.attempt > 1 else ""
    return Standing(
        state=state,
        what=f"{what} ({last.key}{again})",
        since=last.started_at,
        last_sign=sign,
        moves=(Move(what="nothing is needed: it goes on by itself", command=""), watch),
    )


def _review_again(run: Run) -> Move:
    return Move(
        what="review the branch again, once it was changed", command=f"fabrik review --branch {run.branch}"
    )


_ASK_AGAIN = Move(what="ask the judge again", command="fabrik judge --help")


def _interrupted(record: RunRecord, events: Sequence[Event]) -> Standing:
    run, ref = record.run, record.run.id[-8:]
    doing_ = next((step for step in reversed(record.steps) if step.state == "started"), None)
    where = f" in {doing_.key}" if doing_ else ""
    moves = [Move(what="go on where it was", command=take_up(run))]
    if run.workflow == "judge":  # its command is gone, and what was asked is asked anew
        moves = [_ASK_AGAIN]
    elif run.cancel_requested:
        moves = [Move(what="end it, as it was asked to", command=f"fabrik run cancel {ref}"), *moves]
    else:
        moves.append(Move(what="give it up", command=f"fabrik run cancel {ref}"))
    claimed = any(event.kind == "run.claimed" for event in events) or bool(record.steps)
    what = f"its worker is gone{where}; nothing is lost, and nothing works on it"
    return Standing(
        state="interrupted" if claimed else "starting",
        what=what if claimed else "no worker has taken it yet",
        since=events[-1].at if events else run.started_at,
        moves=tuple(moves),
    )


def _at_the_gate(record: RunRecord) -> Standing:
    ref = record.run.id[-8:]
    gate = record.gates[-1] if record.gates else None
    if gate is None or gate.state == "open":
        marks = tuple(f"against it: {mark}" for mark in gate.marks) if gate else ()
        overrides = f"let it ship (overrides {len(marks)} marks)" if marks else "let it ship"
        return Standing(
            state="gate",
            what="waits for a human: " + (gate.reason if gate else "the candidate is to be approved"),
            since=gate.opened_at if gate else None,
            about=marks,
            moves=(
                Move(what="look at the change", command=f"fabrik runs diff {ref}"),
                Move(what=overrides, command=f"fabrik approve {ref}"),
                Move(what="send it back", command=f'fabrik reject {ref} --notes "what is missing"'),
            ),
        )
    return Standing(
        state="decided",
        what=f"{gate.state} by {gate.decided_by}, and no worker has taken it up",
        since=gate.decided_at,
        about=(gate.notes,) if gate.notes else (),
        moves=(Move(what="carry the decision out", command=f"fabrik run resume {ref}"),),
    )


def _done(run: Run) -> str:
    return f"done: {run.failure_reason}" if run.failure_reason else "done"


def _shipped(record: RunRecord) -> Standing:
    run = record.run
    where = f"branch {run.branch} in {run.project}"
    pushed = f", pushed to {record.shipped.pushed_to}" if record.shipped and record.shipped.pushed_to else ""
    commit = f" at {run.candidate[:10]}" if run.candidate else ""
    return Standing(
        state="shipped",
        what=f"shipped: {where}{commit}{pushed}",
        since=run.finished_at,
        about=_overridden(record),
        moves=(Move(what="merge the branch when you like: fabrik never merges", command=""),),
    )


def _overridden(record: RunRecord) -> tuple[str, ...]:
    if not record.gates or not record.gates[-1].overriding:
        return ()
    gate = record.gates[-1]
    return tuple(f"overridden by {gate.decided_by}: {mark}" for mark in gate.marks)


def _ended(record: RunRecord, events: Sequence[Event]) -> Standing:
    run, ref = record.run, record.run.id[-8:]
    reason = run.failure_reason or "no reason was recorded"
    resume = Move(what="take it up again, once that is mended", command=take_up(run))
    new = Move(what="start a new run", command=f"fabrik run --spec {run.spec_path}")
    log = Move(what="see what happened", command=f"fabrik runs logs {ref}")
    states: dict[str, tuple[State, tuple[Move, ...]]] = {
        "blocked": ("blocked", (_answer(record), resume)),
        "exhausted": ("exhausted", (Move(what="grant as much again", command=resume.command), log)),
        "failed": ("failed", (log, resume)),
        "rejected": ("rejected", (new,)),
        "cancelled": ("cancelled", (Move(what="take it up again", command=resume.command),)),
    }
    state, moves = states[run.status]
    if run.workflow == "judge":
        moves = (_ASK_AGAIN,)
    elif run.workflow in FOREGROUND:
        moves = (resume, log)
    elif run.workflow == "review" and state in ("rejected", "blocked"):
        moves = (log, resume) if state == "blocked" else (_review_again(run),)
    elif state == "exhausted" and _budget_used_up(run, record, events):
        state = "budget"
        larger = "give it a larger budget"
        moves = (
            Move(what=larger, command=f"fabrik run resume {ref} --budget-usd USD"),
            Move(what=f"{larger}, in tokens", command=f"fabrik run resume {ref} --budget-tokens N"),
            log,
        )
    return Standing(
        state=state,
        what=f"{run.status}: {reason}",
        since=run.finished_at,
        moves=moves,
        about=_unanswered(record),
    )


def _answer(record: RunRecord) -> Move:
    ref = record.run.id[-8:]
    return Move(
        what="answer, where it asks something", command=f'fabrik feedback {ref} --notes "your answer"'
    )


def _unanswered(record: RunRecord) -> tuple[str, ...]:
    """Feedback that no session has been told yet."""
    waiting = [said for said in record.feedback if said.used_by is None and said.notes and said.gate is None]
    return tuple(f"feedback for the next session: {said.notes}" for said in waiting)


def _budget_used_up(run: Run, record: RunRecord, events: Sequence[Event]) -> bool:
    usd, tokens = budget(record, events)
    spent = run.usage.cost_usd is not None and usd is not None and run.usage.cost_usd >= usd
    used = run.usage.total_tokens
    return (
        spent
        or (used is not None and tokens is not None and used >= tokens)
        or "budget" in (run.failure_reason or "")
    )


def budget(record: RunRecord, events: Sequence[Event]) -> tuple[float | None, int | None]:
    """The budget in US dollars and in tokens as it is now; None: no bound."""
    limits = record.context.limits if record.context else None
    usd, tokens = (limits.budget_usd, limits.budget_tokens) if limits else (None, None)
    for event in events:
        if event.kind == "run.budget":
            usd = event.data.get("usd") if event.data.get("usd") is not None else usd
            tokens = event.data.get("tokens") if event.data.get("tokens") is not None else tokens
    return usd, tokens


def _last(events: Sequence[Event], kind: str) -> float | None:
    return next((event.at for event in reversed(events) if event.kind == kind), None)


def _last_sign(events: Sequence[Event]) -> float | None:
    """When something was heard last of what works on the run: people's own doings do not count."""
    people = ("gate.", "run.cancel_requested", "run.budget", "feedback.")
    return next((event.at for event in reversed(events) if not event.kind.startswith(people)), None)


__all__ = ["Move", "ReviewerNow", "Standing", "budget", "review_key", "standing"]
