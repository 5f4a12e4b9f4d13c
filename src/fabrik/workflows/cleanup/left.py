"""What a run has left that nobody works on: processes, sandboxes without work in them, sockets, halves."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from fabrik import paths
from fabrik.errors import FabrikError
from fabrik.ledger.lockfile import is_held
from fabrik.ledger.types import Run
from fabrik.sandboxes import registry
from fabrik.sandboxes.layout import Layout
from fabrik.sandboxes.sandbox import Provider, SandboxRef
from fabrik.workflows.cleanup.model import Kind, Thing
from fabrik.workflows.cleanup.seen import changed_at, is_empty, is_ours, ours_below
from fabrik.workflows.workspace import AGENTS, READER, read_marker

FINAL = ("shipped", "done", "rejected")  # nobody takes such a run up again
HALVES = (("repo.git/objects", "incoming-*"), (".", ".repo.git.*"))  # of a bundle, and of a repository


@dataclass(frozen=True)
class Left:
    """Looks at what is left of runs."""

    home: paths.Home
    marked: Mapping[str, tuple[int, ...]]  # processes by the sandbox whose mark they carry

    async def of(self, run: Run) -> list[Thing]:
        """What is left of a run; nothing where a worker is at it."""
        places = self.home.run(run.id)
        if is_held(places.lock):
            return []
        found: list[Thing] = []
        names: set[str] = set()
        if is_ours(places.directory):
            refs, trouble = await sandboxes_of(run, places)
            names = {ref.name for ref in refs}
            found += trouble
            found += [thing for ref in refs if (thing := self._sandbox(run, places, ref))]
            found += _halves(run, places)
        for name, pids in self.marked.items():
            if name.partition("/")[0] == run.id and name not in names:
                why = "their run has no worker, and their sandbox is gone"
                found.append(_thing("processes", run, name, None, why, pids=pids))
        doors = paths.all_doors() / run.id
        if is_ours(doors):
            found.append(_thing("doors", run, doors.name, doors, "sockets of a run without a worker"))
        return found

    def _sandbox(self, run: Run, places: paths.RunPaths, ref: SandboxRef) -> Thing | None:
        purpose, pids = ref.labels.get("purpose", ""), self.marked.get(ref.name, ())
        if purpose.startswith(READER):
            return _thing(
                "sandbox", run, ref.name, ref.root, "a reviewer's: only its report is kept", pids=pids
            )
        if run.status in FINAL:
            if purpose == AGENTS and unsaved(places):
                why = "its workspace holds work that was not saved"
                return _thing("sandbox", run, ref.name, ref.root, why, goes=False, pids=pids)
            return _thing("sandbox", run, ref.name, ref.root, f"its run has ended ({run.status})", pids=pids)
        if pids or Layout(ref.root).dirty():
            why = "its worker is gone: what may still run is ended, its files stay"
            return _thing("processes", run, ref.name, ref.root, why, pids=pids)
        return None


def unsaved(places: paths.RunPaths) -> bool:
    """The workspace of the implementing sessions is not known to stand at a commit of the run."""
    workspace = places.sandboxes / AGENTS / "workspace"
    return not is_empty(workspace) and read_marker(places.sandboxes / f"{AGENTS}.json")[0] is None


async def sandboxes_of(run: Run, places: paths.RunPaths) -> tuple[list[SandboxRef], list[Thing]]:
    """The sandboxes of a run, by their labels; or what keeps us from finding them."""
    if not is_ours(places.sandboxes):
        return [], []
    try:
        refs = await provider_of(run).list(places.sandboxes, {"run": run.id})
    except FabrikError as error:
        why = f"cannot be looked into: {error.what}"
        return [], [_thing("sandbox", run, f"{run.id}/", places.sandboxes, why, goes=False)]
    return [ref for ref in refs if ref.root.is_relative_to(places.sandboxes)], []


def provider_of(run: Run) -> Provider:
    """What makes, ends and removes the sandboxes of a run. Raises UsageError."""
    return registry.load(run.sandbox)


def _halves(run: Run, places: paths.RunPaths) -> list[Thing]:
    return [
        _thing("quarantine", run, half.name, half, "begun by a worker that is gone, and never finished")
        for where, pattern in HALVES
        for half in ours_below(places.directory / where, pattern)
    ]


def _thing(
    kind: Kind,
    run: Run,
    name: str,
    path: Path | None,
    why: str,
    *,
    goes: bool = True,
    pids: tuple[int, ...] = (),
) -> Thing:
    at = changed_at(path) if path else None
    return Thing(kind=kind, name=name, path=path, run=run.id, at=at, goes=goes, why=why, pids=pids)
