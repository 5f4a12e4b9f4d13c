"""A prepared command that was killed while it waited for its word had not begun: it is started anew."""

from __future__ import annotations

import asyncio
import contextlib
import os
import time
from pathlib import Path

import pytest

from fabrik.sandboxes import cgroups, procs, registry
from fabrik.sandboxes.sandbox import Command, Doors, Exit, Limits, Sandbox, SandboxSpec
from fabrik.testing.conformance.doors import open_doors, saying

NAME = f"lost-{os.getpid()}/box"  # others may run these tests at the same time


def kill_all() -> None:
    """Kill what waits, as a machine short of memory does."""
    killed = procs.marked(NAME)
    assert killed
    end = time.monotonic() + 30
    # Its memory goes first, and with it the mark; what it has open only a moment later.
    while procs.kill_marked(NAME) or not all(map(_dead, killed)):
        assert time.monotonic() < end


def _dead(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_bytes().rpartition(b")")[2].split()[0] in (b"Z", b"X")
    except OSError:
        return True


async def lost(
    provider: str,
    directory: Path,
    doors: Doors | None,
    *,
    limits: Limits = Limits(),  # noqa: B008
) -> tuple[Sandbox, Exit]:
    box = await registry.load(provider).create(SandboxSpec(name=NAME, root=directory / "box"))
    prepared = await box.prepare(
        Command(
            argv=["/bin/sh", "-c", 'cat ~/file; cat; echo "$ONE $TWO"; echo ran >> ran'],
            stdout=directory / "out",
            stderr=directory / "err",
            stdin=b"prompt ",
            files={},
            env={"ONE": "1"},
            doors=doors,
            limits=limits,
        )
    )
    await asyncio.to_thread(kill_all)
    return box, await prepared.run({"file": b"file "}, {"TWO": "2"})


@pytest.mark.parametrize("provider", ["bubblewrap", "none"])
@pytest.mark.parametrize("with_doors", [True, False])
def test_it_is_started_anew(provider: str, with_doors: bool, tmp_path: Path) -> None:
    async def whole() -> None:
        async with contextlib.AsyncExitStack() as stack:
            doors = None
            if with_doors:
                doors = await stack.enter_async_context(open_doors(saying(b"a"), saying(b"b")))
            limits = Limits(seconds=60, memory_bytes=1 << 30, processes=50)
            box, end = await lost(provider, tmp_path, doors, limits=limits)
            assert (end.status, end.stopped_by) == (0, None), (tmp_path / "err").read_text()
            assert (tmp_path / "out").read_text() == "file prompt 1 2\n"
            assert await box.read_file("ran", 100) == b"ran\n"

    asyncio.run(whole())
    assert procs.marked(NAME) == []
    assert list((tmp_path / "box" / "execs").iterdir()) == []
    for base in cgroups.bases().directories():
        assert not [path for path in base.rglob("*lost*box*") if path.is_dir()]


@pytest.mark.parametrize("provider", ["bubblewrap", "none"])
def test_it_can_be_given_up(provider: str, tmp_path: Path) -> None:
    async def whole() -> None:
        box = await registry.load(provider).create(SandboxSpec(name=NAME, root=tmp_path / "box"))
        log = tmp_path / "log"
        prepared = await box.prepare(Command(argv=["sh", "-c", "echo ran > ran"], stdout=log, stderr=log))
        await asyncio.to_thread(kill_all)
        await prepared.discard()
        assert await box.read_file("ran", 100) is None

    asyncio.run(whole())
    assert procs.marked(NAME) == []


@pytest.mark.parametrize("provider", ["bubblewrap", "none"])
def test_the_mark_cannot_be_told_away(provider: str, tmp_path: Path) -> None:
    """Leftovers are found by it."""

    async def whole() -> None:
        box = await registry.load(provider).create(SandboxSpec(name=NAME, root=tmp_path / "box"))
        log = tmp_path / "log"
        async with open_doors(saying(b"a"), saying(b"b")) as doors:
            for leads in (None, doors):
                argv = ["printenv", procs.MARK, "OTHER"]
                prepared = await box.prepare(Command(argv=argv, stdout=log, stderr=log, doors=leads))
                assert (await prepared.run(env={procs.MARK: "another", "OTHER": "1"})).ok
                assert log.read_text() == f"{NAME}\n1\n"

    asyncio.run(whole())


def test_what_came_with_the_word_lies_nowhere(tmp_path: Path) -> None:
    """The command inherits no descriptor of what told it."""

    async def whole() -> None:
        box = await registry.load("bubblewrap").create(SandboxSpec(name=NAME, root=tmp_path / "box"))
        log = tmp_path / "log"
        async with open_doors(saying(b"a"), saying(b"b")) as doors:
            argv = ["sh", "-c", 'ls /proc/self/fd; ls -l /proc/"$PPID"/fd /proc/1/fd >&2']
            command = Command(argv=argv, stdout=log, stderr=tmp_path / "err", doors=doors)
            assert (await (await box.prepare(command)).run(env={"SECRET": "1"})).status in (0, 1, 2)
        assert log.read_text().split() == ["0", "1", "2", "3"]  # 3: the directory itself
        assert "memfd:variables" not in (tmp_path / "err").read_text()

    before = len(os.listdir("/proc/self/fd"))  # noqa: PTH208
    asyncio.run(whole())
    assert len(os.listdir("/proc/self/fd")) <= before  # noqa: PTH208
