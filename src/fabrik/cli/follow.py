"""Following a run: its events as they are committed, until it ends, waits for a human or loses its worker."""

from __future__ import annotations

import json
import time
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from typing import Protocol

from fabrik.cli import units
from fabrik.cli.render.events import render, still_fails
from fabrik.cli.render.history import event_json
from fabrik.cli.render.line import Line
from fabrik.cli.render.review_events import Reviewers
from fabrik.cli.render.runs import short
from fabrik.cli.screen import Screen
from fabrik.cli.text import one_line
from fabrik.ledger.store import Ledger
from fabrik.ledger.types import Event, Run

POLL = 0.1  # seconds between two looks at the ledger's version
LIVENESS = 1.0  # seconds between two looks whether the worker lives: its death changes nothing in the ledger
TAKE_UP = 30.0  # seconds that a worker may need to take up a run whose gate was decided
STEP_WIDTH = 20
RECENT_EVENTS = 20_000  # numbers of events are those of all runs: of one run it is as many at the most
SUMMARIES = (
    "verify#",
    "feedback/asked#",
    "claim#",
    "marked#",
    "noted#",
)  # steps whose parts, or what follows, say it all
STANDING_KINDS = ("run.claimed", "run.budget", "run.cancel_requested", "session.started", "wait")


class View(Protocol):
    """Shows what happens."""

    def event(self, event: Event, run: Run) -> None: ...

    def tick(self, runs: Iterable[Run]) -> None: ...


@dataclass
class Lines:
    """For people: one line for each event, and on a terminal a live last line."""

    screen: Screen
    several: bool = False  # more than one run: every line names its run
    _told: set[tuple[str, str]] = field(default_factory=set)
    _since: dict[tuple[str, str], float] = field(default_factory=dict)
    _failed_before: set[tuple[str, str]] = field(default_factory=set)
    _waits: dict[str, tuple[str, float]] = field(default_factory=dict)
    _review: Reviewers = field(default_factory=Reviewers)

    def event(self, event: Event, run: Run) -> None:
        key = (event.run, event.step or "")
        if event.kind == "step.started":
            self._since[key] = event.at
            self._told.discard(key)
        if event.kind == "wait" and event.data.get("until") is not None:
            self._waits[event.run] = (
                one_line(str(event.data.get("reason") or "")),
                float(event.data["until"]),
            )
        else:
            self._waits.pop(event.run, None)
        if began := self._review.note(event):
            self._write(event, began, Line(mark="▸", text="the reviewers begin"))
        if self._review.quiet(event):
            return
        line = self._render(event)
        routine = event.kind != "step.finished" or key in self._told or key[1].startswith(SUMMARIES)
        if not line.telling and routine:
            return
        self._told.add(key)
        if event.kind == "session.ended" and run.usage.calls:
            line = replace(line, text=f"{line.text} · so far {units.money(run.usage.cost_usd)}")
        self._write(event, event.step or "", line)

    def _write(self, event: Event, step: str, line: Line) -> None:
        text = line.text
        head = f"{units.clock(event.at)}  "
        if self.several:
            head += f"{short(event.run)}  "
        shown = one_line(step, 48).ljust(STEP_WIDTH)
        if self.screen.live and line.tone == "dim":
            text = one_line(text, max(20, self.screen.width - len(head) - len(shown) - 4))
        paint = self.screen.paint
        self.screen.line(f"{paint(head + shown, 'dim')}  {paint(f'{line.mark} {text}', line.tone)}")
        for detail in line.detail:
            self.screen.line(paint(f"{' ' * len(head)}    │ {detail}", "dim"))

    def _render(self, event: Event) -> Line:
        if event.kind == "check.failed":
            check = (event.run, str(event.data.get("name")))
            if event.step == "baseline":
                self._failed_before.add(check)
            elif check in self._failed_before and (event.step or "").startswith("task/"):
                return still_fails(event)
        return render(event)

    def tick(self, runs: Iterable[Run]) -> None:
        if self.screen.live:
            self.screen.status("   ".join(self._status(run) for run in runs))

    def _status(self, run: Run) -> str:
        step = run.step or "starting"
        since = self._since.get((run.id, step), run.started_at)
        parts = [one_line(step, 48), units.seconds(float(int(time.time() - since)))]
        if out := self._review.out(run.id):
            parts = [out, units.seconds(float(int(time.time() - self._review.since(run.id))))]
        if wait := self._waits.get(run.id):
            parts = [f"waits: {wait[0]}", f"until {units.clock(wait[1])}"]
        if run.cancel_requested:
            parts.insert(0, "cancelling")
        if run.progress:
            parts.append(run.progress)
        if run.usage.calls:
            parts.append(units.money(run.usage.cost_usd))
        return (f"{short(run.id)} " if self.several else "") + " · ".join(parts)


