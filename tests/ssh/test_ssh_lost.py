"""The connection is cut, the helper or the worker is killed: nothing goes on there, and nothing is lost."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from local_sshd import Sshd

from fabrik.errors import SandboxBroken
from fabrik.sandboxes.sandbox import Command, SandboxRef, SandboxSpec
from fabrik.sandboxes.ssh.provider import Ssh
from fabrik.testing.conformance.harness import Harness, alive, ref, token

_DEADLINE = 30.0


def until(what: str, holds: Callable[[], bool]) -> None:
    end = time.monotonic() + _DEADLINE
    while not holds():
        assert time.monotonic() < end, f"it never came about: {what}"
        time.sleep(0.01)


def helpers(base: Path) -> list[int]:
    """The processes of helpers that keep their things there."""
    found = []
    for process in Path("/proc").iterdir():
        if process.name.isdigit():
            try:
                words = (process / "cmdline").read_bytes().split(b"\0")
            except OSError:
                continue
            if words[0].endswith(b"python3") and str(base).encode() in words:
                found.append(int(process.name))
    return found


@pytest.mark.parametrize("whom", ["ssh", "helper"])
def test_a_cut_connection_ends_all_and_the_next_command_works(
    server: Sshd, tmp_path: Path, whom: str
) -> None:
    async def whole() -> None:
        h = Harness(provider=Ssh("machine"), directory=tmp_path)
        mark = token()
        box = await h.box()
        script = f"echo kept > kept; (setsid sleep {mark} &); echo > ready; sleep {mark}"
        task = asyncio.create_task(h.sh(box, script))
        await h.until_file(box, "ready")
        connection = await h.provider._connect()  # type: ignore[attr-defined]
        if whom == "ssh":
            connection._child.handle.kill()
        else:
            for pid in helpers(server.base):
                os.kill(pid, signal.SIGKILL)
        with pytest.raises(SandboxBroken, match="connection was lost"):
            await task

        async def ended() -> bool:
            return alive(mark) == []

        await h.until("all has ended", ended)
        assert (await h.sh(box, "cat kept")).fine().text == "kept"
        await h.clean()

    asyncio.run(whole())


_WORKER = """
import asyncio, sys
from pathlib import Path
from fabrik.sandboxes.sandbox import Command, SandboxSpec
from fabrik.sandboxes.ssh.provider import Ssh
async def main(root, mark):
    box = await Ssh("machine").create(SandboxSpec(name="crash/" + mark, root=root))
    script = f"echo kept > kept; (setsid sleep {mark} &); sleep {mark}"
    log = root.parent / "log"
    await box.exec(Command(argv=["/bin/sh", "-c", script], stdout=log, stderr=log))
asyncio.run(main(Path(sys.argv[1]), sys.argv[2]))
"""


def test_a_killed_worker_leaves_nothing_running_and_its_files(server: Sshd, tmp_path: Path) -> None:
    mark, root = token(), tmp_path / "box"
    worker = subprocess.Popen([sys.executable, "-c", _WORKER, str(root), mark])
    until("both are up", lambda: len(alive(mark)) >= 3)
    worker.kill()
    worker.wait()
    until("all has ended", lambda: alive(mark) == [])

    async def after() -> None:
        provider = Ssh("machine")
        [found] = await provider.list(tmp_path, {})
        assert found == SandboxRef(name=f"crash/{mark}", root=root, labels={})
        box = await provider.create(SandboxSpec(name=found.name, root=root))
        assert await box.read_file("kept", 10) == b"kept\n"
        boxes = len(list((server.base / "boxes").iterdir()))
        await provider.destroy(found)
        assert len(list((server.base / "boxes").iterdir())) == boxes - 1
        assert not root.exists()

    asyncio.run(after())
    until("no helper is left", lambda: helpers(server.base) == [])


def test_a_sandbox_that_cannot_be_removed_is_named(
    server: Sshd, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def whole() -> None:
        h = Harness(provider=Ssh("machine"), directory=tmp_path)
        spec = h.spec()
        await h.box(spec)
        away = Ssh("machine")
        monkeypatch.setenv("PATH", str(tmp_path))  # where there is no ssh
        with pytest.raises(SandboxBroken, match=r"fabrik-ssh/boxes/[0-9a-f]{32} on machine"):
            await away.destroy(ref(spec))
        monkeypatch.undo()
        assert spec.root.exists(), "it is found again"
        await h.clean()

    asyncio.run(whole())


def test_a_worker_that_stops_leaves_no_helper(server: Sshd, tmp_path: Path) -> None:
    async def whole() -> None:
        box = await Ssh("machine").create(SandboxSpec(name="x/y", root=tmp_path / "box"))
        out = tmp_path / "out"
        assert (await box.exec(Command(argv=["true"], stdout=out, stderr=out))).ok
        assert helpers(server.base)

    asyncio.run(whole())
    assert helpers(server.base) == []
