"""How a backlog stands: its specs in order, and what the folder and the ledger know of each."""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from fabrik.backlog.dependencies import Order, order
from fabrik.backlog.folder import Folder, SpecName, find_specs, read_spec, same_numbers, spec_name
from fabrik.backlog.header import Header, read_header
from fabrik.backlog.markers import read_candidate, read_done
from fabrik.errors import FabrikError, UsageError
from fabrik.ledger.store import Ledger
from fabrik.ledger.types import Run
from fabrik.problems import Problem
from fabrik.workflows.backlog.workspace import Workspace, find_workdir

State = Literal["done", "running", "interrupted", "candidate", "held back", "ready"] | str

REMARKS = 50  # that are told about one folder


@dataclass(frozen=True, kw_only=True)
class Entry:
    """One spec as it stands."""

    name: SpecName
    text: str
    content: bytes
    header: Header
    done: bool
    commit: str | None  # of its done marker, else of its candidate
    candidate: bool  # put forward, and not done
    run: Run | None  # the newest one in the ledger
    attempts: int  # of that run
    waits_for: tuple[str, ...]

    @property
    def state(self) -> str:
        """A word or two for it."""
        run = self.run
        if run is not None and run.status == "running":
            if run.alive:
                return "running"
            return "interrupted" if not self.done else "done"
        if self.done:
            return "done"
        if self.waits_for:
            return "held back"
        if run is not None and run.status not in ("done",):
            return run.status
        return "candidate" if self.candidate else "ready"

    @property
    def unchecked(self) -> bool | None:
        """Whether nothing but agents checks it; None: not known before it is begun."""
        if self.run is not None:
            return self.run.unchecked
        return False if self.header.checks else None

    @property
    def sealed_as(self) -> str:
        """The hash that a run of this very text has."""
        return hashlib.sha256(self.content).hexdigest()


@dataclass(frozen=True, kw_only=True)
class Survey:
    """A whole backlog."""

    entries: Mapping[SpecName, Entry]
    order: Order
    remarks: tuple[str, ...]
    faults: Mapping[SpecName, tuple[Problem, ...]]  # why specs that are not done cannot be worked on


def survey(place: Folder, ledger: Ledger | None) -> Survey:
    """Look at all specs. What is wrong with one holds back that one. Raises UsageError, LedgerError."""
    names = find_specs(place.specs)
    unreadable: dict[SpecName, Problem] = {}
    texts: dict[SpecName, str] = {}
    for name in names:
        text = read_spec(place.spec(name), name.path)
        if isinstance(text, Problem):
            unreadable[name] = text
        texts[name] = "" if isinstance(text, Problem) else text
    headers = {name: read_header(text) for name, text in texts.items()}
    done = {name for name in {*names, *_marked(place)} if place.done(name).exists()}
    may_come = any(header.seed and name not in done for name, header in headers.items())
    wanted = {name: header.depends_on for name, header in headers.items()}
    ordered = order(wanted, done, may_come=may_come)
    if not names:
        raise UsageError(
            "there is no spec: a file with a name such as 0001-first.md",
            where=str(place.specs),
            todo="write one; what is below candidates/ and done/ does not count",
        )
    runs = _runs(place, ledger)
    entries = {
        name: _entry(place, ledger, name, texts[name], headers[name], ordered, runs) for name in ordered.specs
    }
    remarks = [
        f"{name.path}: {remark}"
        for name, header in headers.items()
        if name not in done
        for remark in header.remarks
    ]
    faults = {
        name: (*((unreadable[name],) if name in unreadable else ()), *ordered.faults.get(name, ()))
        for name in ordered.specs
        if name not in done
    }
    return Survey(
        entries=entries,
        order=ordered,
        remarks=(*same_numbers(names), *remarks)[:REMARKS],
        faults={name: own for name, own in faults.items() if own},
    )


def _marked(place: Folder) -> set[SpecName]:
    """Specs that are done, also where their own file is gone."""
    top = place.specs / "done"
    paths = (path.relative_to(top).as_posix() for path in top.rglob("*.md")) if top.is_dir() else ()
    return {name for path in paths if (name := spec_name(path)) is not None}


def _runs(place: Folder, ledger: Ledger | None) -> dict[str, Run]:
    """The newest run of each spec, by the path of its file."""
    found: dict[str, Run] = {}
    for run in ledger.list_runs(limit=None) if ledger else ():  # the newest first
        if run.workflow == "backlog" and Path(run.spec_path).is_relative_to(place.specs):
            found.setdefault(run.spec_path, run)
    return found


def _entry(
    place: Folder,
    ledger: Ledger | None,
    name: SpecName,
    text: str,
    header: Header,
    ordered: Order,
    runs: Mapping[str, Run],
) -> Entry:
    done = read_done(place.done(name))
    candidate = read_candidate(place.candidate(name))
    run = runs.get(str(place.spec(name)))
    steps = ledger.steps(run.id) if ledger and run else []
    marker = done if done is not None else candidate
    return Entry(
        name=name,
        text=text,
        content=text.encode(),
        header=header,
        done=done is not None,
        commit=marker.commit if marker else None,
        candidate=candidate is not None and done is None,
        run=run,
        attempts=sum(step.key.startswith("implement#") and "/" not in step.key for step in steps),
        waits_for=ordered.waits_for(name),
    )


async def misplaced(entries: Sequence[Entry], workspace: Workspace) -> dict[SpecName, Problem]:
    """Why the repository or the directory of some of these specs cannot be found."""
    known: dict[tuple[str | None, str | None], FabrikError | None] = {}
    found = {}
    for entry in entries:
        header = entry.header
        if header.seed:
            continue
        place = (header.repo, header.workdir)
        if place not in known:
            known[place] = await _no_place(header, workspace)
        if (error := known[place]) is not None:
            found[entry.name] = Problem(
                file=entry.name.path, where=error.where, what=error.what, todo=error.todo
            )
    return found


async def _no_place(header: Header, workspace: Workspace) -> FabrikError | None:
    try:
        repository = await workspace.repository(header.repo)
        find_workdir(repository, header.workdir, workspace.root)
    except FabrikError as error:
        return error
    return None


def next_of(found: Survey, forced: Collection[SpecName], tried: Collection[SpecName]) -> Entry | None:
    """The spec that is to be worked on now.

    forced: those that are to be done again. tried: those that were worked on already.
    """
    for name in found.order.specs:
        entry = found.entries[name]
        if name in tried or name in found.faults or entry.waits_for or (entry.done and name not in forced):
            continue
        return entry
    return None
