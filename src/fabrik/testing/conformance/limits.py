"""Bounds, and that nothing outlives a command, however it ends."""

# ruff: noqa: S101 - a failed assertion is a case's answer
from __future__ import annotations

import asyncio

from fabrik.sandboxes.sandbox import Limits, Sandbox
from fabrik.testing.conformance.harness import Case, Harness, alive, token

# A child, a daemon in a session of its own, and one whose parent is gone: each deaf to SIGTERM.
_FAMILY = """
import os, signal, sys, time
signal.signal(signal.SIGTERM, signal.SIG_IGN)
mark = sys.argv[1]
def sleeper():
    os.execvp("sleep", ["sleep", mark])
if os.fork() == 0:
    sleeper()
if os.fork() == 0:
    os.setsid()
    sleeper()
if os.fork() == 0:
    if os.fork() == 0:
        os.setsid()
        if os.fork() == 0:
            sleeper()
    os._exit(0)
os.wait()
"""
_STAY = _FAMILY + 'open("new", "w").write("x"); os.rename("new", "ready")\ntime.sleep(1000)\n'
_MEMORY = """
import time
held = []
while True:
    held.append(bytearray(b"x" * (8 << 20)))
    time.sleep(0.01)
"""
_BOMB = """
import os, time
while True:
    try:
        if os.fork() == 0:
            time.sleep(1000)
    except OSError:
        time.sleep(0.05)
"""
_FILES = """
import time
for number in range(400):
    open(f"file-{number}", "wb").write(b"x" * (1 << 20))
time.sleep(1000)
"""


async def _begin(h: Harness, box: Sandbox, mark: str, **more: object) -> asyncio.Task[object]:
    task: asyncio.Task[object] = asyncio.create_task(h.python(box, _STAY, mark, **more))
    await h.until_file(box, "ready")

    async def all_up() -> bool:
        # The program itself has the mark in its command line, too.
        return len(alive(mark)) >= 4

    await h.until("the whole family", all_up)
    return task


async def time_limit_ends_everything(h: Harness) -> None:
    box, mark = await h.box(), token()
    ran = await h.python(box, _STAY, mark, limits=Limits(seconds=3.0))
    assert ran.end.stopped_by == "time" and ran.end.status is None and not ran.end.ok
    assert await box.read_file("ready", 1) == b"x"
    assert alive(mark) == []


async def normal_end_leaves_no_daemon(h: Harness) -> None:
    box, mark = await h.box(), token()
    ran = await h.python(box, _FAMILY + "time.sleep(0.2)\n", mark)
    assert ran.fine().end.stopped_by is None
    assert alive(mark) == []


async def daemon_that_holds_the_output_does_not_hold_up_the_end(h: Harness) -> None:
    box, mark = await h.box(), token()
    ran = await h.sh(box, f"sleep {mark} & echo done")
    assert ran.fine().text == "done"
    assert alive(mark) == []


async def cancelling_ends_everything(h: Harness) -> None:
    box, mark = await h.box(), token()
    task = await _begin(h, box, mark)
    task.cancel()
    await asyncio.wait({task})
    assert task.cancelled()
    assert alive(mark) == []
    assert (await h.sh(box, "echo again")).fine().text == "again"


async def closing_ends_everything(h: Harness) -> None:
    box, mark = await h.box(), token()
    task = await _begin(h, box, mark)
    await box.close()
    assert alive(mark) == []
    await asyncio.wait({task})
    assert await box.read_file("ready", 1) == b"x"


async def output_limit(h: Harness) -> None:
    box = await h.box()
    ran = await h.sh(box, "yes", limits=Limits(output_bytes=1 << 20, seconds=60.0))
    assert ran.end.stopped_by == "output" and not ran.end.ok
    assert ran.end.output_bytes >= 1 << 20


async def output_limit_counts_both_streams(h: Harness) -> None:
    box = await h.box()
    script = "head -c 700000 /dev/zero; head -c 700000 /dev/zero >&2; sleep 1000"
    ran = await h.sh(box, script, limits=Limits(output_bytes=1 << 20, seconds=60.0))
    assert ran.end.stopped_by == "output"


async def memory_limit(h: Harness) -> None:
    box = await h.box()
    limits = Limits(memory_bytes=192 << 20, seconds=60.0)
    assert (await h.python(box, _MEMORY, limits=limits)).end.stopped_by == "memory"


async def memory_limit_counts_children(h: Harness) -> None:
    box = await h.box()
    program = (
        "import os, time\nfor _ in range(6):\n    if os.fork() == 0:\n"
        "        held = bytearray(b'x' * (64 << 20)); time.sleep(1000)\ntime.sleep(1000)"
    )
    limits = Limits(memory_bytes=256 << 20, seconds=60.0)
    assert (await h.python(box, program, limits=limits)).end.stopped_by == "memory"


async def process_limit_stops_a_fork_bomb(h: Harness) -> None:
    box, mark = await h.box(), token()
    limits = Limits(processes=40, seconds=60.0)
    assert (await h.python(box, _BOMB, mark, limits=limits)).end.stopped_by == "processes"
    assert alive(mark) == []


async def disk_limit(h: Harness) -> None:
    box = await h.box()
    limits = Limits(disk_bytes=64 << 20, seconds=60.0)
    assert (await h.python(box, _FILES, limits=limits)).end.stopped_by == "disk"


async def disk_limit_on_one_file(h: Harness) -> None:
    box = await h.box()
    limits = Limits(disk_bytes=32 << 20, output_bytes=1 << 20, seconds=60.0)
    ran = await h.sh(box, "cat /dev/zero > large", limits=limits)
    assert ran.end.stopped_by == "disk"


async def work_within_the_limits_is_left_alone(h: Harness) -> None:
    box = await h.box()
    limits = Limits(
        seconds=60.0, memory_bytes=512 << 20, processes=64, output_bytes=1 << 20, disk_bytes=64 << 20
    )
    script = "for n in 1 2 3 4 5 6 7 8; do (head -c 1000000 /dev/zero > f$n) & done; wait; echo fine"
    for _ in range(3):
        assert (await h.sh(box, script, limits=limits)).fine().text == "fine"


CASES: list[Case] = [
    time_limit_ends_everything,
    normal_end_leaves_no_daemon,
    daemon_that_holds_the_output_does_not_hold_up_the_end,
    cancelling_ends_everything,
    closing_ends_everything,
    output_limit,
    output_limit_counts_both_streams,
    memory_limit,
    memory_limit_counts_children,
    process_limit_stops_a_fork_bomb,
    disk_limit,
    disk_limit_on_one_file,
    work_within_the_limits_is_left_alone,
]
