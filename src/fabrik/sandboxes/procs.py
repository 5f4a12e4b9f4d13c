"""What /proc says: the processes below one, what they use, and those that carry a sandbox's mark."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

from fabrik.sandboxes.pidfd import PidFd

MARK = "FABRIK_SANDBOX"  # in the environment of everything that runs for a sandbox: its name


@dataclass(frozen=True, kw_only=True)
class Use:
    """What a tree of processes uses."""

    memory_bytes: int
    processes: int


def everybody() -> list[int]:
    """The numbers of all processes that can be seen."""
    with os.scandir("/proc") as entries:
        return [int(entry.name) for entry in entries if entry.name.isdigit()]


def tree(root: int) -> list[int]:
    """A process and all its descendants."""
    children: dict[int, list[int]] = {}
    for pid in everybody():
        if (parent := parent_of(pid)) is not None:
            children.setdefault(parent, []).append(pid)
    found, todo = [root], [root]
    while todo:
        below = children.get(todo.pop(), [])
        found += below
        todo += below
    return found


def parent_of(pid: int) -> int | None:
    """The parent's number, or None when the process is gone."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_bytes()
    except OSError:
        return None
    return int(stat.rpartition(b")")[2].split()[1])


def use(root: int, limit_bytes: int | None) -> Use:
    """Memory and number of the processes below and with `root`.

    The quick sum counts shared pages once per process; only when it exceeds the limit are they counted right.
    """
    pids = tree(root)
    memory = sum(_resident(pid) for pid in pids)
    if limit_bytes is not None and memory > limit_bytes:
        memory = sum(_proportional(pid) for pid in pids)
    return Use(memory_bytes=memory, processes=len(pids))


def _resident(pid: int) -> int:
    try:
        return int(Path(f"/proc/{pid}/statm").read_bytes().split()[1]) * os.sysconf("SC_PAGE_SIZE")
    except (OSError, IndexError):
        return 0


def _proportional(pid: int) -> int:
    try:
        for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines():
            if line.startswith("Pss:"):
                return int(line.split()[1]) * 1024
    except OSError:
        pass  # not ours to look into: the quick number has to do
    return _resident(pid)


def marked(sandbox: str) -> list[int]:
    """The processes that carry the mark of a sandbox, except this one and its ancestors."""
    wanted = f"{MARK}={sandbox}".encode()
    spared = {os.getpid()}
    above = parent_of(os.getpid())
    while above:
        spared.add(above)
        above = parent_of(above)
    return [pid for pid in everybody() if pid not in spared and wanted in _environment(pid)]


def _environment(pid: int) -> list[bytes]:
    try:
        return Path(f"/proc/{pid}/environ").read_bytes().split(b"\0")
    except OSError:
        return []


def kill_marked(sandbox: str) -> int:
    """Kill the processes that carry the mark. Returns how many there were."""
    wanted = f"{MARK}={sandbox}".encode()
    killed = 0
    for pid in marked(sandbox):
        try:
            handle = PidFd(pid)
        except OSError:
            continue
        # Looked at again through the handle's process: its number may have been given to another.
        if wanted in _environment(pid):
            handle.kill()
            killed += 1
        handle.close()
    return killed
