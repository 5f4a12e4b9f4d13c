"""What a worker leaves behind when it is killed in the middle of a session with daemons."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from fabrik.sandboxes import cgroups, procs, registry
from fabrik.sandboxes.sandbox import Sandbox, SandboxRef, SandboxSpec
from fabrik.testing.conformance.harness import alive, token

_WORKER = """
import asyncio, sys
from pathlib import Path
from fabrik.sandboxes import registry
from fabrik.sandboxes.sandbox import Command, Limits, SandboxSpec

async def main(provider, root, name, mark):
    box = await registry.load(provider).create(SandboxSpec(name=name, root=Path(root)))
    script = (
        f"trap '' TERM; sleep {mark} & (setsid sleep {mark} &); "
        f"python3 -c 'import os,sys; os.fork() and os._exit(0); os.setsid(); os.environ.clear(); "
        f"os.execle(\\"/bin/sleep\\", \\"sleep\\", \\"{mark}\\", {{}})'; echo > ready; sleep {mark}"
    )
    log = Path(root).parent / "log"
    await box.exec(Command(
        argv=["/bin/sh", "-c", script], stdout=log, stderr=log,
        limits=Limits(seconds=600.0, memory_bytes=1 << 30, processes=100),
    ))

asyncio.run(main(*sys.argv[1:]))
"""


def _until(what: str, holds: Callable[[], bool]) -> None:
    end = time.monotonic() + 30
    while not holds():
        assert time.monotonic() < end, what
        time.sleep(0.01)


class Crashed:
    """A worker with a session of four sleepers."""

    def __init__(self, provider: str, directory: Path) -> None:
        self.provider = provider
        self.mark = token()
        self.spec = SandboxSpec(name=f"{self.mark}/crash", root=directory / "box")
        self.worker = subprocess.Popen(
            [sys.executable, "-c", _WORKER, provider, str(self.spec.root), self.spec.name, self.mark]
        )
        _until("the session is up", lambda: len(self.sleepers()) == 4)

    def sleepers(self) -> list[int]:
        # Without the worker and the programs that have the mark among other words.
        return [pid for pid in alive(self.mark) if _program(pid) == "sleep"]

    def kill_worker(self) -> None:
        self.worker.kill()
        self.worker.wait()

    def groups(self) -> list[Path]:
        prefix = cgroups._prefix(self.spec.name)
        return [path for base in cgroups.bases().directories() for path in base.glob(f"{prefix}*")]


def _program(pid: int) -> str:
    try:
        return Path(f"/proc/{pid}/comm").read_text().strip()
    except OSError:
        return ""


@pytest.fixture(params=["bubblewrap", "none"])
def crashed(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Crashed]:
    session = Crashed(request.param, tmp_path)
    yield session
    session.worker.kill()
    session.worker.wait()
    for pid in session.sleepers():
        os.kill(pid, signal.SIGKILL)
    asyncio.run(cgroups.sweep(session.spec.name, cgroups.bases().directories()))


def test_killed_worker_leaves_no_process(crashed: Crashed) -> None:
    crashed.kill_worker()
    _until("all are gone", lambda: not crashed.sleepers() and not procs.marked(crashed.spec.name))


@pytest.mark.parametrize("how", ["create", "destroy"])
def test_next_worker_sweeps_what_is_left(crashed: Crashed, how: str) -> None:
    """The worker and everything that stands between it and the command are killed at once."""
    tree = procs.tree(crashed.worker.pid)
    between = [pid for pid in tree if _program(pid) not in ("sleep", "sh")]
    stopped = [pid for pid in between if pid != crashed.worker.pid]
    for pid in [crashed.worker.pid, *stopped]:
        os.kill(pid, signal.SIGSTOP)
    for pid in [*stopped, crashed.worker.pid]:
        try:
            os.kill(pid, signal.SIGKILL)
        except ProcessLookupError:
            continue
    crashed.worker.wait()
    if crashed.provider == "none" and cgroups.bases().directories():
        assert crashed.sleepers(), "the test shows nothing if none is left"
        assert crashed.groups()

    async def sweep() -> Sandbox | None:
        provider = registry.load(crashed.provider)
        if how == "create":
            return await provider.create(crashed.spec)
        await provider.destroy(SandboxRef(name=crashed.spec.name, root=crashed.spec.root, labels={}))
        return None

    box = asyncio.run(sweep())
    left = crashed.sleepers()
    if not cgroups.bases().directories():  # found by its environment only, which one of them has cleared
        left = left[1:]
    assert left == []
    assert procs.marked(crashed.spec.name) == []
    assert crashed.groups() == []
    if box is not None:
        assert (crashed.spec.root / "workspace" / "ready").exists()
        assert list((crashed.spec.root / "execs").iterdir()) == []


def test_killed_shim_ends_the_session(tmp_path: Path) -> None:
    """An agent that kills the process it runs under loses its session, and nothing is left of it."""
    session = Crashed("none", tmp_path)
    try:
        shim = next(pid for pid in procs.tree(session.worker.pid) if b"--tend" in _words(pid))
        os.kill(shim, signal.SIGKILL)
        assert session.worker.wait(30) == 0
        assert session.sleepers() == []
    finally:
        session.kill_worker()


def _words(pid: int) -> list[bytes]:
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")
    except OSError:
        return []
