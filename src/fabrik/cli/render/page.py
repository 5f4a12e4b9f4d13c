"""One run on one page, for people."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

from fabrik.cli import units
from fabrik.cli.render.summary import summary
from fabrik.cli.screen import Tone
from fabrik.cli.text import indent, neutralise, one_line
from fabrik.ledger.types import Gate, Run, Step, TaskReport

Painted = tuple[str, Tone]

TASK_TONES: dict[str, Tone] = {"done": "good", "pending": "plain", "blocked": "warn", "failed": "bad"}
GATE_TONES: dict[str, Tone] = {"open": "warn", "approved": "good", "rejected": "warn"}


def page(
    run: Run,
    steps: Sequence[Step],
    tasks: Sequence[TaskReport],
    gates: Sequence[Gate],
    *,
    now: float,
    evidence: Path | None,
) -> Iterator[Painted]:
    """The page's lines with their tones."""
    yield from summary(run, now=now, evidence=evidence)
    yield from _circumstances(run)
    yield from _tasks(tasks)
    yield from _gates(gates)
    yield from _usage(run)
    yield from _steps(steps, now)


def _circumstances(run: Run) -> Iterator[Painted]:
    yield "", "plain"
    for label, value in (
        ("spec", run.spec_path),
        ("todo", run.todo_path or "none: the spec is the task"),
        ("project", f"{run.project} at {run.repo_ref or 'HEAD'} ({run.base_commit[:10]})"),
        ("branch", run.branch),
        ("agent", f"{run.agent}, model: {run.model or 'its default'}"),
        ("sandbox", run.sandbox),
        ("started", units.moment(run.started_at)),
        ("files", run.directory),
    ):
        yield f"  {label:<10}{one_line(value, 300)}", "plain"


def _tasks(tasks: Sequence[TaskReport]) -> Iterator[Painted]:
    latest = {report.task: report for report in tasks}
    if latest:
        yield "", "plain"
        yield "Tasks", "strong"
    for report in latest.values():
        title = one_line(report.work[0], 80) if report.work else ""
        commit = (report.commit or "")[:10]
        yield (
            f"  {one_line(report.task, 20):<6}{report.status:<9}{commit:<12}{title}",
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
        yield (
            f"  {gate.number}  {gate.state}{decided}{when}  {gate.candidate[:10]}",
            GATE_TONES.get(gate.state, "plain"),
        )
        yield indent(neutralise(gate.notes or gate.reason), "     "), "dim"


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
