"""One function for each kind of event: its data in, a Line out. An unknown kind renders generically."""

from __future__ import annotations

import json
from collections.abc import Mapping

from fabrik.cli import units
from fabrik.cli.render.judge_events import JUDGE
from fabrik.cli.render.line import Data, Line, Renderer, bullet, clip, text_of
from fabrik.cli.render.loop_events import LOOP
from fabrik.cli.render.people_events import PEOPLE
from fabrik.cli.render.review_events import REVIEWS
from fabrik.cli.screen import Tone
from fabrik.cli.text import neutralise, one_line
from fabrik.ledger.types import Event

TAIL_LINES = 10  # of a failed check's output; all of it is in `fabrik runs logs`
SAID_WIDTH = 240


def render(event: Event) -> Line:
    """What is said of an event. Never raises, whatever the event's data is."""
    try:
        if renderer := RENDERERS.get(event.kind):
            return renderer(event.data, event.step or "")
    except (TypeError, ValueError, AttributeError, OverflowError):
        pass  # data of another version: shown as it is
    return generic(event)


def generic(event: Event) -> Line:
    """An event of a kind that this version does not know, with its data."""
    data = "  ".join(f"{key}={_value(value)}" for key, value in event.data.items())
    return Line(mark="·", text=one_line(f"{event.kind}  {data}".strip(), 400), tone="dim")


def _value(value: object) -> str:
    return value if isinstance(value, str) else json.dumps(value, default=str, ensure_ascii=False)


def _seconds(data: Data, key: str = "seconds") -> str:
    value = data.get(key)
    return "" if value is None else units.seconds(float(value))


def _commit(data: Data) -> str:
    return text_of(data, "commit")[:10]


def _dispatched(data: Data, _step: str) -> Line:
    return Line(
        mark="▶",
        text=bullet("dispatched", spec=text_of(data, "spec_id"), agent=text_of(data, "agent")),
        tone="strong",
    )


def _created(data: Data, _step: str) -> Line:
    text = bullet("dispatched", spec=text_of(data, "spec"), agent=text_of(data, "agent"))
    base = text_of(data, "base_commit")[:10]
    return Line(mark="▶", text=bullet(text, base=base and f"from {base}"), tone="strong")


def _resumed(data: Data, _step: str) -> Line:
    was = text_of(data, "was")
    return Line(mark="▶", text=bullet("resumed", was=was and f"was {was}"), tone="strong")


def _cancel_requested(data: Data, _step: str) -> Line:
    return Line(mark="■", text=bullet("told to stop", by=text_of(data, "by")), tone="warn")


def _routine(text: str) -> Renderer:
    """Bookkeeping that other lines tell better."""
    return lambda _data, _step: Line(mark="·", text=text, tone="dim", telling=False)


def _progress(data: Data, _step: str) -> Line:
    return Line(mark="·", text=text_of(data, "text"), tone="dim", telling=False)


def _inputs_changed(data: Data, _step: str) -> Line:
    changed = data.get("changed")
    names = ", ".join(one_line(str(name), 60) for name in changed) if isinstance(changed, list) else ""
    return Line(mark="!", text=bullet("changed since this step finished", names=names), tone="warn")


def _stop(data: Data, _step: str) -> Line:
    # The verdict that follows says the same again.
    return Line(
        mark="·", text=bullet("stops", reason=text_of(data, "reason", 400)), tone="dim", telling=False
    )


VERDICT_TONES: Mapping[str, Tone] = {
    "shipped": "good",
    "done": "good",
    "rejected": "warn",
    "blocked": "warn",
    "exhausted": "warn",
    "waiting": "warn",
    "interrupted": "warn",
    "failed": "bad",
    "cancelled": "dim",
}


def _verdict(data: Data, _step: str) -> Line:
    verdict, reason = text_of(data, "verdict"), neutralise(str(data.get("reason") or "")).strip()
    first, _, rest = reason.partition("\n")
    return Line(
        mark="■",
        text=f"{verdict}: {one_line(first, 400)}" if first else verdict,
        tone=VERDICT_TONES.get(verdict, "strong"),
        detail=clip(rest.splitlines(), TAIL_LINES),
    )


