"""`fabrik backlog`: work through a folder of specs, and show how it stands."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING

import click

from fabrik.cli.lazy import Entry, LazyGroup

if TYPE_CHECKING:
    from fabrik.backlog.folder import SpecName
    from fabrik.workflows.backlog.survey import Entry as SpecEntry

COMMANDS = {
    "run": Entry(
        target="fabrik.cli.backlog_run:run", help="Work through the specs, in order and by dependency."
    ),
}

directory_option = click.option(
    "--dir",
    "directory",
    type=click.Path(path_type=Path),
    metavar="DIR",
    help="The backlog folder. Default: this directory, else ralph/ in it.",
)


@click.group(cls=LazyGroup, entries=COMMANDS, no_args_is_help=True)
def backlog() -> None:
    """Work through a folder of specs, one after the other: candidate, verification, done.

    \b
    The folder is the one of Ralph Driven Development (fabrik docs coming-from-rdd):
      specs/0001-name.md, specs/area/0002-name.md     the specs
      specs/candidates/, specs/done/                  what was put forward, and what is done
      SCRATCHPAD.md, ralph.log, runs/                 notes of the agents, and logs
    """


@backlog.command("status", short_help="How each spec of a backlog stands.")
@directory_option
@click.option("--json", "as_json", is_flag=True, help="One JSON object a line.")
def status(directory: Path | None, as_json: bool) -> None:
    """Show the specs in the order in which they are worked on, with state, commit and attempts.

    A folder of JSON specs is shown as well: which are shipped, held back, or wait for you.

    \b
    Examples:
      fabrik backlog status
      fabrik backlog status --dir ralph --json
    """
    from fabrik.backlog.folder import find_folder
    from fabrik.cli import store
    from fabrik.cli.backlog_json import json_folder, show_json_status
    from fabrik.cli.screen import Screen
    from fabrik.workflows.backlog.survey import survey

    if (json_specs := json_folder(directory, Path.cwd())) is not None:
        show_json_status(json_specs, as_json=as_json)
        return
    place = find_folder(directory, Path.cwd())
    with store.reading() as ledger:
        found = survey(place, ledger)
    screen = Screen()
    entries = [found.entries[name] for name in found.order.specs]
    if as_json:
        for entry in entries:
            faults = found.faults.get(entry.name, ())
            reason = "; ".join(one.what for one in faults) or None
            screen.line(json.dumps(entry_json(entry) | ({"reason": reason} if reason else {})))
        return
    held = {name: "; ".join(one.what for one in faults) for name, faults in found.faults.items()}
    show_table(screen, entries, held)


def show_table(
    screen: object, entries: list[SpecEntry], held: Mapping[SpecName, str] = MappingProxyType({})
) -> None:
    """The table of a backlog. held: why a spec was not taken up just now."""
    from fabrik.cli.render.runs import short, table
    from fabrik.cli.screen import Screen
    from fabrik.cli.text import one_line

    assert isinstance(screen, Screen)  # noqa: S101 - imported late, for the help needs none of it
    rows = [
        (
            one_line(entry.name.path, 50),
            "held back" if entry.name in held else entry.state,
            (entry.commit or "-")[:12],
            short(entry.run.id) if entry.run else "-",
            one_line(", ".join(entry.waits_for), 60) or "-",
            str(entry.attempts) if entry.run else "-",
            one_line(held[entry.name], 300) if entry.name in held else _why(entry),
        )
        for entry in entries
    ]
    headings = ("SPEC", "STATE", "COMMIT", "RUN", "WAITS FOR", "ATTEMPTS", "WHY")
    shown = table([row[:-1] for row in rows], headings[:-1])
    for line, row in zip(shown, (headings, *rows), strict=True):
        screen.line(line)
        if row is not headings and row[-1]:
            screen.line(f"    {row[-1]}", "dim")


def _why(entry: SpecEntry) -> str:
    from fabrik.cli.text import one_line

    run = entry.run
    if not entry.done and run is not None and run.status not in ("running", "done") and run.failure_reason:
        return one_line(run.failure_reason, 300)
    if entry.unchecked:
        return f"nothing but agents {'checked' if entry.done else 'checks'} it"
    if entry.unchecked is None and not (entry.done or entry.header.seed):
        return "it names no command: those of AGENTS.md are run, or nothing but agents checks it"
    return ""


def entry_json(entry: SpecEntry) -> dict[str, object]:
    """A spec of a backlog for programs."""
    run = entry.run
    return {
        "spec": entry.name.path,
        "title": entry.header.title,
        "state": entry.state,
        "commit": entry.commit,
        "repo": entry.header.repo,
        "seed": entry.header.seed,
        "run": run.id if run else None,
        "attempts": entry.attempts,
        "unchecked": entry.unchecked,
        "waits_for": list(entry.waits_for),
        "reason": run.failure_reason if run and not entry.done else None,
    }
