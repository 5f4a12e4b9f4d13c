"""What the cases have in common: sandboxes of their own, commands with their output, and deadlines."""

# ruff: noqa: S101 - a failed assertion is a case's answer
from __future__ import annotations

import asyncio
import itertools
import random
import time
import unittest
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from uuid import uuid4

from fabrik.sandboxes.sandbox import Command, Exit, Provider, Sandbox, SandboxRef, SandboxSpec

Case = Callable[["Harness"], Awaitable[None]]
_DEADLINE = 30.0  # seconds until a condition must hold


@dataclass(frozen=True, kw_only=True)
class Ran:
    """A command that has ended, with what it printed."""

    end: Exit
    out: bytes
    err: bytes

    @property
    def text(self) -> str:
        return self.out.decode(errors="replace").strip()

    def fine(self) -> Ran:
        """This, when it ended with status 0; a failure of the case that shows the output otherwise."""
        assert self.end.ok, f"{self.end}\n{self.out[-2000:]!r}\n{self.err[-2000:]!r}"
        return self


@dataclass
class Harness:
    """One case's provider and its place on the host. Sandboxes that it makes are removed at the end."""

    provider: Provider
    directory: Path
    made: list[tuple[Sandbox, SandboxSpec]] = field(default_factory=list)
    _count: itertools.count[int] = field(default_factory=itertools.count)

    def needs_isolation(self, why: str) -> None:
        """Skip the rest of a case if the provider does not isolate."""
        if not self.provider.isolates:
            raise unittest.SkipTest(f"{self.provider.name} does not isolate: {why}")

    def spec(self, purpose: str = "box", **more: Any) -> SandboxSpec:
        unique = uuid4().hex[:12]
        more.setdefault("name", f"{unique}/{purpose}")
        more.setdefault("root", self.directory / "sandboxes" / f"{purpose}-{unique}")
        return SandboxSpec(**more)

    async def box(self, spec: SandboxSpec | None = None, **more: Any) -> Sandbox:
        """A sandbox that is removed when the case ends."""
        spec = spec or self.spec(**more)
        box = await self.provider.create(spec)
        self.made.append((box, spec))
        return box

    async def run(self, box: Sandbox, *argv: str, **more: Any) -> Ran:
        """Run a command with its output in files of its own."""
        number = next(self._count)
        out, err = self.directory / f"{number}.out", self.directory / f"{number}.err"
        end = await box.exec(Command(argv=argv, stdout=out, stderr=err, **more))
        return Ran(end=end, out=out.read_bytes(), err=err.read_bytes())

    async def sh(self, box: Sandbox, script: str, **more: Any) -> Ran:
        """Run a shell script."""
        return await self.run(box, "/bin/sh", "-c", script, **more)

    async def python(self, box: Sandbox, program: str, *argv: str, **more: Any) -> Ran:
        """Run a Python program inside."""
        return await self.run(box, "python3", "-I", "-c", program, *argv, **more)

    async def until(self, what: str, holds: Callable[[], Awaitable[bool]]) -> None:
        """Wait for a condition; a failure of the case when it does not come about in time."""
        end = time.monotonic() + _DEADLINE
        while not await holds():
            assert time.monotonic() < end, f"it never came about: {what}"
            await asyncio.sleep(0.01)

    async def until_file(self, box: Sandbox, path: str) -> None:
        """Wait until a file in the workspace is there."""

        async def there() -> bool:
            return await box.read_file(f"{box.workspace}/{path}", 1) is not None

        await self.until(f"the file {path}", there)

    async def clean(self) -> None:
        for box, spec in self.made:
            await box.close()
            await self.provider.destroy(ref(spec))


def ref(spec: SandboxSpec, labels: Mapping[str, str] | None = None) -> SandboxRef:
    """How `list` would find a sandbox."""
    return SandboxRef(name=spec.name, root=spec.root, labels=labels or spec.labels)


def token() -> str:
    """A number of seconds for `sleep` that finds this very process again in a list of all."""
    return f"{random.randint(10**8, 10**9)}"  # noqa: S311 - a name, not a secret


def alive(mark: str) -> list[int]:
    """The host's processes whose command line holds a token."""
    found = []
    for process in Path("/proc").iterdir():
        if process.name.isdigit():
            try:
                words = (process / "cmdline").read_bytes().split(b"\0")
            except OSError:
                continue
            if mark.encode() in words:
                found.append(int(process.name))
    return found


def case_id(case: Case) -> str:
    """A case's name, for test reports."""
    return str(getattr(case, "__name__", case))


def run_case(case: Case, provider: Provider, directory: Path) -> None:
    """Run one case in a directory of its own. Raises AssertionError, or SkipTest with the reason."""

    async def whole() -> None:
        harness = Harness(provider=provider, directory=directory)
        try:
            await case(harness)
        finally:
            await harness.clean()

    asyncio.run(whole())