def _budget(data: Data, _step: str) -> Line:
    usd, tokens = data.get("usd"), data.get("tokens")
    bounds = [units.money(float(usd))] if usd is not None else []
    bounds += [f"{int(tokens):,} tokens"] if tokens is not None else []
    by = text_of(data, "by")
    return Line(mark="▶", text=bullet("a new budget", bounds=", ".join(bounds), by=by and f"by {by}"))


def _step_started(_data: Data, _step: str) -> Line:
    return Line(mark="·", text="starts", tone="dim", telling=False)


def _step_finished(data: Data, _step: str) -> Line:
    return Line(mark="·", text=bullet("finished", took=_seconds(data)), tone="dim", telling=False)


def _step_failed(data: Data, _step: str) -> Line:
    error = neutralise(str(data.get("error") or data.get("reason") or "")).strip()
    first, _, rest = error.partition("\n")
    return Line(
        mark="✗",
        text=bullet("step failed", error=one_line(first, 400)),
        tone="bad",
        detail=clip(rest.splitlines(), TAIL_LINES),
    )


ROLES = {
    "plan": "plans",
    "implement": "implements",
    "fix": "fixes",
    "review": "reviews",
    "verify": "verifies",
}


def _session_started(data: Data, _step: str) -> Line:
    role = text_of(data, "role")
    attempt = data.get("attempt")
    task = text_of(data, "task")
    return Line(
        mark="▸",
        text=bullet(
            f"{text_of(data, 'agent') or 'the agent'} {ROLES.get(role, role or 'works')}",
            task=f"task {task}" if task else "",
            attempt=f"start {attempt}" if isinstance(attempt, int) and attempt > 1 else "",
        ),
    )


def _session_said(data: Data, _step: str) -> Line:
    return Line(mark="“", text=text_of(data, "text", SAID_WIDTH), tone="dim")


def _session_tool(data: Data, _step: str) -> Line:
    return Line(mark="$", text=f"{text_of(data, 'name')}  {text_of(data, 'summary')}".rstrip(), tone="dim")


def _session_retrying(data: Data, _step: str) -> Line:
    attempt = data.get("attempt")
    again = f"attempt {attempt}" if attempt else ""
    return Line(
        mark="↻",
        text=bullet("the agent retries a model call", cause=text_of(data, "cause"), n=again),
        tone="warn",
    )


def _session_ended(data: Data, _step: str) -> Line:
    cause = text_of(data, "cause")
    ended = cause == "ended"
    return Line(
        mark="▪" if ended else "!",
        text=bullet(
            "session ended" if ended else f"session ended: {cause.replace('_', ' ')}",
            took=_seconds(data),
            detail=text_of(data, "detail", 300),
        ),
        tone="plain" if ended else "warn",
    )


def _check_passed(data: Data, step: str) -> Line:
    text = bullet(text_of(data, "name"), took=_seconds(data))
    if _baseline(step):
        return Line(mark="✓", text=f"{text} · passes before the work", tone="dim")
    return Line(mark="✓", text=text, tone="good")


def _check_failed(data: Data, step: str) -> Line:
    status, stopped = data.get("status"), text_of(data, "stopped_by")
    how = f"stopped by its {stopped} limit" if stopped else ""
    if not how and status is not None:
        how = f"exit status {status}"
    if _baseline(step):  # what fails before the work is done is what can prove it
        return Line(
            mark="○", text=f"{text_of(data, 'name')} · fails before the work, as it should", tone="dim"
        )
    return Line(
        mark="✗",
        text=bullet(text_of(data, "name"), how=how, took=_seconds(data)),
        tone="bad",
        detail=clip(neutralise(str(data.get("tail") or "")).strip().splitlines(), TAIL_LINES),
    )


def still_fails(event: Event) -> Line:
    """A check that failed before the work and fails after a task: what is still to be done, no bad news."""
    data = event.data
    detail = clip(neutralise(str(data.get("tail") or "")).strip().splitlines(), 2)
    return Line(mark="○", text=f"{text_of(data, 'name')} · still fails", tone="dim", detail=detail)