@dataclass
class Json:
    """For programs: one JSON object a line for each event."""

    screen: Screen

    def event(self, event: Event, run: Run) -> None:  # noqa: ARG002 - the events say it all
        self.screen.line(json.dumps(event_json(event), ensure_ascii=True, default=str))

    def tick(self, runs: Iterable[Run]) -> None:
        pass


def follow(ledger: Ledger, run_id: str, view: View, *, after: int = 0, until: str | None = None) -> Run:
    """Show the events after number `after` until the run is at rest or has no worker any more.

    until: a kind of event that ends the following as well, whatever comes after it.
    The run as it then is. Raises LedgerError, and KeyboardInterrupt on Ctrl-C.
    """
    started = time.monotonic()
    version: int | None = None
    looked = 0.0
    while True:
        now = time.monotonic()
        current = ledger.data_version()
        if current != version or now - looked >= LIVENESS:
            version, looked = current, now
            # The run before its events: a run seen at rest then has all of them.
            run = ledger.find_run(run_id)
            for event in ledger.events(run_id, after=after):
                view.event(event, run)
                after = event.seq
                if event.kind == until:
                    return run
            if _at_rest(ledger, run, now - started):
                return run
        view.tick([run])
        time.sleep(POLL)


def _at_rest(ledger: Ledger, run: Run, followed: float) -> bool:
    """Nothing more will happen by itself: ended, waits for a human, or lost its worker."""
    if run.status == "running":
        return not run.alive
    if run.status == "waiting":
        # A gate that was just decided: its worker is about to take the run up again.
        return followed > TAKE_UP or any(gate.state == "open" for gate in ledger.gates(run.id))
    return True


def watch(ledger: Ledger, view: View) -> None:
    """Show the events of all living runs from now on, new runs included, until none is left.

    Raises LedgerError, and KeyboardInterrupt on Ctrl-C.
    """
    seen: dict[str, int] = {}
    while True:
        live = [run for run in ledger.list_runs(limit=None, status="running") if run.alive]
        for run in live:
            seen.setdefault(run.id, last_event(ledger, run.id))
        for run_id, after in seen.items():
            for event in ledger.events(run_id, after=after):
                view.event(event, ledger.find_run(run_id))
                seen[run_id] = event.seq
        if not live:
            return
        _until_changed(ledger, view, live)


def _until_changed(ledger: Ledger, view: View, live: list[Run]) -> None:
    version, until = ledger.data_version(), time.monotonic() + LIVENESS
    while ledger.data_version() == version and time.monotonic() < until:
        view.tick(live)
        time.sleep(POLL)


def last_event(ledger: Ledger, run_id: str) -> int:
    """The number of the run's newest event, 0 where there is none."""
    event = ledger.last_event(run_id)
    return 0 if event is None else event.seq


def recent_events(ledger: Ledger, run_id: str) -> list[Event]:
    """The run's newest events in order, and those before that still say how it stands."""
    last = last_event(ledger, run_id)
    recent = ledger.events(run_id, after=max(0, last - RECENT_EVENTS))
    first = recent[0].seq if recent else 0
    telling = [ledger.last_event(run_id, [kind]) for kind in STANDING_KINDS]
    return sorted([one for one in telling if one and one.seq < first], key=lambda one: one.seq) + recent
