"""Control groups for the limits on memory and processes, where this process may make them.

Version 1: children of the worker's own groups of the controllers `memory` and `pids`; needs root.
Version 2: a child of the nearest ancestor that may be written and hands both controllers down; a group that
holds processes itself cannot do that, so it is never the worker's own (the kernel's "no internal processes"
rule, Documentation/admin-guide/cgroup-v2.rst).
"""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import os
from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path, PurePosixPath
from uuid import uuid4

from fabrik.sandboxes.pidfd import PidFd
from fabrik.sandboxes.sandbox import Limits, StoppedBy

_CONTROLLERS = ("memory", "pids")


@dataclass(frozen=True, kw_only=True)
class Bases:
    """The directories in which groups can be made here. None: not at all."""

    memory: Path | None = None
    pids: Path | None = None
    version: int = 0

    def directories(self) -> list[Path]:
        return list(dict.fromkeys(path for path in (self.memory, self.pids) if path))


def find_bases(own: str, mounts: str) -> Bases:
    """Read /proc/self/cgroup and /proc/self/mountinfo. Looks at the directories, changes nothing."""
    groups: dict[str, PurePosixPath] = {}
    for line in own.splitlines():
        number, names, path = line.split(":", 2)
        for name in names.split(",") if names else (["unified"] if number == "0" else []):
            groups[name] = PurePosixPath(path)
    v1: dict[str, Path] = {}
    v2: Path | None = None
    for line in mounts.splitlines():
        left, _, right = line.partition(" - ")
        root, mount_point = left.split()[3:5]
        kind, _, options = right.split(" ", 2)
        if kind == "cgroup2" and "unified" in groups:
            v2 = _handing_down(Path(mount_point), _below(groups["unified"], root))
        elif kind == "cgroup":
            for name in _CONTROLLERS:
                if name in options.split()[-1].split(",") and name in groups:
                    directory = Path(mount_point) / _below(groups[name], root)
                    if os.access(directory, os.W_OK | os.X_OK):
                        v1[name] = directory
    if v2 is not None:
        return Bases(memory=v2, pids=v2, version=2)
    return Bases(memory=v1.get("memory"), pids=v1.get("pids"), version=1 if v1 else 0)


def _below(group: PurePosixPath, root: str) -> PurePosixPath:
    """A group's path below the mount point, when the mount shows the hierarchy from `root` down."""
    if group.is_relative_to(root):
        return group.relative_to(root)
    return PurePosixPath()


def _handing_down(mount_point: Path, group: PurePosixPath) -> Path | None:
    for path in (group, *group.parents):
        directory = mount_point / path
        try:
            handed = (directory / "cgroup.subtree_control").read_text().split()
        except OSError:
            continue
        if all(name in handed for name in _CONTROLLERS):
            writable = os.access(directory, os.W_OK) and os.access(directory / "cgroup.procs", os.W_OK)
            return directory if writable else None
    return None


@lru_cache(maxsize=1)
def bases() -> Bases:
    """Where this process can make groups."""
    try:
        return find_bases(Path("/proc/self/cgroup").read_text(), Path("/proc/self/mountinfo").read_text())
    except (OSError, ValueError, IndexError):
        return Bases()


def _prefix(sandbox: str) -> str:
    return f"fabrik-{hashlib.sha256(sandbox.encode()).hexdigest()[:20]}-"


class Group:
    """A group for one command, in one directory (version 2) or one per controller (version 1)."""

    def __init__(self, sandbox: str, where: Bases) -> None:
        """Makes the directories. Raises OSError."""
        self._bases = where
        name = _prefix(sandbox) + uuid4().hex[:8]
        self.memory = where.memory / name if where.memory else None
        self.pids = where.pids / name if where.pids else None
        self._paths = list(dict.fromkeys(path for path in (self.memory, self.pids) if path))
        for path in self._paths:
            path.mkdir()

    def limit(self, limits: Limits, extra_processes: int) -> None:
        """Set the limits; `extra_processes` are fabrik's own helpers inside. Raises OSError."""
        if self.memory and limits.memory_bytes is not None:
            if self._bases.version == 2:
                _write(self.memory / "memory.max", limits.memory_bytes)
                _write_if_there(self.memory / "memory.swap.max", 0)
                _write_if_there(self.memory / "memory.oom.group", 1)
            else:
                _write(self.memory / "memory.limit_in_bytes", limits.memory_bytes)
                _write_if_there(self.memory / "memory.memsw.limit_in_bytes", limits.memory_bytes)
        if self.pids and limits.processes is not None:
            _write(self.pids / "pids.max", limits.processes + extra_processes)

    def add(self, pid: int) -> None:
        """Put a process into the group. Raises OSError."""
        for path in self._paths:
            _write(path / "cgroup.procs", pid)

    def hit(self) -> StoppedBy | None:
        """The limit that was reached, if one was."""
        if self.memory:
            name = "memory.events" if self._bases.version == 2 else "memory.oom_control"
            if _counter(self.memory / name, "oom_kill") > 0:
                return "memory"
        if self.pids and _counter(self.pids / "pids.events", "max") > 0:
            return "processes"
        return None

    def kill(self) -> None:
        """Kill every process in it; a fork bomb as well."""
        for path in self._paths:
            _kill_all(path)

    async def remove(self) -> None:
        """Remove it, once its last process is gone. What cannot be removed is left to the next sweep."""
        for path in self._paths:
            await _remove(path)

    def discard(self) -> None:
        """Remove it while it is empty."""
        for path in self._paths:
            with contextlib.suppress(OSError):
                path.rmdir()


async def sweep(sandbox: str, directories: Iterable[Path]) -> None:
    """Kill and remove what crashed workers left of a sandbox's groups."""
    for directory in dict.fromkeys(directories):
        for path in directory.glob(f"{_prefix(sandbox)}*"):
            _kill_all(path)
            await _remove(path)


def _kill_all(path: Path) -> None:
    if _write_if_there(path / "cgroup.kill", 1):
        return
    _write_if_there(path / "pids.max", 0)  # no new ones while the old ones are being killed
    try:
        pids = [int(line) for line in (path / "cgroup.procs").read_text().split()]
    except OSError:
        return
    for pid in pids:
        try:
            handle = PidFd(pid)
        except OSError:
            continue
        # It may have ended and its number gone to another process since the list was read.
        if pid and str(pid) in _read(path / "cgroup.procs").split():
            handle.kill()
        handle.close()


async def _remove(path: Path) -> None:
    for pause in (0.0, 0.001, 0.005, 0.02, 0.1, 0.5, 1.0):
        if pause:
            await asyncio.sleep(pause)
            _kill_all(path)
        try:
            path.rmdir()
        except FileNotFoundError:
            return
        except OSError:
            continue
        return


def _counter(path: Path, key: str) -> int:
    for line in _read(path).splitlines():
        name, _, value = line.partition(" ")
        if name == key:
            return int(value)
    return 0


def _read(path: Path) -> str:
    try:
        return path.read_text()
    except OSError:
        return ""


def _write(path: Path, value: int) -> None:
    path.write_text(f"{value}\n")


def _write_if_there(path: Path, value: int) -> bool:
    try:
        _write(path, value)
    except OSError:
        return False
    return True
