"""Works through a backlog: one spec's run after the other, each followed to its end."""

from __future__ import annotations

import asyncio
import sys
from dataclasses import dataclass, field
from pathlib import Path

from fabrik import paths
from fabrik.backlog.folder import Folder, SpecName, find_folder, named
from fabrik.backlog.log import RunnerLog
from fabrik.cli import store
from fabrik.cli.backlog import show_table
from fabrik.cli.backlog_alone import alone, private_ledger
from fabrik.cli.backlog_stream import follow_run
from fabrik.cli.render.runs import short
from fabrik.cli.screen import Screen
from fabrik.cli.text import neutralise, one_line
from fabrik.ledger.store import Ledger
from fabrik.ledger.types import Run
from fabrik.outcome import ExitStatus
from fabrik.problems import Problem
from fabrik.workflows.backlog.dispatch import NotReady
from fabrik.workflows.backlog.request import BacklogRequest
from fabrik.workflows.backlog.survey import Entry, Survey, misplaced, next_of, survey
from fabrik.workflows.backlog.taking import take_up
from fabrik.workflows.backlog.workspace import Workspace


@dataclass(kw_only=True)
class Loop:
    """One `fabrik backlog run`."""

    directory: Path | None
    request: BacklogRequest
    force: tuple[str, ...] = ()
    dry_run: bool = False
    stream: bool = False
    screen: Screen = field(default_factory=Screen)
    remarks: Screen = field(default_factory=lambda: Screen(sys.stderr))
    _tried: set[SpecName] = field(default_factory=set)
    _warned: set[str] = field(default_factory=set)
    _held: dict[SpecName, str] = field(default_factory=dict)  # why one could not be taken up now
    _log: RunnerLog | None = None  # None: nothing is written

    def run(self) -> int:
        """Work through it; the exit status."""
        place = find_folder(self.directory, Path.cwd())
        root = self.request.workspace_root or place.directory.parent
        workspace = Workspace(root=root.expanduser().absolute(), folder=place)
        if self.dry_run:
            return self._only_say(place, workspace)
        with alone(place.directory):
            try:
                return self._work(place, workspace)
            except KeyboardInterrupt:
                self.screen.clear()
                self.screen.line()
                self.screen.line("Detached: the spec that is worked on goes on without you.", "strong")
                self.screen.line("  come back    fabrik backlog run, with the same options")
                self.screen.line("  look         fabrik backlog status")
                return ExitStatus.INTERRUPTED

    def _look(self, place: Folder, ledger: Ledger | None) -> Survey:
        found = survey(place, ledger)
        for remark in found.remarks:
            self._warn(remark)
        for name, problems in found.faults.items():
            self._hold(name, *problems)
        return found

    def _hold(self, name: SpecName, *problems: Problem) -> None:
        """Leave a spec out for now, and say why."""
        why = "; ".join(problem.what for problem in problems)
        if self._held.get(name) == why:
            return
        self._held[name] = why
        todo = "".join(f"\n  → {problem.todo}" for problem in problems if problem.todo)
        self._warn(f"{name.path} is held back: {why}{todo}", log=False)
        if self._log is not None:
            self._log.tell("held_back", name.path, why=why)

    def _hold_misplaced(self, entries: list[Entry], workspace: Workspace) -> None:
        for name, problem in asyncio.run(misplaced(entries, workspace)).items():
            self._hold(name, problem)
            self._tried.add(name)

    def _warn(self, text: str, spec: str | None = None, *, log: bool = True) -> None:
        if text not in self._warned:
            self._warned.add(text)
            if log and self._log is not None:
                self._log.tell("warning", spec, text=text)
            self.remarks.line(self.remarks.paint("warning: ", "warn") + neutralise(text))

    def _only_say(self, place: Folder, workspace: Workspace) -> int:
        with store.reading() as ledger:
            found = self._look(place, ledger)
        forced = set(named(self.force, found.entries))
        todo = [found.entries[name] for name in found.order.specs]
        self._hold_misplaced(_to_do(todo, forced), workspace)
        for entry in todo:
            why = self._held.get(entry.name)
            would = f"held back: {one_line(why, 300)}" if why else _intent(entry, entry.name in forced)
            self.screen.line(f"{one_line(entry.name.path, 60)}: {would}")
        return ExitStatus.STOPPED if self._held else ExitStatus.OK

    def _work(self, place: Folder, workspace: Workspace) -> int:
        log = self._log = RunnerLog(place.log, self.request.log_format)
        with private_ledger(paths.home().ledger) as ledger:
            found = self._look(place, ledger)
            forced = set(named(self.force, found.entries))
            self._hold_misplaced(
                _to_do([found.entries[name] for name in found.order.specs], forced), workspace
            )
            log.tell("runner_started", specs=len(found.entries), forced=" ".join(self.force) or None)
            for entry in found.entries.values():
                if entry.done and entry.name not in forced:
                    log.tell("skipped", entry.name.path, why="done", commit=entry.commit)
            while (entry_ := next_of(found, forced, self._tried)) is not None:
                self._tried.add(entry_.name)
                self._held.pop(entry_.name, None)
                self._one(entry_, place, workspace, ledger, log, forced=entry_.name in forced)
                found = self._look(place, ledger)
            return self._end(found, forced, log)

    def _one(
        self,
        entry: Entry,
        place: Folder,
        workspace: Workspace,
        ledger: Ledger,
        log: RunnerLog,
        *,
        forced: bool,
    ) -> None:
        """Take one spec up and follow its run to its end."""
        self._hold_misplaced([entry], workspace)  # it may have been written a moment ago
        if entry.name in self._held:
            return
        screen = self.screen
        screen.line()
        screen.line(screen.paint(f"{neutralise(entry.name.path)}", "strong") + f"  {_title(entry)}")

        def warn(text: str) -> None:
            self._warn(text, entry.name.path)

        try:
            taken = asyncio.run(
                take_up(
                    entry,
                    forced=forced,
                    place=place,
                    workspace=workspace,
                    request=self.request,
                    ledger=ledger,
                    warn=warn,
                )
            )
        except NotReady as error:
            where = f"{error.where}: " if error.where else ""
            self._hold(entry.name, Problem(file="", what=f"{where}{error.what}", todo=error.todo))
            return
        how = "goes on" if taken.resumed else "begins"
        screen.line(f"run {short(taken.run)} {how}", "dim")
        log.tell("spec_resumed" if taken.resumed else "spec_started", entry.name.path, run=taken.run[-8:])
        run = follow_run(taken, ledger, screen, stream=self.stream)
        log.tell("spec_ended", entry.name.path, run=short(run.id), status=run.status, why=run.failure_reason)
        good = run.status == "done"
        screen.line(
            f"{neutralise(entry.name.path)} is done" if good else _left(entry, run),
            "good" if good else "warn",
        )

    def _end(self, found: Survey, forced: set[SpecName], log: RunnerLog) -> int:
        """What is left, as a table; the exit status."""
        left = []
        for name in found.order.specs:
            entry = found.entries[name]
            failed = name in self._held or (
                name in self._tried and entry.run is not None and entry.run.status != "done"
            )
            if not entry.done or (name in forced and failed):
                left.append(entry)
                if entry.waits_for:
                    log.tell("held_back", name.path, waits_for=" ".join(entry.waits_for))
        log.tell("runner_finished", done=len(found.entries) - len(left), left=len(left))
        self.screen.line()
        alone = [
            name.path for name in found.order.specs if found.entries[name].unchecked and name in self._tried
        ]
        if alone:
            self.screen.line(f"checked by agents alone: {neutralise(', '.join(alone))}", "warn")
        if not left:
            self.screen.line(f"all {len(found.entries)} specs are done", "good")
            return ExitStatus.OK
        self.screen.line(f"{len(left)} of {len(found.entries)} specs are left:", "warn")
        show_table(self.screen, left, self._held)
        return ExitStatus.STOPPED


