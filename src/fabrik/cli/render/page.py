"""One run on one page, for people."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

from fabrik.cli import units
from fabrik.cli.render.fit import Painted
from fabrik.cli.render.gate_screen import gate_screen
from fabrik.cli.render.reviews import criterion_lines, finding_lines, review_lines
from fabrik.cli.render.standing import Budget, standing_lines
from fabrik.cli.render.summary import summary
from fabrik.cli.screen import Tone
from fabrik.cli.text import indent, neutralise, one_line
from fabrik.ledger.types import Feedback, Gate, Run, Step, TaskReport
from fabrik.workflows.checkpoints.manifest import Manifest
from fabrik.workflows.decision import criteria_of, decision
from fabrik.workflows.fates import fates
from fabrik.workflows.record import RunRecord
from fabrik.workflows.standing import Standing

TASK_WIDTH = 44  # a finding's id is a task's id, too
MOST_MARKS = 10  # of a gate; the evidence page has all of them
TASK_TONES: dict[str, Tone] = {"done": "good", "pending": "plain", "blocked": "warn", "failed": "bad"}
GATE_TONES: dict[str, Tone] = {"open": "warn", "approved": "good", "rejected": "warn"}


def page(
    record: RunRecord,
    found: Standing,
    budget: Budget,
    *,
    now: float,
    evidence: Path | None,
    width: int,
    files: bool = True,
    checkpoints: Sequence[Manifest] = (),
) -> Iterator[Painted]:
    """The page's lines with their tones. A run that waits begins with what is to be decided.

    files: whether the run's directory is there.
    """
    run = record.run
    gate = open_gate(record)
    if gate is not None:
        yield from gate_screen(run, decision(record, gate), now=now, evidence=evidence, width=width)
    else:
        yield from summary(run, now=now, evidence=evidence, reviewed=is_reviewed(record))
        yield "", "plain"
        yield from standing_lines(run, found, budget, now=now, width=width)
    yield from _circumstances(run, files=files)
    yield from _tasks(record.tasks)
    yield from review_lines(record.reviews, width)
    yield from finding_lines(fates(record), width)
    yield from criterion_lines(criteria_of(record) if record.rounds else (), width)
    yield from _gates(record.gates)
    yield from _feedback(record.feedback)
    yield from _checkpoints(checkpoints)
    yield from _usage(run)
    yield from _steps(record.steps, now)


def open_gate(record: RunRecord) -> Gate | None:
    """The gate that a waiting run waits at."""
    last = record.gates[-1] if record.gates else None
    return last if last is not None and last.state == "open" and record.run.status == "waiting" else None


def is_reviewed(record: RunRecord) -> bool:
    """False for a run that was dispatched with --no-review."""
    return record.context is None or record.context.review is not None


def _circumstances(run: Run, *, files: bool) -> Iterator[Painted]:
    yield "", "plain"
    for label, value in (
        ("spec", run.spec_path),
        ("todo", run.todo_path or ("none: the spec is the task" if run.workflow == "ship" else "")),
        ("project", f"{run.project} at {run.repo_ref or 'HEAD'} ({run.base_commit[:10]})"),
        ("branch", run.branch),
        ("agent", f"{run.agent}, model: {run.model or 'its default'}"),
        ("sandbox", run.sandbox),
        ("started", units.moment(run.started_at)),
        (
            "files",
            run.directory if files else f"gone (they were in {run.directory}); this is what the ledger keeps",
        ),
    ):
        if value:
            yield f"  {label:<10}{one_line(value, 300)}", "plain"


def _tasks(tasks: Sequence[TaskReport]) -> Iterator[Painted]:
    latest = {report.task: report for report in tasks}
    if latest:
        yield "", "plain"
        yield "Tasks", "strong"
    width = min(TASK_WIDTH, max((len(task) for task in latest), default=0)) + 2
    for report in latest.values():
        title = one_line(report.work[0], 80) if report.work else ""
        commit = (report.commit or "")[:10]
        yield (
            f"  {one_line(report.task, TASK_WIDTH):<{max(6, width)}}{report.status:<9}{commit:<12}{title}",
            TASK_TONES.get(report.status, "plain"),
        )
        for issue in report.issues:
            yield indent(neutralise(issue), "        "), "dim"


def _gates(gates: Sequence[Gate]) -> Iterator[Painted]:
    if gates:
        yield "", "plain"
        yield "Approval gates", "strong"
    for gate in gates:
        decided = f" by {one_line(gate.decided_by)}" if gate.decided_by else ""
        when = f", {units.moment(gate.decided_at)}" if gate.decided_at else ""
        overriding = ", overriding" if gate.overriding else ""
        yield (
            f"  {gate.number}  {gate.state}{decided}{overriding}{when}  {gate.candidate[:10]}",
            "bad" if gate.overriding else GATE_TONES.get(gate.state, "plain"),
        )
        yield indent(neutralise(gate.notes or gate.reason), "     "), "dim"
        for mark in gate.marks[:MOST_MARKS]:
            yield f"     ! {one_line(mark, 300)}", "bad"
        if (left := len(gate.marks) - MOST_MARKS) > 0:
            yield f"     and {left} more marks", "bad"


def _feedback(found: Sequence[Feedback]) -> Iterator[Painted]:
    said = [one for one in found if one.gate is None]  # what was said at gates stands there
    if said:
        yield "", "plain"
        yield "Feedback", "strong"
    for one in said:
        used = f", used in {one_line(one.used_by, 60)}" if one.used_by else ""
        yield f"  {one.decision} by {one_line(one.decided_by)}, {units.moment(one.created_at)}{used}", "plain"
        yield indent(neutralise(one.notes or ""), "     "), "dim"


def _checkpoints(found: Sequence[Manifest]) -> Iterator[Painted]:
    if found:
        yield "", "plain"
        yield "Checkpoints", "strong"
    for one in found:
        at = f"at {one_line(one.commit, 10)}" if one.commit else "unsaved files"
        yield (
            f"  {one_line(one.name, 40):<16}{units.moment(one.at)}  {units.size(one.size):>10}  {at:<14}"
            f"{one_line(one.why, 80)}".rstrip(),
            "plain",
        )


def _usage(run: Run) -> Iterator[Painted]:
    usage = run.usage
    if not usage.calls:
        return
    yield "", "plain"
    yield "Usage", "strong"
    for label, value in (
        ("cost", units.money(usage.cost_usd)),
        ("model calls", units.count(usage.calls)),
        ("fresh input", units.count(usage.input_tokens)),
        ("cache read", units.count(usage.cache_read_tokens)),
        ("cache written", units.count(usage.cache_write_tokens)),
        ("output", units.count(usage.output_tokens)),
        ("reasoning", units.count(usage.reasoning_tokens)),
    ):
        yield f"  {label:<14}{value:>12}", "plain"


STEP_MARKS: dict[str, tuple[str, Tone]] = {
    "finished": ("✓", "plain"),
    "failed": ("✗", "bad"),
    "started": ("▸", "warn"),
}


def _steps(steps: Sequence[Step], now: float) -> Iterator[Painted]:
    if steps:
        yield "", "plain"
        yield "Steps", "strong"
    width = max((len(step.key) for step in steps), default=0)
    for step in steps:
        mark, tone = STEP_MARKS.get(step.state, ("·", "plain"))
        took = units.seconds((step.finished_at or now) - step.started_at)
        again = f"  start {step.attempt}" if step.attempt > 1 else ""
        yield f"  {mark} {one_line(step.key, 80):<{width}}  {took:>9}{again}", tone
        if step.error:
            yield indent(neutralise(step.error), "      "), "dim"
