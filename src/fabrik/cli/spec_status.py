"""`fabrik spec status`: what became of each spec, from its file and from the ledger."""

from __future__ import annotations

import json
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from fabrik.cli.screen import Screen
from fabrik.cli.text import neutralise

if TYPE_CHECKING:
    from fabrik.ledger.types import Run
    from fabrik.specs.draft import Draft

HEADINGS = ("SPEC", "TITLE", "STATUS", "CHECKS", "TASKS", "LAST RUN", "CANDIDATE", "AGE", "WAITS FOR")
_OVER = ("done", "superseded")  # as a spec says of itself


@dataclass(frozen=True, kw_only=True)
class _Row:
    """One spec and what the ledger says of it."""

    draft: Draft
    tasks: int | None  # None: its todo cannot be read
    run: Run | None
    waits_for: tuple[str, ...]


@click.command("status", short_help="What became of each spec.")
@click.argument("directory", required=False, type=click.Path(path_type=Path, file_okay=False))
@click.option("--json", "as_json", is_flag=True, help="A list of specs as JSON.")
def status(directory: Path | None, as_json: bool) -> None:
    """Each spec of DIRECTORY on one line: what it says of itself, its last run, and what it waits for.

    By default ./specs, and the current directory where there is none. A dependency is waited for until its
    spec says `done` or `superseded`, or its last run has shipped.

    \b
    Examples:
      fabrik spec status
      fabrik spec status other/specs --json
    """
    from fabrik.errors import UsageError

    chosen = directory or (Path("specs") if Path("specs").is_dir() else Path())
    rows = _rows(chosen)
    screen = Screen()
    if as_json:
        screen.line(json.dumps([_json(row) for row in rows], indent=2, ensure_ascii=False))
    elif not rows:
        raise UsageError("there are no specs", where=str(chosen), todo="write one: fabrik spec new NAME")
    else:
        _table(screen, rows)


def _rows(directory: Path) -> list[_Row]:
    from fabrik.cli import store
    from fabrik.errors import UsageError
    from fabrik.specs.drafts import read_draft
    from fabrik.specs.validate import spec_files
    from fabrik.workflows.registry import OF_SPECS, succeeded

    try:
        drafts = [read_draft(path) for path in spec_files(directory)]
    except OSError as error:
        raise UsageError(f"cannot be read: {error.strerror}", where=str(directory)) from error
    with store.reading() as ledger:
        every = ledger.list_runs(limit=None) if ledger is not None else []
    runs = [run for run in every if run.workflow in OF_SPECS]  # a todo or a review of it does not do it
    last = {draft.path: _last(draft, runs) for draft in drafts}
    over = {
        draft.id
        for draft in drafts
        if (draft.spec is not None and draft.spec.status in _OVER) or succeeded(last[draft.path])
    }
    return [
        _Row(
            draft=draft,
            tasks=_tasks(draft),
            run=last[draft.path],
            waits_for=tuple(one for one in dict.fromkeys(draft.depends_on) if one not in over),
        )
        for draft in drafts
    ]


def _last(draft: Draft, runs: list[Run]) -> Run | None:
    """The newest run of a spec: of its file, else of one with its id in the same project."""
    path = draft.path.resolve()
    for run in runs:
        if Path(run.spec_path).resolve() == path:
            return run
    for run in runs:
        project = Path(run.project)
        if run.spec_id == draft.id and project.is_absolute() and path.is_relative_to(project):
            return run
    return None


def _tasks(draft: Draft) -> int | None:
    from fabrik.specs.drafts import todo_path_of
    from fabrik.specs.read import names_taken, read_todo_file

    path = todo_path_of(draft.path)
    if not path.exists():
        return len(draft.todo.tasks) if draft.todo else 0
    _, todo = read_todo_file(path, [], taken=names_taken(draft))
    return len(todo.tasks) if todo is not None else None


def _table(screen: Screen, rows: list[_Row]) -> None:
    from fabrik.cli.render.fit import columns, cut, pad
    from fabrik.cli.render.runs import TONES, state

    cells = [_cells(row) for row in rows]
    used = [n for n in range(len(HEADINGS)) if n < 3 or any(line[n] for line in cells)]
    widths = {n: max(columns(HEADINGS[n]), *(columns(line[n]) for line in cells)) for n in used}
    # The title gives way where the terminal is narrow.
    spare = screen.width - sum(widths[n] + 2 for n in used if n != 1)
    widths[1] = max(12, min(widths[1], spare - 2))
    screen.line("  ".join(pad(HEADINGS[n], widths[n]) for n in used).rstrip(), "dim")
    for row, line in zip(rows, cells, strict=True):
        parts = []
        for n in used:
            cell = pad(cut(line[n], widths[n]), widths[n])
            if n == 5 and row.run is not None:
                cell = screen.paint(cell, TONES.get(state(row.run), "plain"))
            elif n == 2 and row.draft.spec is None:
                cell = screen.paint(cell, "bad")
            parts.append(cell)
        screen.line("  ".join(parts).rstrip())
    broken = [row for row in rows if row.draft.spec is None or row.draft.problems]
    if broken:
        screen.line()
        screen.line(f"{len(broken)} cannot be run as they are: fabrik spec validate", "warn")


def _cells(row: _Row) -> tuple[str, ...]:
    from fabrik.cli import units
    from fabrik.cli.render.runs import short, state

    spec, run = row.draft.spec, row.run
    return (
        neutralise(row.draft.id or row.draft.path.name),
        neutralise(spec.title if spec else row.draft.path.name),
        spec.status if spec else "not sound",
        str(len(spec.checks) + len(spec.holdout)) if spec else "?",
        "?" if row.tasks is None else str(row.tasks),
        f"{state(run)} {short(run.id)}" if run else "",
        run.candidate[:8] if run and run.candidate else "",
        units.age(time.time() - (run.finished_at or run.started_at)) if run else "",
        ", ".join(row.waits_for),
    )


def _json(row: _Row) -> dict[str, Any]:
    from fabrik.cli.render.runs import state
    from fabrik.cli.units import iso

    spec, run = row.draft.spec, row.run
    return {
        "path": str(row.draft.path),
        "id": row.draft.id,
        "title": spec.title if spec else None,
        "status": spec.status if spec else None,
        "sound": spec is not None and not row.draft.problems,
        "checks": len(spec.checks) if spec else None,
        "held_out": len(spec.holdout) if spec else None,
        "tasks": row.tasks,
        "depends_on": list(row.draft.depends_on),
        "waits_for": list(row.waits_for),
        "run": {
            "id": run.id,
            "status": run.status,
            "state": state(run),
            "reason": run.failure_reason,
            "candidate": run.candidate,
            "branch": run.branch,
            "started_at": iso(run.started_at),
            "finished_at": iso(run.finished_at),
        }
        if run
        else None,
    }
