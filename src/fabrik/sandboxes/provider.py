"""What providers on this machine have in common: making, finding, sweeping and removing sandboxes."""

from __future__ import annotations

import asyncio
import time
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Generic, TypeVar

from fabrik.errors import SandboxBroken, UsageError
from fabrik.sandboxes import cgroups, layout, procs, readable, unprivileged
from fabrik.sandboxes.host import HostSandbox
from fabrik.sandboxes.layout import Layout
from fabrik.sandboxes.sandbox import Options, Preflight, SandboxRef, SandboxSpec

_PATIENCE = 10.0  # seconds for killed processes to disappear
Kind = TypeVar("Kind", bound=HostSandbox)


class HostProvider(ABC, Generic[Kind]):
    """Sandboxes that are directories and processes of this machine."""

    name: str
    isolates: bool
    sandbox: type[Kind]

    def __init__(self, target: str = "", options: Options = Options()) -> None:  # noqa: B008 - frozen
        """target: what stands behind a colon in the provider's name. Raises UsageError."""
        if target:
            raise UsageError(f"{self.name} takes nothing behind a colon: {target!r}", where="--sandbox")
        self.options = options

    @abstractmethod
    async def preflight(self) -> Preflight:
        """See the contract."""

    async def create(self, spec: SandboxSpec) -> Kind:
        """See the contract."""
        there = Layout(spec.root, spec.reads, unprivileged.owner() if self.isolates else None)
        try:
            groups = [str(path) for path in cgroups.bases().directories()]
            layout.make(there, spec, self.name, groups)
            if there.dirty():
                await self._sweep(spec.name, there)
            if there.owner is not None:
                places = [spec.sources.get(path, path) for path in spec.read_only]
                await asyncio.to_thread(readable.let_read, places, there.owner)
            await asyncio.to_thread(there.empty_trash)
        except OSError as error:
            raise layout.problem(error, "the sandbox cannot be made", spec.root) from error
        return self.sandbox(spec, there)

    async def list(self, root: Path, labels: Mapping[str, str]) -> Sequence[SandboxRef]:
        """See the contract."""
        try:
            return await asyncio.to_thread(layout.find, root, self.name, labels)
        except OSError as error:
            raise layout.problem(error, "the sandboxes cannot be listed", root) from error

    async def end(self, ref: SandboxRef) -> None:
        """See the contract."""
        there = Layout(ref.root)
        try:
            if there.dirty():
                await self._sweep(ref.name, there)
        except OSError as error:
            raise layout.problem(error, "what runs in the sandbox cannot be ended", ref.root) from error

    async def destroy(self, ref: SandboxRef) -> None:
        """See the contract."""
        there = Layout(ref.root)
        labels = layout.read_labels(ref.root)
        if labels is None:
            if ref.root.exists() and any(ref.root.iterdir()):
                raise SandboxBroken(
                    "the directory holds no sandbox: it is left as it is", where=str(ref.root)
                )
        elif labels.name != ref.name:
            raise SandboxBroken(f"the directory belongs to the sandbox {labels.name!r}", where=str(ref.root))
        try:
            if there.dirty():
                await self._sweep(ref.name, there)
            await asyncio.to_thread(layout.erase, there)
        except OSError as error:
            raise layout.problem(
                error, f"the sandbox cannot be removed; remove it with: rm -rf {ref.root}", ref.root
            ) from error

    async def _sweep(self, name: str, there: Layout) -> None:
        """End what still runs for a sandbox, by its control groups and by the mark in the environment."""
        labels = layout.read_labels(there.root)
        known = [Path(path) for path in labels.cgroups] if labels else []
        await cgroups.sweep(name, [*known, *cgroups.bases().directories()])
        await end_marked(name)
        for record in there.execs.iterdir():
            record.unlink(missing_ok=True)


async def end_marked(name: str) -> None:
    """Kill all that carries a sandbox's mark and wait until it is gone. Raises SandboxBroken."""
    until = time.monotonic() + _PATIENCE
    pause = 0.002
    while await asyncio.to_thread(procs.kill_marked, name):
        if time.monotonic() > until:
            left = procs.marked(name)
            raise SandboxBroken(
                f"processes of the sandbox do not end: {left}",
                where=name,
                todo=f"end them with: kill -9 {' '.join(map(str, left))}",
            )
        await asyncio.sleep(pause)
        pause = min(pause * 2, 0.2)
