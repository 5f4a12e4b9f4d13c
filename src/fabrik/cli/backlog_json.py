"""`fabrik backlog run` and `status` over a folder of JSON specs."""

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

from fabrik import paths
from fabrik.backlog.folder import find_specs
from fabrik.cli import store
from fabrik.cli.backlog_alone import alone, private_ledger
from fabrik.cli.backlog_stream import follow_run
from fabrik.cli.render.runs import short, table
from fabrik.cli.screen import Screen
from fabrik.cli.text import neutralise, one_line
from fabrik.errors import UsageError
from fabrik.outcome import ExitStatus
from fabrik.workflows.backlog.json_folder import JsonSpec, json_specs, survey_json, take_up_json
from fabrik.workflows.backlog.request import BacklogRequest


def json_folder(given: Path | None, here: Path) -> Path | None:
    """The folder of JSON specs that is meant, itself or its specs/; None for a backlog of numbered ones."""
    top = given or here
    if find_specs(top / "specs") or find_specs(top / "ralph" / "specs"):
        return None
    return next((folder for folder in (top, top / "specs") if json_specs(folder)), None)


def run_json_specs(directory: Path, request: BacklogRequest, *, dry_run: bool, stream: bool) -> int:
    """Work through the folder; the exit status."""
    screen, remarks = Screen(), Screen(sys.stderr)

    def warn(text: str) -> None:
        remarks.line(remarks.paint("warning: ", "warn") + neutralise(text))

    if dry_run:
        with store.reading() as ledger:
            for one in survey_json(directory, ledger):
                screen.line(f"{one_line(one.path.name, 60)}: {_intent(one)}")
        return ExitStatus.OK
    with alone(directory), private_ledger(paths.home().ledger) as ledger:
        tried: dict[str, str] = {}  # id → why it is left
        found = survey_json(directory, ledger)
        try:
            while (todo := _next(found, tried)) is not None:
                spec = todo
                tried[spec.id] = ""
                screen.line()
                screen.line(f"{screen.paint(neutralise(spec.id), 'strong')}  {neutralise(spec.title)}")
                try:
                    taken = asyncio.run(take_up_json(spec, found, request, ledger, warn))
                except UsageError as error:
                    if error.where != str(spec.path):
                        raise
                    tried[spec.id] = error.what
                    warn(str(error))
                    continue
                screen.line(f"run {short(taken.run)} {'goes on' if taken.resumed else 'begins'}", "dim")
                run = follow_run(taken, ledger, screen, stream=stream)
                tried[spec.id] = run.failure_reason or ""
                found = survey_json(directory, ledger)
        except KeyboardInterrupt:
            screen.clear()
            screen.line("Detached: the spec that is worked on goes on; run it again to follow it.", "strong")
            return ExitStatus.INTERRUPTED
        return _end(screen, found, tried)


def _next(found: tuple[JsonSpec, ...], tried: dict[str, str]) -> JsonSpec | None:
    """The spec that is to be worked on now; one that waits at its gate is a human's."""
    return next(
        (one for one in found if not (one.over or one.needs or one.id in tried or one.state == "waiting")),
        None,
    )


def _end(screen: Screen, found: tuple[JsonSpec, ...], tried: dict[str, str]) -> int:
    left = [spec for spec in found if not spec.over]
    screen.line()
    if not left:
        screen.line(f"all {len(found)} specs are done", "good")
        return ExitStatus.OK
    screen.line(f"{len(left)} of {len(found)} specs are left:", "warn")
    _show(screen, left, tried)
    return ExitStatus.STOPPED


def _show(screen: Screen, specs: Sequence[JsonSpec], tried: Mapping[str, str]) -> None:
    """The table of these specs. tried: id → why it is left."""
    rows = [
        (
            one_line(spec.id, 50),
            spec.state,
            short(spec.run.id) if spec.run else "-",
            one_line(", ".join(spec.needs), 60) or "-",
            one_line(_why(spec, tried), 90),
        )
        for spec in specs
    ]
    for line in table(rows, ("SPEC", "STATE", "RUN", "WAITS FOR", "WHY")):
        screen.line(line)


def show_json_status(directory: Path, *, as_json: bool) -> None:
    """How each spec of the folder stands, in the order in which they are worked on."""
    screen = Screen()
    with store.reading() as ledger:
        found = survey_json(directory, ledger)
    if not as_json:
        _show(screen, found, {})
        return
    for spec in found:
        entry = {
            "spec": spec.path.name,
            "title": spec.title,
            "state": spec.state,
            "run": spec.run.id if spec.run else None,
            "waits_for": list(spec.needs),
            "reason": spec.run.failure_reason if spec.run and not spec.over else None,
        }
        screen.line(json.dumps(entry))


def _why(spec: JsonSpec, tried: Mapping[str, str]) -> str:
    if spec.run is not None and spec.state == "waiting":
        return f"waits for you: fabrik why {short(spec.run.id)}"
    return tried.get(spec.id) or (spec.run.failure_reason if spec.run else "") or "-"


def _intent(spec: JsonSpec) -> str:
    if spec.over:
        return f"{spec.state}, would be skipped"
    first = f" after {', '.join(spec.needs)}" if spec.needs else ""
    if spec.run is not None and spec.state == "waiting":
        return f"waits for you (run {short(spec.run.id)}){first}"
    if spec.run is not None:
        return f"is {spec.state} (run {short(spec.run.id)}), would go on{first}"
    return f"would be run{first}"
