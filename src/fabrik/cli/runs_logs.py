"""`fabrik runs logs`: what sessions and checks printed, made safe for a terminal."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from pathlib import Path

import click

from fabrik.cli import store, units
from fabrik.cli.logs import Log, Reader, find_logs, of_step
from fabrik.cli.render.runs import short, table
from fabrik.cli.screen import Screen
from fabrik.errors import UsageError
from fabrik.ledger.types import Run
from fabrik.paths import RunPaths
from fabrik.redaction import Redactor

POLL = 0.2  # seconds between two looks at a log that is followed


@click.command()
@click.argument("run_ref", metavar="RUN")
@click.option("--step", metavar="KEY", help="Print the logs of this step (its last start).")
@click.option("--stderr", is_flag=True, help="What was written to stderr, instead of the rest.")
@click.option("-n", "--tail", type=click.IntRange(min=1), metavar="N", help="Only the last N lines.")
@click.option("-f", "--follow", "following", is_flag=True, help="Go on while the run is under way.")
@click.option("--worker", is_flag=True, help="Print the worker's own log.")
@click.option("--json", "as_json", is_flag=True, help="The list of logs as JSON (fabrik docs json).")
def logs(
    run_ref: str,
    step: str | None,
    stderr: bool,
    tail: int | None,
    following: bool,
    worker: bool,
    as_json: bool,
) -> None:
    """List the logs of RUN, or print those of one step.

    \b
    Examples:
      fabrik runs logs 7F3KX2QD                              which logs there are
      fabrik runs logs 7F3KX2QD --step task/1/implement#1    what the agent printed
      fabrik runs logs 7F3KX2QD --step task/1/checks#1 -n 50
      fabrik runs logs 7F3KX2QD -f                           the step that is under way

    Escape sequences and control characters are left out.
    """
    screen = Screen()
    with store.existing() as ledger:
        run = ledger.find_run(run_ref)
        found = find_logs(RunPaths(Path(run.directory)).logs, [one.key for one in ledger.steps(run.id)])
        if worker:
            chosen = [Log(step="worker", attempt=1, path=RunPaths(Path(run.directory)).worker_log)]
        elif step is None and not following:
            _list(run, found, screen, as_json=as_json)
            return
        else:
            chosen = _choose(run, found, step or run.step or "", stderr=stderr)

        def under_way() -> bool:
            return ledger.find_run(run.id).alive

        from fabrik.workflows.known_secrets import gather

        redactor = gather(run.context)
        _print(chosen, screen, redactor, tail=tail, under_way=under_way if following else lambda: False)


def _list(run: Run, found: list[Log], screen: Screen, *, as_json: bool) -> None:
    if as_json:
        rows = [
            {"step": log.step, "attempt": log.attempt, "path": str(log.path), "bytes": log.size}
            for log in found
        ]
        screen.line(json.dumps(rows, indent=2))
        return
    if not found:
        screen.line("This run has no logs yet.")
        return
    headings = ("STEP", "START", "LOG", "SIZE", "AGE")
    now = time.time()
    cells = [
        (
            log.step,
            str(log.attempt),
            log.path.name,
            units.size(log.size),
            units.age(now - log.written) + " ago",
        )
        for log in found
    ]
    heading, *lines = table(cells, headings)
    screen.line(heading, "dim")
    for line in lines:
        screen.line(line)
    screen.line()
    screen.line(f"Print one: fabrik runs logs {short(run.id)} --step {found[-1].step}")


def _choose(run: Run, found: list[Log], step: str, *, stderr: bool) -> list[Log]:
    chosen = of_step(found, step, stderr=stderr)
    if chosen:
        return chosen
    known = sorted({log.step for log in found})
    if step in known:
        raise UsageError(f"step {step} wrote no such log", where=f"run {short(run.id)}")
    raise UsageError(
        f"there is no log of step {step or '(none yet)'}",
        where=f"run {short(run.id)}",
        todo="steps with logs: " + (", ".join(known) if known else "none yet"),
    )


def _print(
    chosen: list[Log], screen: Screen, redactor: Redactor, *, tail: int | None, under_way: Callable[[], bool]
) -> None:
    readers = []
    for log in chosen:
        if len(chosen) > 1:
            screen.line(f"==> {log.step} {log.path.name} <==", "dim")
        reader = Reader(log.path, redactor)
        for line in reader.last(tail) if tail else reader.lines():
            screen.line(line)
        readers.append(reader)
    while under_way():
        time.sleep(POLL)
        for reader in readers:
            for line in reader.lines():
                screen.line(line)
    for reader in readers:
        for line in reader.rest():
            screen.line(line)
