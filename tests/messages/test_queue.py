"""What a queue promises, one process at a time."""

from __future__ import annotations

import asyncio
import fcntl
import os
import socket
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from fabrik.errors import FabrikError, UsageError
from fabrik.messages import names
from fabrik.messages.listing import listing
from fabrik.messages.queue import Bounds, Queue, Received, Sent


@pytest.fixture
def queue(tmp_path: Path) -> Queue:
    return Queue(tmp_path / "talk")


def send(
    queue: Queue, body: str = "hello", *, sender: str = "builder", to: str = "inbox", **more: str
) -> Sent:
    return asyncio.run(queue.send(sender=sender, to=to.split(","), body=body, **more))


def receive(
    queue: Queue, to: str = "inbox", *, lease: float = 600, holder: int | None = None
) -> Received | None:
    return asyncio.run(queue.receive(to, lease_seconds=lease, holder=holder))


def got(queue: Queue, to: str = "inbox") -> Received:
    found = receive(queue, to)
    assert found is not None
    return found


def files(queue: Queue, place: str, to: str = "inbox") -> list[str]:
    return sorted(path.name for path in (queue.directory / to / place).iterdir())


def wait_until(second: float) -> None:
    """Until the clock has passed a time that a lease names."""
    while time.time() <= second:
        time.sleep(0.02)


def test_what_is_sent_is_received_and_acknowledged_once(queue: Queue) -> None:
    sent = send(queue, "Is 3f2a9c1d right?\n\nThe tests pass.\n", to="inbox,other", re="the parser")
    assert (sent.delivered, sent.before, sent.made) == (("inbox", "other"), (), ("inbox", "other"))
    for inbox in ("inbox", "other"):
        found = got(queue, inbox)
        message = found.message
        assert (message.sender, message.to, message.re) == ("builder", ("inbox", "other"), "the parser")
        assert (message.id, message.body) == (sent.id, "Is 3f2a9c1d right?\n\nThe tests pass.\n")
        assert receive(queue, inbox) is None
        assert queue.acknowledge(found.receipt)
        assert not queue.acknowledge(found.receipt)  # whoever is not sure asks once more
        assert files(queue, "taken", inbox) == files(queue, "new", inbox) == files(queue, "tmp", inbox) == []


def test_cat_shows_a_message(queue: Queue) -> None:
    send(queue, "Look at it.", re="the parser", message_id="a-1")
    [path] = (queue.directory / "inbox" / "new").iterdir()
    at = path.name.split(".")[0]
    lines = path.read_text().split("\n")
    assert lines[:3] == ["from: builder", "to: inbox", "re: the parser"]
    assert lines[3].startswith(f"at: {at[:4]}-{at[4:6]}-{at[6:8]}T{at[9:11]}:")
    assert lines[4:] == ["id: a-1", "", "Look at it.", ""]
    assert path.name.endswith(".builder.a-1.md")
    assert path.stat().st_mode & 0o777 == 0o600


