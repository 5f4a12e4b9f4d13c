"""`kill -9` at every point: nothing is lost, nothing is taken by two or acknowledged twice."""

from __future__ import annotations

import asyncio
import os
import random
import signal
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path

import pytest
from queue_worker import lines

from fabrik.messages.queue import Queue

WORKER = Path(__file__).with_name("queue_worker.py")
SENDERS, RECEIVERS, EACH, KILLS = 4, 3, 150, 40
PLACES = ("new", "taken", "done")


def start(*arguments: str, **env: str) -> subprocess.Popen[bytes]:
    return subprocess.Popen([sys.executable, str(WORKER), *arguments], env=os.environ | env)


def ids(queue: Queue, *places: str, inbox: str = "inbox") -> list[str]:
    return sorted(
        path.name.split("~")[0].removesuffix(".md").split(".")[3]
        for place in places
        for path in (queue.directory / inbox / place).glob("*.md")
    )


@pytest.mark.timeout(240)
def test_many_senders_and_receivers_that_are_killed(tmp_path: Path) -> None:
    queue = Queue(tmp_path / "talk")
    chance = random.Random(4)
    senders = {f"s{n}": tmp_path / f"s{n}.log" for n in range(SENDERS)}
    receivers = {f"r{n}": tmp_path / f"r{n}.log" for n in range(RECEIVERS)}
    running: dict[str, subprocess.Popen[bytes]] = {}

    def sent() -> int:
        return sum(len(lines(log)) for log in senders.values())

    def acked() -> set[str]:
        return {
            line.split()[1] for log in receivers.values() for line in lines(log) if line.startswith("acked")
        }

    def begin(name: str) -> None:
        if name in senders:
            running[name] = start("send", str(queue.directory), name, str(senders[name]), str(EACH))
        else:
            running[name] = start("receive", str(queue.directory), name, str(receivers[name]))

    try:
        for name in (*senders, *receivers):
            begin(name)
        killed, deadline, seen = 0, time.monotonic() + 200, -1
        while killed < KILLS and sent() < SENDERS * EACH:
            assert time.monotonic() < deadline
            if (now := sent() + len(acked())) == seen:  # between two kills something happens
                time.sleep(0.005)
                continue
            seen = now
            name = chance.choice([*senders, *receivers])
            running[name].send_signal(signal.SIGKILL)
            running[name].wait()
            killed += 1
            begin(name)
        while sent() < SENDERS * EACH or ids(queue, "new", "taken"):
            assert time.monotonic() < deadline, (sent(), ids(queue, "new", "taken"))
            time.sleep(0.05)
    finally:
        for process in running.values():
            process.kill()
            process.wait()

    assert killed == KILLS
    wanted = sorted(f"{name}-{number:05}" for name in senders for number in range(EACH))
    assert ids(queue, *PLACES) == wanted  # all of them, each in one place
    noted = [line for log in receivers.values() for line in lines(log)]
    assert [line for line in noted if line.startswith("twice")] == []
    assert [one for one, number in Counter(noted).items() if one.startswith("acked") and number > 1] == []
    assert list((queue.directory / "inbox" / "new").iterdir()) == []


def kills(call: str, directory: Path) -> int:
    """Kill the call at its first system call, its second, …, with a message more each time. Their number."""
    queue = Queue(directory)
    for point in range(500):
        receipt = ""
        asyncio.run(queue.send(sender="builder", to=["inbox"], body="x", message_id=f"p{point:03}"))
        if call == "ack":
            got = asyncio.run(queue.receive("inbox", lease_seconds=3600))
            assert got is not None
            receipt = got.receipt
        status = start("once", str(directory), call, str(point), RECEIPT=receipt).wait()
        if status == 0:
            return point
        assert status == -signal.SIGKILL
        # Every message is whole and in one place.
        assert ids(queue, *PLACES) == [f"p{n:03}" for n in range(point + 1)]
        for path in (directory / "inbox").glob("*/*.md"):
            assert path.read_text().startswith("from: builder\n") and path.read_text().endswith("\nx\n")
    raise AssertionError("it never came to its end")


@pytest.mark.timeout(240)
def test_a_first_send_that_is_killed_at_every_point(tmp_path: Path) -> None:
    """In a directory that is empty each time: what is half made is made whole by the next one."""
    for point in range(500):
        directory = tmp_path / f"talk{point}"
        status = start("once", str(directory), "send", str(point)).wait()
        if status == 0:
            break
        queue = Queue(directory)
        assert asyncio.run(queue.receive("nobody")) is None
        sent = asyncio.run(
            queue.send(sender="builder", to=["inbox", "other"], body="again", message_id="again")
        )
        assert sorted(sent.delivered + sent.before) == ["inbox", "other"]
        assert ids(queue, "new") == ids(queue, "new", inbox="other") == ["again"]
    assert point > 40


@pytest.mark.timeout(240)
def test_a_receive_that_is_killed_at_every_point(tmp_path: Path) -> None:
    points = kills("receive", tmp_path / "talk")
    assert points > 10
    queue = Queue(tmp_path / "talk")
    seen = []
    while (got := asyncio.run(queue.receive("inbox"))) is not None:
        seen.append(got.message.id)
        queue.acknowledge(got.receipt)
    left = ids(queue, "taken")  # by the last one, which was not killed and is gone all the same
    assert (seen, left) == ([f"p{n:03}" for n in range(points + 1)], [])


@pytest.mark.timeout(240)
def test_an_acknowledgement_that_is_killed_at_every_point(tmp_path: Path) -> None:
    points = kills("ack", tmp_path / "talk")
    assert points > 5
    queue = Queue(tmp_path / "talk")
    held = [path.name.removesuffix(".md") for path in (queue.directory / "inbox" / "taken").iterdir()]
    assert 0 < len(held) < points
    for name in held:
        assert queue.acknowledge(f"inbox/{name}")
    assert ids(queue, "done") == [f"p{n:03}" for n in range(points + 1)]
