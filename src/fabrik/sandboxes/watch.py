"""Watches one running command: each function waits until its limit is reached, and says which it was."""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import Coroutine, Sequence
from pathlib import Path

from fabrik.errors import DiskFull
from fabrik.sandboxes import procs
from fabrik.sandboxes.cgroups import Group
from fabrik.sandboxes.pidfd import Child
from fabrik.sandboxes.running import Ended, Running
from fabrik.sandboxes.sandbox import Limits, StoppedBy
from fabrik.sandboxes.streams import Streams

Watcher = Coroutine[None, None, StoppedBy]

_RESERVE = 256 << 20  # bytes of a file system that are kept free
_SHARE = 20  # a look may take 1/20 of the time
_SLOWEST = 0.5  # seconds between two looks at the output


def reserve(path: Path) -> int:
    """The free space to keep on a file system: less on a small one."""
    stat = os.statvfs(path)
    return min(_RESERVE, stat.f_blocks * stat.f_frsize // 50)


def free(path: Path) -> int:
    """Bytes that may still be written there."""
    stat = os.statvfs(path)
    return stat.f_bavail * stat.f_frsize


def require_space(paths: Sequence[Path]) -> None:
    """Raises DiskFull before a command starts where there is no room to write its log."""
    for path in paths:
        if free(path) < reserve(path):
            raise DiskFull(
                f"only {free(path) >> 20} MiB are free", where=str(path), todo="free some disk space"
            )


def watchers(
    limits: Limits,
    *,
    streams: Streams,
    directories: Sequence[Path],
    log: Path,
    group: Group | None,
    pid: int,
    grouped: frozenset[str],
    helpers: int,
) -> list[Watcher]:
    """What has to be watched for these limits. `grouped`: the limits that the group enforces.

    `helpers`: fabrik's own processes in the tree, which do not count.
    """
    found: list[Watcher] = [space([directories[0], log])]
    if limits.seconds is not None:
        found.append(seconds(limits.seconds))
    if limits.output_bytes is not None:
        found.append(output(streams, limits.output_bytes))
    if limits.disk_bytes is not None:
        found.append(disk(directories, limits.disk_bytes))
    if group is not None and grouped:
        found.append(events(group))
    memory = None if "memory" in grouped else limits.memory_bytes
    count = None if "processes" in grouped else limits.processes
    if count is not None:
        count += helpers
    if memory is not None or count is not None:
        found.append(processes(pid, memory, count))
    return found


async def first(
    running: Running, watching: list[Watcher], stop: asyncio.Event
) -> tuple[Ended, StoppedBy | None]:
    """Wait for the end of the command, a limit, or the word to stop; whatever comes first."""
    end = asyncio.create_task(running.wait())
    told = asyncio.create_task(stop.wait())
    looking = [asyncio.create_task(watcher) for watcher in watching]
    stopped: StoppedBy | None = None
    try:
        await asyncio.wait({end, told, *looking}, return_when=asyncio.FIRST_COMPLETED)
        if not end.done():
            for look in looking:
                if look.done():
                    stopped = look.result()
            running.kill()
        return await end, stopped
    finally:
        if not end.done():
            running.kill()
            await asyncio.wait({end})
            end.exception()
        for task in (told, *looking):
            task.cancel()
        await asyncio.gather(told, *looking, return_exceptions=True)


async def seconds(limit: float) -> StoppedBy:
    """Reached when the time is up."""
    await asyncio.sleep(limit)
    return "time"


async def output(streams: Streams, limit: int) -> StoppedBy:
    """Looks the more often the nearer the limit comes at the present rate."""
    before, at = 0, time.monotonic()
    pause = 0.02
    while True:
        await asyncio.sleep(pause)
        held, now = streams.held_bytes(), time.monotonic()
        if held > limit:
            return "output"
        rate = max(held - before, 0) / max(now - at, 1e-3)
        left = (limit - held) / rate if rate else _SLOWEST * 4
        pause = min(max(left / 4, 0.01), _SLOWEST, pause * 2)
        before, at = held, now


async def space(paths: Sequence[Path]) -> StoppedBy:
    """Reached when the machine is about to run out of disk, whoever used it."""
    while True:
        await asyncio.sleep(1.0)
        if any(free(path) < reserve(path) for path in paths):
            return "disk"


async def disk(directories: Sequence[Path], limit: int) -> StoppedBy:
    """Adds up what the directories hold, again and again, with pauses in proportion to the effort."""
    pause = 0.5
    while True:
        await asyncio.sleep(pause)
        began = time.monotonic()
        if await held_below(directories) > limit:
            return "disk"
        pause = max(1.0, (time.monotonic() - began) * _SHARE)


async def held_below(directories: Sequence[Path]) -> int:
    """Bytes that directories hold on the disk; a file with several names counts once.

    `du` in a process of its own follows no link, copes with any depth, and does not hold up the worker.
    """
    reading, writing = os.pipe2(os.O_CLOEXEC)
    with os.fdopen(reading, "rb") as answer:
        try:
            child = Child(
                ["du", "-scx", "--block-size=1", "--", *map(str, directories)],
                env={"PATH": os.defpath, "LC_ALL": "C"},
                stdout=writing,
            )
        finally:
            os.close(writing)
        try:
            os.setpriority(os.PRIO_PROCESS, child.pid, 10)
            await child.wait()  # what could not be read is left out of the sum, and the status says so
            lines = answer.read().splitlines()  # a line per directory: it fits into the pipe
        finally:
            await child.close()
    return int(lines[-1].split()[0]) if lines else 0


async def events(group: Group) -> StoppedBy:
    """Asks the group whether it had to enforce a limit."""
    while True:
        await asyncio.sleep(0.25)
        if reached := group.hit():
            return reached


async def processes(pid: int, memory: int | None, count: int | None) -> StoppedBy:
    """Looks at the tree of processes where there is no group to do it."""
    pause = 0.5
    while True:
        await asyncio.sleep(pause)
        began = time.monotonic()
        use = await asyncio.to_thread(procs.use, pid, memory)
        if memory is not None and use.memory_bytes > memory:
            return "memory"
        if count is not None and use.processes > count:
            return "processes"
        pause = max(1.0, (time.monotonic() - began) * _SHARE)
