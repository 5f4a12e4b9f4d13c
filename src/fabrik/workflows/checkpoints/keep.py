"""Saving a run's workspace, and bringing one back. Only while nobody works on the run: its lock is held."""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from fabrik import __version__, paths
from fabrik.errors import RunBusy, UsageError
from fabrik.ledger.journal import Journal
from fabrik.ledger.ownership import claim
from fabrik.ledger.store import Ledger
from fabrik.ledger.types import Run
from fabrik.sandboxes import watch
from fabrik.vcs.git import git
from fabrik.vcs.refs import list_refs
from fabrik.workflows import workspace
from fabrik.workflows.assemble import assemble
from fabrik.workflows.checkpoints import manifest, shelf
from fabrik.workflows.checkpoints.manifest import REPOSITORY, WORKSPACE, Manifest
from fabrik.workflows.work import Work
from fabrik.workflows.workspace import AGENTS

_REFS = "refs/fabrik/"


@dataclass(frozen=True, kw_only=True)
class Restored:
    """What was brought back, and what was saved before."""

    restored: Manifest
    saved: Manifest | None  # the workspace that was there, where it held unsaved files


async def checkpoint(run_id: str, *, to: Path | None, why: str) -> Manifest:
    """Save the workspace of a run and its commits. to: a file to write it into besides.

    Raises UsageError (no workspace, no files), RunBusy, SandboxBroken, VcsError, DiskFull, LedgerError.
    """
    async with _owned(run_id) as (run, work):
        if not (work.paths.sandboxes / AGENTS).is_dir():
            raise UsageError(
                "this run has no workspace to save: no session has worked in one, or the run is through",
                where=run.id,
                todo=f"`fabrik runs show {run.id[-8:]}` says how it stands",
            )
        if to is not None and to.exists():
            raise UsageError("this file is there already", where=str(to), todo="give another one with --to")
        made = await _save(run, work, why)
        if to is not None:
            await asyncio.to_thread(shelf.export, work.paths.checkpoints / made.name, to)
        return made


async def restore(run_id: str, source: str | None) -> Restored:
    """Bring a workspace back. source: a file, a checkpoint's name, or None for the newest.

    Unsaved files of the workspace that is there are saved first, as a checkpoint of their own. Raises as
    `checkpoint`.
    """
    async with _owned(run_id) as (run, work):
        if run.status in ("shipped", "done", "rejected"):
            raise UsageError(
                f"this run has ended ({run.status}): nothing would work on its workspace",
                where=run.id,
                todo=f"what it made: fabrik runs diff {run.id[-8:]}",
            )
        place = await _find(work, source)
        wanted = manifest.read(place)
        await asyncio.to_thread(manifest.require_whole, place, wanted, str(place))
        saved = None
        root = work.paths.sandboxes / AGENTS
        if root.is_dir() and workspace.read_marker(_marker(work))[0] is None and _has_files(root):
            saved = await _save(run, work, f"before {wanted.name} was restored")
        await _require_commit(work, place, wanted)
        await workspace.remove_sandbox(work, AGENTS)  # its marker goes first: a half is never taken for whole
        sandbox = await workspace.open_sandbox(work, AGENTS)
        await sandbox.tar_in(place / WORKSPACE, sandbox.workspace)
        if wanted.commit is not None:
            # One that comes from another place gets a new .git under its files before it is used.
            here = wanted.repo == str(work.paths.repo)
            workspace.mark(work, AGENTS, wanted.commit, in_step=wanted.in_step and here)
        await work.journal.event("checkpoint.restored", name=wanted.name, commit=wanted.commit)
        return Restored(restored=wanted, saved=saved)