def _baseline(step: str) -> bool:
    return step.startswith("baseline")


def _task_report(data: Data, step: str) -> Line:
    status, task = text_of(data, "status"), text_of(data, "task")
    if status in ("done", "pending"):  # told by task.accepted
        return Line(mark="·", text=f"task {task}: {status}", tone="dim", telling=False)
    issues = data.get("issues")
    why = one_line("; ".join(map(str, issues)), 300) if isinstance(issues, list) else ""
    what = "iteration" if step.startswith(("build/", "plan")) else "task"
    return Line(mark="✗", text=f"{what} {task} is not accepted{why and f': {why}'}", tone="warn")


def _task_accepted(data: Data, _step: str) -> Line:
    files = data.get("files")
    number = len(files) if isinstance(files, list) else files
    changed = f"{number} file{'s' * (number != 1)} changed" if isinstance(number, int) else ""
    return Line(
        mark="✓",
        text=bullet(f"task {text_of(data, 'task')} accepted", commit=_commit(data), files=changed),
        tone="good",
    )


def _candidate(data: Data, _step: str) -> Line:
    return Line(mark="◆", text=f"candidate {_commit(data)}: now it must be proven", tone="strong")


def _model_call(data: Data, _step: str) -> Line:
    outcome = text_of(data, "outcome")
    ok = outcome in ("", "ok")
    return Line(
        mark="·" if ok else "!",
        text=bullet(
            f"model call {outcome.replace('_', ' ')}".rstrip(),
            model=text_of(data, "model"),
            status="" if ok else f"HTTP {data.get('status')}",
            took=_seconds(data),
        ),
        tone="dim" if ok else "warn",
        telling=not ok,
    )


def _egress_refused(data: Data, _step: str) -> Line:
    host, port, why = text_of(data, "host"), data.get("port"), text_of(data, "why", 300)
    where = f"{host}:{port}" if port else host
    said = why if host == "*" else f"a connection to {where} ({why or 'the project does not allow it'})"
    return Line(mark="⊘", text=f"refused: {said}", tone="warn")


def _wait(data: Data, _step: str) -> Line:
    until = data.get("until")
    when = f"until {units.clock(float(until))}" if until is not None else ""
    return Line(mark="…", text=bullet("waits", reason=text_of(data, "reason", 300), until=when), tone="warn")


def _warning(data: Data, _step: str) -> Line:
    return Line(mark="!", text=text_of(data, "text", 500), tone="warn")


def _shipped(data: Data, _step: str) -> Line:
    target = text_of(data, "target")
    return Line(
        mark="★",
        text=bullet(
            f"branch {text_of(data, 'branch')} at {_commit(data)}", target=f"in {target}" if target else ""
        ),
        tone="good",
    )


RENDERERS: dict[str, Renderer] = {
    "run.dispatched": _dispatched,
    "run.resumed": _resumed,
    "run.created": _created,
    "run.claimed": _routine("a worker takes the run"),
    "run.progress": _progress,
    "run.candidate": _routine("a candidate is put forward"),
    "run.waiting": _routine("waits at the gate that is open"),
    "run.budget": _budget,
    "run.cancel_requested": _cancel_requested,
    "step.inputs_changed": _inputs_changed,
    "task.report": _task_report,
    "run.stop": _stop,
    "run.verdict": _verdict,
    "step.started": _step_started,
    "step.finished": _step_finished,
    "step.failed": _step_failed,
    "session.started": _session_started,
    "session.said": _session_said,
    "session.tool": _session_tool,
    "session.retrying": _session_retrying,
    "session.ended": _session_ended,
    "check.passed": _check_passed,
    "check.failed": _check_failed,
    "task.accepted": _task_accepted,
    "candidate": _candidate,
    **REVIEWS,
    **PEOPLE,
    **JUDGE,
    **LOOP,
    "model.call": _model_call,
    "egress.refused": _egress_refused,
    "wait": _wait,
    "warning": _warning,
    "shipped": _shipped,
}