def test_the_oldest_comes_first_and_each_senders_order_holds(
    queue: Queue, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = time.time_ns()
    # The clock is set back by an hour between the two messages of each sender.
    for shift, (sender, body) in enumerate([("a", "1"), ("b", "1"), ("a", "2"), ("b", "2"), ("a", "3")]):
        monkeypatch.setattr(time, "time_ns", lambda shift=shift: now - shift * 3_600_000_000_000)
        send(queue, body, sender=sender)
    monkeypatch.undo()
    order = [
        (one.message.sender, one.message.body.strip()) for one in iter(lambda: receive(queue), None) if one
    ]
    assert [body for sender, body in order if sender == "a"] == ["1", "2", "3"]
    assert [body for sender, body in order if sender == "b"] == ["1", "2"]


def test_one_id_arrives_once_for_each_sender(queue: Queue) -> None:
    send(queue, "one", message_id="x")
    assert send(queue, "two", message_id="x").before == ("inbox",)
    assert send(queue, "other sender", sender="planner", message_id="x").delivered == ("inbox",)
    first = got(queue)
    assert send(queue, "while it is taken", message_id="x").before == ("inbox",)
    queue.acknowledge(first.receipt)
    again = send(queue, "after it is done", to="inbox,late", message_id="x")
    assert (again.before, again.delivered) == (("inbox",), ("late",))
    assert [got(queue).message.body, receive(queue)] == ["other sender\n", None]


def test_what_is_not_acknowledged_comes_back_to_its_old_place(queue: Queue) -> None:
    for body in ("1", "2", "3"):
        send(queue, body)
    first = receive(queue, lease=0.01)
    assert first is not None and first.message.body == "1\n"
    assert got(queue).message.body == "2\n"
    wait_until(first.until + 0.001)
    again = got(queue)
    assert again.message == first.message and again.receipt != first.receipt
    with pytest.raises(UsageError, match="holds no message any more"):
        queue.acknowledge(first.receipt)
    assert queue.acknowledge(again.receipt)
    with pytest.raises(UsageError, match="holds no message any more"):  # by another one is not by this one
        queue.acknowledge(first.receipt)


def test_a_late_acknowledgement_counts_while_nobody_else_has_it(queue: Queue) -> None:
    send(queue)
    found = receive(queue, lease=0.01)
    assert found is not None
    wait_until(found.until + 0.001)
    assert queue.acknowledge(found.receipt)
    assert receive(queue) is None


def test_it_comes_back_when_the_holder_is_gone(queue: Queue) -> None:
    send(queue)
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as holder:
        first = receive(queue, lease=3600, holder=holder.pid)
        assert first is not None
        assert receive(queue) is None
        holder.kill()
        deadline = time.monotonic() + 30
        while (again := receive(queue)) is None:  # also while it is a zombie that nobody has waited for
            assert time.monotonic() < deadline
    assert again.message == first.message


def test_a_process_of_another_namespace_is_never_taken_for_gone(queue: Queue) -> None:
    send(queue)
    first = receive(queue, lease=3600, holder=os.getpid())
    assert first is not None
    pid, start, space, boot = first.path.stem.partition("~")[2].split("-")[2:]
    for other in (f"1-{start}-{int(space, 16) + 1:x}-{boot}", f"1-{start}-{space}-{boot[::-1]}", "1-2"):
        text = first.path.stem.rsplit(f"-{pid}-", 1)[0] + f"-{other}.md"
        moved = first.path.with_name(text)
        first.path.rename(moved)
        assert receive(queue) is None
        moved.rename(first.path)
    first.path.rename(first.path.with_name(first.path.name.replace(f"-{pid}-{start}-", f"-{pid}-1-")))
    assert receive(queue) is not None  # the pid was given to another process


def test_nobody_holds_for_a_process_that_is_not_there(queue: Queue) -> None:
    send(queue)
    with pytest.raises(UsageError, match="no such process"):
        receive(queue, holder=2**22 + 1)
    assert len(files(queue, "new")) == 1


def test_waiting_ends_when_a_message_comes(queue: Queue) -> None:
    async def both() -> Received | None:
        waiting = asyncio.create_task(queue.receive("inbox", wait_seconds=60))
        await asyncio.sleep(0)
        await queue.send(sender="builder", to=["inbox"], body="now")
        return await waiting

    found = asyncio.run(both())
    assert found is not None and found.message.body == "now\n"
    assert asyncio.run(queue.receive("inbox", wait_seconds=0.02)) is None
    assert receive(queue, "nobody") is None
    assert not (queue.directory / "nobody").exists()  # looking makes nothing


@pytest.mark.parametrize(
    "name", ["", ".", "..", "../x", "a/b", "/etc", "a.b", "-a", "a b", "a\n", "ü", "x" * 33, "a\0b", "~"]
)
def test_names_that_could_lead_elsewhere_are_refused(queue: Queue, name: str) -> None:
    for bad in ({"sender": name}, {"to": [name]}, {"message_id": name}):
        if bad == {"message_id": "x" * 33}:
            continue
        fields: dict[str, Any] = {"sender": "a", "to": ["b"], "body": "x"} | bad
        with pytest.raises(UsageError):
            asyncio.run(queue.send(**fields))
    with pytest.raises(UsageError):
        receive(queue, name)
    for receipt in (f"{name}/x", f"inbox/../{name}", f"inbox/{name}/../../x"):
        with pytest.raises(UsageError):
            queue.acknowledge(receipt)
    assert not queue.directory.exists()


@pytest.mark.parametrize("text", ["two\nlines", "bell\x07", "x" * 201, "\x1b[31m", "a\u2028b"])
def test_a_header_is_one_line(queue: Queue, text: str) -> None:
    with pytest.raises(UsageError, match="one line"):
        send(queue, re=text)
    assert files(queue, "new") == files(queue, "tmp") == []


def test_bodies_that_cannot_be(queue: Queue) -> None:
    for body in ("", " \n\t", "a\0b", "\ud800", "ä" * (32 << 10) + "x"):
        with pytest.raises(UsageError):
            send(queue, body)
    assert not queue.directory.exists()
    send(queue, "ä" * (32 << 10))
    assert len(got(queue).message.body) == (32 << 10) + 1


def test_bodies_that_look_like_headers_stay_bodies(queue: Queue) -> None:
    send(queue, "from: somebody else\n\nid: 7")
    message = got(queue).message
    assert (message.sender, message.body) == ("builder", "from: somebody else\n\nid: 7\n")


def test_bounds(tmp_path: Path) -> None:
    queue = Queue(tmp_path, Bounds(waiting=2, done=2, inboxes=2, recipients=2))
    send(queue, message_id="a")
    send(queue, message_id="b")
    held = got(queue)  # what is taken waits, too
    with pytest.raises(FabrikError, match="2 messages wait here already"):
        send(queue, to="other,inbox")
    assert not (tmp_path / "other").exists()  # none for anybody, and no new inbox
    assert send(queue, message_id="b").before == ("inbox",)
    queue.acknowledge(held.receipt)
    for number in range(4):
        send(queue, message_id=f"n{number}")
        queue.acknowledge(got(queue).receipt)
    send(queue, message_id="last")
    assert len(files(queue, "done")) == 2
    send(queue, to="other")
    with pytest.raises(FabrikError, match="has 2 inboxes"):
        send(queue, to="third")
    with pytest.raises(UsageError, match="1 to 2 recipients"):
        send(queue, to="a,b,c")


def test_what_killed_senders_left_is_swept_a_day_later(queue: Queue) -> None:
    send(queue)
    tmp = queue.directory / "inbox" / "tmp"
    (tmp / "old.md").write_text("x")
    (tmp / "young.md").write_text("x")
    (tmp / "directory").mkdir()
    for name in ("old.md", "directory"):
        os.utime(tmp / name, (1, 1))
    send(queue)
    assert files(queue, "tmp") == ["directory", "young.md"]


def test_what_is_no_message_is_never_delivered_and_named(queue: Queue, tmp_path: Path) -> None:
    send(queue, "good", message_id="good")
    new = queue.directory / "inbox" / "new"
    secret = tmp_path / "secret"
    secret.write_text("secret")
    (new / "0-link.md").symlink_to(secret)
    (new / "0-directory.md").mkdir()
    os.mkfifo(new / "0-pipe.md")
    (new / "0-large.md").write_bytes(b"x" * (70 << 10))
    (new / "0 space.md").write_text("x")
    (new / "0-text.txt").write_text("x")
    (new / ".0-hidden.md").write_text("x")
    (new / ("0" * 200 + ".md")).write_text("x")
    (new / "0~20260231T000000Z-00000000.md").write_text("x")
    listening = socket.socket(socket.AF_UNIX)
    directory = os.open(new, os.O_RDONLY)
    listening.bind(f"/proc/self/fd/{directory}/0-socket.md")
    os.close(directory)
    listening.close()
    assert got(queue).message.id == "good"
    assert receive(queue) is None
    [found] = listing(queue.directory)
    assert len(found.others) == 10
    assert [one.message.id for one in found.messages] == ["good"]
    assert secret.read_text() == "secret"


@pytest.mark.parametrize("place", ["", "tmp", "new", "taken", "done"])
def test_no_symbolic_link_is_followed(queue: Queue, tmp_path: Path, place: str) -> None:
    """Whoever shares the directory puts a link in the place of a part of it."""
    send(queue, message_id="a")
    receipt = got(queue).receipt
    victim = tmp_path / "victim"
    for name in ("tmp", "new", "taken", "done"):
        (victim / name).mkdir(parents=True)
    (victim / "0-stolen.md").write_text("not a message")
    (victim / "new" / "0-stolen.md").write_text("not a message")
    target = queue.directory / "inbox" / place if place else queue.directory / "inbox"
    target.rename(tmp_path / "away")
    target.symlink_to(victim, target_is_directory=True)
    before = sorted(str(path) for path in victim.rglob("*"))
    for attempt in (lambda: send(queue), lambda: receive(queue), lambda: queue.acknowledge(receipt)):
        with pytest.raises(UsageError, match="symbolic link"):
            attempt()
    assert sorted(str(path) for path in victim.rglob("*")) == before


def test_a_link_in_the_place_of_the_lock_is_refused(queue: Queue, tmp_path: Path) -> None:
    send(queue)
    lock = queue.directory / "inbox" / "lock"
    lock.unlink()
    lock.symlink_to(tmp_path / "made")
    with pytest.raises(UsageError):
        send(queue)
    assert not (tmp_path / "made").exists()


def test_names_say_what_they_mean() -> None:
    at = 1_795_198_860_123_456_789
    text = names.stem(at, "builder-2", "a_b-c")
    assert text == "20261120T182100.123456789Z.builder-2.a_b-c"
    take = names.Take(until=1_795_199_460, word="9c0d11e2", holder="12-ab-f00-1f3a")
    read = names.read(f"{text}~{take}.md")
    assert read is not None
    assert (read[0].text, read[0].at, read[0].sender, read[0].id) == (text, at, "builder-2", "a_b-c")
    assert read[1] == take
    for bad in (
        f"{text}",
        f"{text}~x.md",
        f"{text}~.md",
        "~.md",
        ".md",
        "a/b.md",
        f"{text}~{take}~{take}.md",
    ):
        assert names.read(bad) is None
    longest = names.stem(at, "x" * 32, "y" * 64) + f"~{take}-{'f' * 40}.md"
    assert len(longest) <= 255 and names.read(longest) is not None


def test_many_who_send_the_same_at_once_send_it_once(tmp_path: Path) -> None:
    program = (
        "import asyncio, sys\nfrom pathlib import Path\nfrom fabrik.messages.queue import Queue\n"
        "input()\n"
        "queue = Queue(Path(sys.argv[1]))\n"
        "for n in range(20):\n"
        "    asyncio.run(queue.send(sender='a', to=['inbox', 'other'], body='x', message_id=f'm{n}'))\n"
    )
    started = [
        subprocess.Popen([sys.executable, "-c", program, str(tmp_path / "talk")], stdin=subprocess.PIPE)
        for _ in range(5)
    ]
    for process in started:  # all of them have come to the same line
        assert process.stdin is not None
        process.stdin.write(b"\n")
        process.stdin.close()
    assert [process.wait() for process in started] == [0] * 5
    queue = Queue(tmp_path / "talk")
    for inbox in ("inbox", "other"):
        ids = [name.split(".")[3] for name in files(queue, "new", inbox)]
        assert sorted(ids) == sorted(f"m{n}" for n in range(20))


def test_a_lock_that_is_held_for_ever_is_told(queue: Queue, monkeypatch: pytest.MonkeyPatch) -> None:
    send(queue)
    monkeypatch.setattr("fabrik.messages.inbox._LOCK_SECONDS", 0.05)
    with (queue.directory / "inbox" / "lock").open() as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        with pytest.raises(FabrikError, match="held the lock of this inbox"):
            send(queue)
        assert got(queue).message.body == "hello\n"  # whoever receives needs none
    send(queue)


def test_a_message_from_the_end_of_time_stops_nobody(queue: Queue) -> None:
    send(queue, "first")
    strange = queue.directory / "inbox/new/99991231T235959.999999999Z.builder.zzz.md"
    strange.write_text("x")
    send(queue, "second")
    bodies = [got(queue).message.body.strip() for _ in range(3)]
    assert bodies == ["first", "second", "x"]
