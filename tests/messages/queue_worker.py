"""Processes that send and receive until they are killed; what they know for certain is in their own logs.

python queue_worker.py send DIR NAME LOG COUNT     COUNT messages, in order; begins where its log ends
python queue_worker.py receive DIR NAME LOG        until it is killed
python queue_worker.py once DIR CALL POINT         one call, killed at its POINT-th system call
"""

from __future__ import annotations

import asyncio
import fcntl
import os
import signal
import sys
from pathlib import Path
from types import FrameType
from typing import Any

from fabrik.messages.queue import Queue

LONG = 3600.0  # of a lease that is never to end by itself in a test


def note(log: Path, line: str) -> None:
    """One line, written at once."""
    with log.open("a", encoding="ascii") as file:
        file.write(line + "\n")


def lines(log: Path) -> list[str]:
    """Whole lines only: the last one may have been cut off by a kill."""
    if not log.exists():
        return []
    return [line for line in log.read_text("ascii").split("\n")[:-1] if line]


async def send(queue: Queue, name: str, log: Path, count: int) -> None:
    for number in range(len(lines(log)), count):
        await queue.send(sender=name, to=["inbox"], body=f"{number}", message_id=f"{name}-{number:05}")
        note(log, f"{name}-{number:05}")


async def receive(queue: Queue, log: Path) -> None:
    while True:
        got = await queue.receive("inbox", lease_seconds=LONG, wait_seconds=30, holder=os.getpid())
        if got is None:
            continue
        # The kernel drops this lock when we are killed: whoever fails to get it is a second taker at once.
        with (queue.directory.parent / f"held-{got.message.id}").open("w") as mark:
            try:
                fcntl.flock(mark, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                note(log, f"twice {got.message.id}")
                return
            note(log, f"got {got.message.id}")
            if queue.acknowledge(got.receipt):
                note(log, f"acked {got.message.id}")


class Killer:
    """Ends this process before the n-th system call that the queue's code makes."""

    def __init__(self, point: int) -> None:
        self.left = point

    def __call__(self, frame: FrameType, event: str, arg: Any) -> None:
        if event != "c_call" or getattr(arg, "__module__", None) not in ("posix", "fcntl"):
            return
        if "/fabrik/messages/" not in frame.f_code.co_filename:
            return
        self.left -= 1
        if self.left < 0:
            os.kill(os.getpid(), signal.SIGKILL)


async def once(queue: Queue, call: str, point: int) -> None:
    receipt = os.environ.get("RECEIPT", "")
    sys.setprofile(Killer(point))
    if call == "send":
        await queue.send(sender="builder", to=["inbox", "other"], body="again", message_id="again")
    elif call == "receive":
        await queue.receive("inbox", lease_seconds=LONG, holder=os.getpid())
    elif call == "ack":
        queue.acknowledge(receipt)
    sys.setprofile(None)


def main(call: str, directory: str, *rest: str) -> None:
    queue = Queue(Path(directory))
    if call == "send":
        asyncio.run(send(queue, rest[0], Path(rest[1]), int(rest[2])))
    elif call == "receive":
        asyncio.run(receive(queue, Path(rest[1])))
    else:
        asyncio.run(once(queue, rest[0], int(rest[1])))


if __name__ == "__main__":
    main(*sys.argv[1:])