def _to_do(entries: list[Entry], forced: set[SpecName]) -> list[Entry]:
    return [entry for entry in entries if not entry.done or entry.name in forced]


def _title(entry: Entry) -> str:
    return neutralise(one_line(entry.header.title, 80))


def _left(entry: Entry, run: Run) -> str:
    if run.status == "running":
        return f"{neutralise(entry.name.path)}: its worker is gone; run this again, nothing is lost"
    why = f": {one_line(run.failure_reason, 300)}" if run.failure_reason else ""
    return f"{neutralise(entry.name.path)} is left, {run.status}{why}"


def _intent(entry: Entry, forced: bool) -> str:
    """What would be done about a spec."""
    if forced:
        return "would be done again (--force)"
    if entry.done:
        return f"done ({(entry.commit or 'no commit')[:12]}), would be skipped"
    if entry.state in ("running", "interrupted"):
        return f"is {entry.state} (run {short(entry.run.id) if entry.run else ''}), would go on"
    first = f" after {', '.join(entry.waits_for)}" if entry.waits_for else ""
    if entry.run is not None and entry.run.status != "done":
        return f"is left, {entry.run.status} (run {short(entry.run.id)}): would be taken up again{first}"
    if entry.candidate:
        return f"has the candidate {(entry.commit or 'no commit')[:12]}: would be verified first{first}"
    return ("would write further specs" if entry.header.seed else "would be implemented") + first
