"""What was done and used: tasks, sessions, model calls."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from fabrik.workflows.evidence.markdown import code, inline, table
from fabrik.workflows.record import RunRecord

MOST_FILES = 10


def tasks(record: RunRecord) -> str:
    """What the host found out about each task, in the order in which it found it."""
    rows = [
        (
            inline(report.task),
            code(report.step),
            report.status,
            f"`{report.commit[:12]}`" if report.commit else "",
            _files(report.files),
            inline("; ".join(report.issues)),
        )
        for report in record.tasks
    ]
    if not rows:
        return ""
    return "## Tasks\n\n" + table(("Task", "Step", "Found", "Commit", "Files changed", "Issues"), rows)


def _files(files: Sequence[str]) -> str:
    more = f" and {len(files) - MOST_FILES} more" if len(files) > MOST_FILES else ""
    return (", ".join(code(name) for name in files[:MOST_FILES]) or "none") + more


def sessions(record: RunRecord) -> str:
    """Every session, in the order of the run."""
    order = {step.key: place for place, step in enumerate(record.steps)}
    rows = sorted([*_of_implementer(record), *_of_reviewers(record)], key=lambda row: order[row[0]])
    if not rows:
        return ""
    header = ("Session", "Ended", "Tree", "Commit", "Seconds", "Transcript (SHA-256)", "Notes")
    cells = [(code(key), *rest) for key, *rest in rows]
    note = "What an agent says of its own work is not evidence."
    return f"## Sessions\n\n{table(header, cells)}\n\n{note}"


def _of_implementer(record: RunRecord) -> Iterator[Sequence[str]]:
    for key, ran in record.sessions:
        says = f"said “{inline(ran.says)}”" if ran.says else ""
        yield (
            key,
            f"{ran.cause}" + (f": {inline(ran.detail)}" if ran.detail else ""),
            "changed" if ran.changed else "**changed nothing**",
            f"`{ran.head[:12]}`",
            f"{ran.seconds:.1f}",
            f"`{ran.transcript.path}` (`{ran.transcript.sha256}`)",
            "; ".join(filter(None, (says, "work committed by fabrik" if ran.leftover else ""))),
        )


def _of_reviewers(record: RunRecord) -> Iterator[Sequence[str]]:
    for key, ran in record.review_sessions:
        yield (
            key,
            f"{ran.cause}" + (f": {inline(ran.detail)}" if ran.detail else ""),
            "read-only",
            "",
            f"{ran.seconds:.1f}",
            f"`{ran.transcript.path}` (`{ran.transcript.sha256}`)",
            "" if ran.report is not None else "left no report",
        )


def usage(record: RunRecord) -> str:
    """What the model calls used. Unknown is said to be unknown."""

    def known(value: float | None, form: str) -> str:
        return "unknown" if value is None else form.format(value)

    used = record.run.usage
    rows = [
        ("Model calls", str(used.calls)),
        ("Input tokens", known(used.input_tokens, "{:,}")),
        ("Read from cache", known(used.cache_read_tokens, "{:,}")),
        ("Written to cache", known(used.cache_write_tokens, "{:,}")),
        ("Output tokens", known(used.output_tokens, "{:,}")),
        ("Reasoning tokens", known(used.reasoning_tokens, "{:,}")),
        ("Cost", known(used.cost_usd, "${:,.4f}")),
    ]
    models = sorted({call.model for call in record.calls if call.model})
    text = "## Usage\n\n" + table(("", ""), rows)
    return text + (f"\n\nModels: {', '.join(code(model) for model in models)}." if models else "")