async def _save(run: Run, work: Work, why: str) -> Manifest:
    sandbox = await workspace.open_sandbox(work, AGENTS)
    commit, in_step = workspace.read_marker(_marker(work))
    watch.require_space([work.paths.directory])
    with shelf.new(work.paths.checkpoints) as (name, half):
        await sandbox.tar_out(sandbox.workspace, half / WORKSPACE, workspace.BUNDLE_BYTES)
        bundled = await _bundle(work.paths.repo, half / REPOSITORY)
        made = Manifest(
            v=1,
            name=name,
            run=run.id,
            spec=run.spec_id,
            project=run.project,
            base=run.base_commit,
            commit=commit,
            in_step=in_step,
            repo=str(work.paths.repo),
            sandbox=run.sandbox,
            why=why,
            fabrik=__version__,
            at=time.time(),
            workspace=await asyncio.to_thread(manifest.measured, half / WORKSPACE),
            repository=manifest.measured(half / REPOSITORY) if bundled else None,
        )
        manifest.write(half, made)
    await work.journal.event("checkpoint.saved", name=name, commit=commit, size=made.size, why=why)
    return made


async def _bundle(repo: Path, file: Path) -> bool:
    """The run's own commits in a bundle; False when it has none. Raises VcsError, DiskFull."""
    refs = await list_refs(repo, _REFS)
    base = refs.pop(f"{_REFS}base", None)
    names = sorted(name for name, at in refs.items() if at != base)
    if not names or base is None:
        return False
    asked = "".join(f"{name}\n" for name in names) + f"^{base}\n"
    counted = await git("rev-list", "--count", "--stdin", repo=repo, input=asked.encode())
    if int(counted) == 0:
        return False
    await git(
        "bundle", "create", "--quiet", "--version=2", str(file), "--stdin", repo=repo, input=asked.encode()
    )
    return True


async def _find(work: Work, source: str | None) -> Path:
    """The directory of what is to be restored; a file becomes a checkpoint of the run first."""
    if source is None or not (file := Path(source)).is_file():
        if source is not None and ("/" in source or source.endswith(".tar")):
            raise UsageError(
                "there is no such file", where=source, todo="make one: fabrik run checkpoint RUN --to FILE"
            )
        return shelf.place_of(work.paths.checkpoints, source)
    with shelf.new(work.paths.checkpoints) as (name, half):
        await asyncio.to_thread(shelf.take_in, file, half, name, work.run)
    return work.paths.checkpoints / name


async def _require_commit(work: Work, place: Path, wanted: Manifest) -> None:
    """See that the run's repository has the commit of the workspace: from the bundle, if it must be."""
    from fabrik.vcs.adopt import has_commit

    if wanted.commit is None or await has_commit(work.paths.repo, wanted.commit):
        return
    if wanted.repository is not None:
        await work.repo.bring_in(
            place / REPOSITORY, f"restored/{wanted.name}", max_bytes=workspace.BUNDLE_BYTES
        )
    if not await has_commit(work.paths.repo, wanted.commit):
        raise UsageError(
            f"the commit {wanted.commit[:12]} that this workspace stands at is not there",
            where=wanted.name,
            todo="choose another checkpoint: `fabrik runs show RUN` lists them",
        )


def _marker(work: Work) -> Path:
    return work.paths.sandboxes / f"{AGENTS}.json"


def _has_files(root: Path) -> bool:
    with os.scandir(root / "workspace") as entries:
        return any(True for _ in entries)


@asynccontextmanager
async def _owned(run_id: str) -> AsyncIterator[tuple[Run, Work]]:
    """A run that nobody works on, as its worker would have it, while the block lasts."""
    umask = os.umask(0o077)
    try:
        with Ledger.open(paths.home().ledger) as ledger:
            run = ledger.find_run(run_id)
            places = paths.home().run(run.id)
            if not places.directory.is_dir():
                raise UsageError(
                    "the files of this run are gone",
                    where=str(places.directory),
                    todo=f"`fabrik runs show {run.id[-8:]}` shows what the ledger keeps",
                )
            if run.alive:
                raise RunBusy(
                    "this run is being worked on: its workspace is the agent's now",
                    where=run.id,
                    todo=f"wait for its gate or its end (fabrik run attach {run.id[-8:]}), or cancel it",
                )
            with claim(ledger, run.id, places.lock) as ownership:
                run = ledger.find_run(run.id)
                work = await assemble(ledger, run, Journal(ledger, ownership), umask)
                yield run, work
    finally:
        os.umask(umask)
