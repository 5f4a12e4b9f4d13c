"""What a living run has under way: its steps, its reviewers, its waits. Pure."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from fabrik.ledger.types import Event, Step
from fabrik.workflows.context import VERIFIER
from fabrik.workflows.record import RunRecord, review_key

ReviewerState = Literal[
    "approved",
    "changes_requested",
    "no_verdict",
    "asked",  # its session is under way
    "waiting",  # for its provider
    "answered",  # its session has ended; what it wrote is being judged, or it is asked again
    "due",  # not asked yet
]

_TASK = re.compile(r"task/(?P<task>.+)/(?P<what>implement|checks)#(?P<number>\d+)(?P<retry>/.*)?")
_FINDING = re.compile(r"review-task-(?P<reviewer>.+)-(?P<n>\d+)")
_ITERATION = re.compile(
    r"(?P<mode>build|plan|plan-work|plan-release)/(?P<n>\d+)/(?P<what>[a-z]+)(?:#(?P<number>\d+))?(?:/.*)?"
)
_PEOPLE = re.compile(r"feedback/(?P<note>note-)?(?P<number>\d+)/(?P<what>implement|checks)#\d+.*")

# Told while others work, so no sign that a wait is over.
_BESIDE = frozenset(
    {"model.call", "run.progress", "step.finished", "step.failed", "session.ended", "warning"}
)


@dataclass(frozen=True, kw_only=True)
class ReviewerNow:
    """A reviewer of the round that is under way."""

    reviewer: str
    state: ReviewerState
    since: float | None  # when it was asked
    detail: str = ""  # how many findings, or why there is no verdict
    until: float | None = None  # when it is tried again


def under_way(record: RunRecord, events: Sequence[Event]) -> tuple[Step, ...]:
    """The steps that the living worker has started and not ended, in order of their start."""
    claimed = max((event.seq for event in events if event.kind == "run.claimed"), default=None)
    begun = {
        event.step
        for event in events
        if event.kind == "step.started" and (claimed is None or event.seq > claimed)
    }
    started = [step for step in record.steps if step.state == "started"]
    if (
        claimed is not None
    ):  # what an earlier worker had started is under way only when this one began it again
        started = [step for step in started if step.key in begun]
    return tuple(sorted(started, key=lambda step: step.started_at))


def waits_for_provider(events: Sequence[Event], now: float) -> tuple[str, float] | None:
    """Why nothing goes on, and until when; None when something does."""
    last = next((event for event in reversed(events) if event.kind not in _BESIDE), None)
    if last is None or last.kind != "wait":
        return None
    until = last.data.get("until")
    if not isinstance(until, int | float) or until <= now:
        return None
    return str(last.data.get("reason") or "a provider"), float(until)


def doing(
    record: RunRecord, step: Step, events: Sequence[Event]
) -> tuple[Literal["session", "checks", "verification", "working"], str]:
    """What a step that is under way is about."""
    key = step.key
    if found := _TASK.fullmatch(key):
        task = _task(record, found["task"])
        if found["what"] == "checks":
            return "checks", f"the checks of {task}"
        fixes = found["number"] != "1" or found["task"].startswith("review-task-")
        return "session", f"{_agent(record, key, events)} {'fixes' if fixes else 'implements'} {task}"
    if found := _PEOPLE.fullmatch(key):
        what = "what a human has noted" if found["note"] else f"what rejection {found['number']} asks for"
        if found["what"] == "checks":
            return "checks", f"the checks of {what}"
        return "session", f"{_agent(record, key, events)} works on {what}"
    if key.startswith("candidate/fix#"):
        return "session", f"{_agent(record, key, events)} fixes what verification found"
    if key.startswith(("verify#", "verify/")):
        return "verification", "the proof of the candidate, three ways, each in a fresh clone"
    if found := _ITERATION.fullmatch(key):
        return _iteration(record, found, events)
    if key == "baseline":
        return "checks", "the checks at the base commit, before any work"
    if key == "ship":
        return "working", "puts the candidate on its branch"
    return "working", f"works on {key}"


def _iteration(
    record: RunRecord, found: re.Match[str], events: Sequence[Event]
) -> tuple[Literal["session", "checks", "working"], str]:
    of = f"iteration {found['n']}"
    branch = record.run.branch
    match found["what"]:
        case "session":
            agent = _agent(record, found[0], events)
            what = "plans" if found["mode"] != "build" else "builds" if found["number"] == "1" else "fixes"
            return "session", f"{agent} {what} in {of}"
        case "checks" | "merged":
            return "checks", f"the checks of {of}"
        case "land":
            return "working", f"puts {of} on {branch}"
        case "push":
            return "working", f"pushes {branch} after {of}"
        case _:
            return "working", f"looks at {branch}, for {of}"


def _agent(record: RunRecord, key: str, events: Sequence[Event]) -> str:
    began = next((e for e in reversed(events) if e.kind == "session.started" and e.step == key), None)
    name = began.data.get("agent") if began else None
    return str(name or record.run.agent)


def _task(record: RunRecord, id: str) -> str:
    if _FINDING.fullmatch(id):
        text = next((f.text for one in record.rounds for f in one.round.findings if f.id == id), "")
        return f"finding {id}" + (f": {text}" if text else "")
    tasks = record.context.tasks if record.context else ()
    for number, task in enumerate(tasks, 1):
        if task.id == id:
            return f"task {number} of {len(tasks)}: {task.do}"
    return f"task {id}"


def reviewing(
    record: RunRecord, events: Sequence[Event], steps: Sequence[Step], now: float
) -> tuple[ReviewerNow, ...]:
    """Everybody who is asked in the round that is under way; () when none is."""
    current = _current_round(events, steps, now)
    if current is None:
        return ()
    task, number = current
    last_commit = _commit_of(record, task, number)
    return tuple(
        _reviewer(record, events, steps, now, (task, number, name), last_commit)
        for name in _asked(record, task, number)
    )


def _current_round(
    events: Sequence[Event], steps: Sequence[Step], now: float
) -> tuple[str | None, int] | None:
    for step in reversed(steps):
        if key := review_key(step.key):
            return key.task, key.number
    # Everybody who is still out may be waiting for a provider.
    for event in reversed(events):
        if event.kind in _BESIDE:
            continue
        key = review_key(event.step or "") if event.kind == "wait" else None
        return (key.task, key.number) if key and float(event.data.get("until") or 0) > now else None
    return None


def _asked(record: RunRecord, task: str | None, number: int) -> tuple[str, ...]:
    review = record.context.review if record.context else None
    names: list[str] = []
    if review is not None:
        names = [one.id for one in (review.full if task is None else review.light)]
        names += [VERIFIER] if task is None else []
    for step in record.steps:
        key = review_key(step.key)
        if key and (key.task, key.number) == (task, number) and key.reviewer and key.reviewer not in names:
            names.append(key.reviewer)
    return tuple(names)


def _commit_of(record: RunRecord, task: str | None, number: int) -> str | None:
    """The commit that a round is about, from the inputs of its steps; None where they do not say."""
    for step in record.steps:
        key = review_key(step.key)
        if key and (key.task, key.number) == (task, number):
            commit = step.inputs.get("commit")
            if isinstance(commit, str):
                return commit
    return None


def _reviewer(
    record: RunRecord,
    events: Sequence[Event],
    steps: Sequence[Step],
    now: float,
    who: tuple[str | None, int, str],
    commit: str | None,
) -> ReviewerNow:
    task, number, name = who
    own = [step for step in record.steps if (key := review_key(step.key)) and tuple(key) == who]
    since = own[0].started_at if own else None
    started = {step.key for step in steps}
    if any(step.key in started for step in own):
        return ReviewerNow(reviewer=name, state="asked", since=own[-1].started_at)
    kind = "full" if task is None else "light"
    reports = [
        report
        for report in record.reviews
        if report.reviewer == name
        and report.kind == kind
        and (key := review_key(report.step)) is not None
        and key.task == task
        and (report.round == number or (commit is not None and report.commit == commit))
    ]
    if reports and (reports[-1].status != "no_verdict" or reports[-1].round == number):
        last = reports[-1]
        detail = last.reason or (f"{len(last.issues)} issues" if last.issues else "")
        return ReviewerNow(reviewer=name, state=last.status, since=since, detail=detail)
    waits = [event for event in events if event.kind == "wait" and event.step in {step.key for step in own}]
    if waits and float(waits[-1].data.get("until") or 0) > now:
        reason = str(waits[-1].data.get("reason") or "")
        until = float(waits[-1].data["until"])
        return ReviewerNow(reviewer=name, state="waiting", since=since, detail=reason, until=until)
    return ReviewerNow(reviewer=name, state="answered" if own else "due", since=since)
