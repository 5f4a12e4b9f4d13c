"""Which process is meant: a pid alone is given again, a pid with its start time and boot is not."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

_PROC = Path("/proc")


@dataclass(frozen=True, kw_only=True)
class ProcessIdentity:
    """One process for ever, not only a number."""

    boot: str  # /proc/sys/kernel/random/boot_id
    pid: int
    start: int  # clock ticks since boot: field 22 of /proc/<pid>/stat (proc(5))

    def lives(self) -> bool:
        """Whether that very process is there now."""
        return self.boot == _boot() and self.start == _start(self.pid)


def this_process() -> ProcessIdentity:
    pid = os.getpid()
    start = _start(pid)
    # Without /proc no process can be told from its successor: -1 never matches, so nobody is ever signalled.
    return ProcessIdentity(boot=_boot(), pid=pid, start=-1 if start is None else start)


def _boot() -> str:
    try:
        return (_PROC / "sys/kernel/random/boot_id").read_text("ascii").strip()
    except OSError:
        return ""


def _start(pid: int) -> int | None:
    try:
        stat = (_PROC / str(pid) / "stat").read_bytes()
    except OSError:
        return None
    # The name in the second field may hold spaces and brackets; the last bracket ends it. State is field 3.
    fields = stat[stat.rindex(b")") + 1 :].split()
    return None if fields[0] == b"Z" else int(fields[19])
