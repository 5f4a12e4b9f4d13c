"""Whether the directory of a run that has ended may go. Its rows in the ledger stay in any case."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from fabrik import paths
from fabrik.errors import FabrikError
from fabrik.ledger.lockfile import is_held
from fabrik.ledger.types import Run
from fabrik.workflows.cleanup.elsewhere import only_here
from fabrik.workflows.cleanup.left import unsaved
from fabrik.workflows.cleanup.model import Thing, Wanted
from fabrik.workflows.cleanup.seen import is_empty, is_ours
from fabrik.workflows.registry import take_up

OPEN = ("running", "waiting")


def ended_at(run: Run) -> float:
    """Seconds since the epoch."""
    return run.finished_at if run.finished_at is not None else run.started_at


def asked_for(runs: Sequence[Run], home: paths.Home, wanted: Wanted, now: float) -> list[Run]:
    """Those of the runs, newest first, that the user wants to go. One whose files are gone does not count."""
    if not wanted.runs:
        return []
    newer: dict[str, int] = {}
    found = []
    for run in runs:
        if run.status in OPEN or not home.run(run.id).directory.exists():
            continue
        rank = newer[run.project] = newer.get(run.project, 0) + 1
        if wanted.keep is not None and rank <= wanted.keep:
            continue
        if wanted.older_than is not None and now - ended_at(run) <= wanted.older_than:
            continue
        found.append(run)
    return found


async def fate(run: Run, home: paths.Home, *, locked: bool = False) -> Thing:
    """Whether the files of a run may go, and why not.

    locked: we hold its lock ourselves.
    """
    places = home.run(run.id)
    stays = await _stays(run, places, locked=locked)
    why = stays or f"ended ({run.status}); the ledger keeps its history"
    return Thing(
        kind="run",
        name=run.id,
        path=places.directory,
        run=run.id,
        at=ended_at(run),
        goes=stays is None,
        why=why,
    )


async def _stays(run: Run, places: paths.RunPaths, *, locked: bool) -> str | None:
    if not locked and is_held(places.lock):
        return "a worker is at it"
    if run.status == "waiting":
        return "it waits for your decision"
    if run.status == "running":
        return f"it was interrupted: {take_up(run)}"
    if not is_ours(places.directory):
        return "its directory is a link, or belongs to another user"
    if not _same(Path(run.directory), places.directory):
        return f"the ledger has it in another place: {run.directory}"
    if unsaved(places):
        return f"its workspace holds work that was not saved: {take_up(run)}"
    if not is_empty(places.checkpoints):
        return "it has checkpoints"
    if run.status not in ("shipped", "done") and not is_empty(places.kept):
        return f"files that git did not take are only in {places.kept}"
    try:
        commit = await only_here(run, places.repo)
    except (FabrikError, OSError) as error:
        return f"it cannot be told whether its commits are elsewhere: {error}".splitlines()[0]
    if commit is not None:
        return f"its commit {commit[:12]} is in no branch of the project"
    return None


def _same(one: Path, other: Path) -> bool:
    """One directory, perhaps by two paths."""
    try:
        return one.samefile(other)
    except OSError:
        return False
