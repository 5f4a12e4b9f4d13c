"""The process that holds a message: when it is gone, the message need not wait for its time to run out."""

from __future__ import annotations

import os
from pathlib import Path

from fabrik.errors import UsageError

_PROC = Path("/proc")


def holder(pid: int) -> str:
    """A process for ever, not only a number: pid, start time, pid namespace and boot, for a file's name.

    Empty where /proc does not say. Raises UsageError when there is no such process.
    """
    start = _start(pid)
    if start is None:
        raise UsageError("there is no such process", where=f"pid {pid}")
    space = _place(pid)
    return f"{pid:x}-{start:x}-{space}" if space else ""


def gone(held: str) -> bool:
    """True when that process is certainly gone; False also where it cannot be known from here.

    A process of another machine, boot or pid namespace (a sandbox has its own) cannot be seen: only the time
    ends its hold.
    """
    parts = held.split("-")
    if len(parts) != 4 or f"{parts[2]}-{parts[3]}" != _place(os.getpid()):
        return False
    return _start(int(parts[0], 16)) != int(parts[1], 16)


def _place(pid: int) -> str:
    try:
        space = (_PROC / str(pid) / "ns" / "pid").stat().st_ino
        boot = (_PROC / "sys/kernel/random/boot_id").read_text("ascii").replace("-", "")[:12]
    except OSError:
        return ""
    return f"{space:x}-{boot}"


def _start(pid: int) -> int | None:
    """Field 22 of /proc/<pid>/stat (proc(5)): clock ticks since boot. None: gone, or only a zombie."""
    try:
        stat = (_PROC / str(pid) / "stat").read_bytes()
    except OSError:
        return None
    # The name in the second field may hold spaces and brackets; the last bracket ends it. State is field 3.
    fields = stat[stat.rindex(b")") + 1 :].split()
    return None if fields[0] in (b"Z", b"X") else int(fields[19])
