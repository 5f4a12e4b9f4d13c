"""Runs as people and as programs read them: the state's name, the table, the JSON. Field names are stable."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from fabrik.cli import units
from fabrik.cli.screen import Tone
from fabrik.cli.text import one_line
from fabrik.usage import Usage

if TYPE_CHECKING:
    from fabrik.ledger.types import Run

SHORT = 8  # the last characters of a ULID are random; its first ones are the time and look all the same
HEADINGS = ("ID", "STATUS", "SPEC", "STEP / PROGRESS", "COST", "AGE")


def short(run_id: str) -> str:
    """The id as it is shown, and accepted, everywhere."""
    return run_id[-SHORT:]


def state(run: Run) -> str:
    """The run's status, or what it is in truth: interrupted, cancelling."""
    if run.status != "running":
        return run.status
    if not run.alive:
        return "interrupted"
    return "cancelling" if run.cancel_requested else "running"


def row(run: Run, now: float) -> tuple[str, ...]:
    """The cells of the table for one run."""
    running = run.status == "running"
    where = f"{run.step or ''}  {run.progress}".strip() if running else run.progress
    usage = run.usage
    return (
        short(run.id),
        state(run) + (" (unchecked)" if run.unchecked else ""),
        one_line(run.spec_id, 40),
        one_line(where, 44),
        units.money(usage.cost_usd) if usage.calls else "-",
        units.age(now - run.started_at),
    )


def table(rows: Sequence[Sequence[str]], headings: Sequence[str] = HEADINGS) -> list[str]:
    """Rows in aligned columns, with headings; the last columns are numbers and stand right."""
    cells = [tuple(headings), *rows]
    widths = [max(len(line[column]) for line in cells) for column in range(len(headings))]
    right = len(headings) - 2
    return [
        "  ".join(
            cell.rjust(width) if column >= right else cell.ljust(width)
            for column, (cell, width) in enumerate(zip(line, widths, strict=True))
        ).rstrip()
        for line in cells
    ]


TONES: dict[str, Tone] = {
    "shipped": "good",
    "done": "good",
    "running": "strong",
    "waiting": "warn",
    "interrupted": "warn",
    "blocked": "warn",
    "exhausted": "warn",
    "rejected": "warn",
    "failed": "bad",
    "cancelled": "dim",
}


def usage_json(usage: Usage) -> dict[str, Any]:
    """Usage with the names of `Usage`, and the sum; unknown is null."""
    return {
        "input_tokens": usage.input_tokens,
        "cache_read_tokens": usage.cache_read_tokens,
        "cache_write_tokens": usage.cache_write_tokens,
        "output_tokens": usage.output_tokens,
        "reasoning_tokens": usage.reasoning_tokens,
        "total_tokens": usage.total_tokens,
        "cost_usd": usage.cost_usd,
        "calls": usage.calls,
    }


def run_json(run: Run) -> dict[str, Any]:
    """A run for programs: see the page json."""
    return {
        "id": run.id,
        "seq": run.seq,
        "status": run.status,
        "state": state(run),
        "alive": run.alive,
        "workflow": run.workflow,
        "spec_id": run.spec_id,
        "spec_title": run.spec_title,
        "spec_path": run.spec_path,
        "todo_path": run.todo_path,
        "project": run.project,
        "ref": run.repo_ref,
        "base_commit": run.base_commit,
        "branch": run.branch,
        "candidate": run.candidate,
        "agent": run.agent,
        "model": run.model,
        "sandbox": run.sandbox,
        "unchecked": run.unchecked,
        "step": run.step,
        "progress": run.progress,
        "reason": run.failure_reason,
        "cancel_requested": run.cancel_requested,
        "started_at": units.iso(run.started_at),
        "finished_at": units.iso(run.finished_at),
        "directory": run.directory,
        "usage": usage_json(run.usage),
    }
