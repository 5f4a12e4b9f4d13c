"""Removes what a survey found to be left over: each thing under the lock of its owner, and looked at again.

Directories are first moved aside by one rename, so that a removal that is cut off leaves no half of a run:
the next cleanup finishes it.
"""

from __future__ import annotations

import asyncio
import contextlib
import errno
import os
import shlex
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from uuid import uuid4

from fabrik import paths
from fabrik.errors import FabrikError
from fabrik.ledger.lockfile import acquire
from fabrik.ledger.store import Ledger
from fabrik.ledger.types import Run
from fabrik.sandboxes import cgroups
from fabrik.sandboxes.provider import end_marked
from fabrik.sandboxes.remove import remove_tree
from fabrik.workflows.cleanup import shared
from fabrik.workflows.cleanup.fate import fate
from fabrik.workflows.cleanup.left import provider_of, sandboxes_of
from fabrik.workflows.cleanup.model import Cleaned, Leak, Survey, Thing
from fabrik.workflows.cleanup.seen import is_ours, marked
from fabrik.workflows.dispatching import nobody_dispatches

_BUSY = "a worker has taken the run just now"
_DISPATCHING = "a run is being prepared just now, which may need it"


class _Stays(Exception):
    """What was found to be needed at the last moment; says why."""


@dataclass
class Remover:
    """Takes things away, one after the other, and remembers what became of each."""

    ledger: Ledger
    home: paths.Home
    removed: list[Thing] = field(default_factory=list)
    stayed: list[Thing] = field(default_factory=list)
    leaks: list[Leak] = field(default_factory=list)
    _asides: dict[Path, Path] = field(default_factory=dict)  # where what was moved is by now

    async def all_of(self, found: Survey) -> Cleaned:
        """Remove what goes. A failure with one thing is told, and the others are gone on with."""
        self.stayed += found.staying
        # Histories last: they are needed until the runs are gone.
        for thing in sorted(found.going, key=lambda one: one.kind == "project"):
            await self.one(thing)
        with contextlib.suppress(OSError):
            self.home.trash.rmdir()
        return Cleaned(
            removed=tuple(self.removed),
            stayed=tuple(self.stayed),
            leaks=tuple(self.leaks),
            others=found.others,
        )

    async def one(self, thing: Thing) -> None:
        """Remove one thing, unless it is needed by now."""
        try:
            await self._remove(thing)
        except _Stays as why:
            self.stayed.append(_staying(thing, str(why)))
        except (FabrikError, OSError) as error:
            what = error.what if isinstance(error, FabrikError) else f"{error.strerror or error}"
            self.leaks.append(Leak(thing=thing, what=what, command=self._by_hand(thing)))
        else:
            self.removed.append(thing)

    def _by_hand(self, thing: Thing) -> str:
        """What the user can type."""
        if thing.path is not None and thing.kind != "processes":
            aside = self._asides.get(thing.path, thing.path)
            return f"rm -rf -- {shlex.quote(str(aside))}"
        living = marked().get(thing.name, thing.pids)
        return f"kill -9 {' '.join(map(str, living))}"

    async def _remove(self, thing: Thing) -> None:
        match thing.kind:
            case "trash":
                await self._erase(thing.path)
            case "dispatch" | "project":
                await self._unowned(thing)
            case "run":
                await self._run(thing)
            case _:
                async with self._held(thing) as run:
                    await self._left_of(thing, run)

    @asynccontextmanager
    async def _held(self, thing: Thing) -> AsyncIterator[Run]:
        """The run of a thing, with its lock in our hands: no worker is at it, and none takes it up."""
        assert thing.run is not None  # noqa: S101 - what belongs to a run names it
        places = self.home.run(thing.run)
        descriptor = None
        if is_ours(places.directory):  # else there is nothing to work on, and nothing is made here
            descriptor = acquire(places.lock, patient=False)
            if descriptor is None:
                raise _Stays(_BUSY)
        try:
            yield self.ledger.find_run(thing.run)  # as it is now
        finally:
            if descriptor is not None:
                os.close(descriptor)

    async def _left_of(self, thing: Thing, run: Run) -> None:
        if thing.kind == "processes" and thing.path is None:
            await cgroups.sweep(thing.name, cgroups.bases().directories())
            await end_marked(thing.name)
        elif thing.kind in ("processes", "sandbox"):
            await self._sandbox(thing, run)
        elif thing.path is not None:
            await asyncio.to_thread(remove_tree, thing.path)

    async def _sandbox(self, thing: Thing, run: Run) -> None:
        refs, _ = await sandboxes_of(run, self.home.run(run.id))
        provider = provider_of(run)
        for ref in refs:
            if ref.root == thing.path and ref.name == thing.name:
                await provider.end(ref)
                await end_marked(ref.name)  # also what left its command's record behind
                if thing.kind == "sandbox":
                    await provider.destroy(ref)

    async def _run(self, thing: Thing) -> None:
        async with self._held(thing) as run:
            now = await fate(run, self.home, locked=True)
            if not now.goes:
                raise _Stays(now.why)
            places, provider = self.home.run(run.id), provider_of(run)
            refs, trouble = await sandboxes_of(run, places)
            if trouble:
                raise _Stays(trouble[0].why)
            for ref in refs:
                await provider.end(ref)
                await end_marked(ref.name)
                await provider.destroy(ref)
            self.ledger.record_cleaned(run.id, size=thing.size, place=str(places.directory))
            aside = self._aside(places.directory)
        await self._erase(aside)

    async def _unowned(self, thing: Thing) -> None:
        """What no run owns: moved aside while nobody prepares a run, and found to be unused then."""
        assert thing.path is not None  # noqa: S101 - it is a directory
        with nobody_dispatches(self.home.dispatching) as alone:
            if not alone:
                raise _Stays(_DISPATCHING)
            if not await self._unused(thing):
                raise _Stays("a run needs it by now")
            aside = self._aside(thing.path)
        if thing.path.parent.name.startswith("without-"):
            with contextlib.suppress(OSError):
                thing.path.parent.rmdir()
        await self._erase(aside)

    async def _unused(self, thing: Thing) -> bool:
        runs = self.ledger.list_runs(limit=None)
        if thing.kind == "project":
            again: Iterable[Thing] = await shared.histories(self.home, runs, ())
        else:
            again = shared.unrecorded(self.home, {run.id for run in runs})
        return any(one.goes and one.path == thing.path for one in again)

    def _aside(self, directory: Path) -> Path:
        """Move a directory into the trash, at once and as a whole. Raises OSError."""
        if not is_ours(directory):
            raise OSError(errno.EPERM, "it is a link, or belongs to another user")
        self.home.trash.mkdir(mode=0o700, parents=True, exist_ok=True)
        aside = self.home.trash / f"{directory.name}-{uuid4().hex[:8]}"
        directory.rename(aside)
        self._asides[directory] = aside
        return aside

    async def _erase(self, aside: Path | None) -> None:
        if aside is not None:
            await asyncio.to_thread(remove_tree, aside)


def _staying(thing: Thing, why: str) -> Thing:
    return replace(thing, goes=False, why=why)
