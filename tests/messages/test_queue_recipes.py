"""The shell recipes of the page messages, against the queue itself and behind walls."""

from __future__ import annotations

import asyncio
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from fabrik.errors import UsageError
from fabrik.messages.queue import Queue

DOCUMENT = (Path(__file__).parents[2] / "src/fabrik/manual/pages/messages.md").read_text()
Require = Callable[[str, Callable[[], str | None]], None]
RECIPES = dict(re.findall(r"```sh (\w+)\n(.*?)```", DOCUMENT, re.DOTALL))
[MAKE] = re.findall(r"`(mkdir -p [^`]+)`", DOCUMENT)


def shell(queue: Queue, *parts: str, status: int = 0) -> str:
    done = subprocess.run(
        ["sh", "-u", "-c", "\n".join(parts)],
        env=os.environ | {"Q": str(queue.directory)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == status, done.stderr
    return done.stdout


@pytest.fixture
def queue(tmp_path: Path) -> Queue:
    made = Queue(tmp_path / "talk")
    shell(made, MAKE)
    return made


def test_a_shell_sends_and_fabrik_receives(queue: Queue) -> None:
    assert set(RECIPES) == {"send", "receive", "ack"}
    shell(queue, RECIPES["send"])
    asyncio.run(queue.send(sender="planner", to=["reviewer"], body="later"))
    got = asyncio.run(queue.receive("reviewer"))
    assert got is not None
    message = got.message
    assert (message.sender, message.to, message.body) == ("builder", ("reviewer",), "Is 3f2a9c1d right?\n")
    assert message.at.startswith("20") and message.id.isdigit()
    assert queue.acknowledge(got.receipt)
    got = asyncio.run(queue.receive("reviewer"))
    assert got is not None and got.message.sender == "planner"


def test_fabrik_sends_and_a_shell_receives_and_acknowledges(queue: Queue) -> None:
    for body in ("first", "second"):
        asyncio.run(queue.send(sender="builder", to=["reviewer"], body=body, message_id=body))
    assert shell(queue, RECIPES["receive"]).endswith("\n\nfirst\n")
    got = asyncio.run(queue.receive("reviewer"))
    assert got is not None and got.message.body == "second\n"
    assert shell(queue, RECIPES["receive"], status=1) == ""
    assert (queue.directory / "reviewer" / "new").is_dir()
    [taken] = [
        path.name for path in (queue.directory / "reviewer" / "taken").iterdir() if "~" not in path.name
    ]
    shell(queue, f"m={taken}", RECIPES["ack"])
    sent = asyncio.run(queue.send(sender="builder", to=["reviewer"], body="x", message_id="first"))
    assert sent.before == ("reviewer",)


def test_what_a_shell_took_comes_back(queue: Queue, monkeypatch: pytest.MonkeyPatch) -> None:
    asyncio.run(queue.send(sender="builder", to=["reviewer"], body="x"))
    shell(queue, RECIPES["receive"])
    assert asyncio.run(queue.receive("reviewer")) is None
    monkeypatch.setattr("fabrik.messages.returning.DEFAULT_LEASE_SECONDS", -1)  # as if 10 minutes had passed
    got = asyncio.run(queue.receive("reviewer"))
    assert got is not None
    shell(queue, f"m={got.path.name.split('~')[0]}.md", RECIPES["ack"], status=1)  # too late
    assert queue.acknowledge(got.receipt)


def test_shells_and_fabrik_that_take_at_once_never_take_the_same(queue: Queue) -> None:
    async def send() -> None:
        for number in range(40):
            await queue.send(sender="builder", to=["reviewer"], body=f"{number}")

    asyncio.run(send())
    # A shell that lost its race, or finds an empty inbox, tries again until a time of nothing.
    loop = f"while ls {queue.directory}/reviewer/new | grep -q .; do\n{RECIPES['receive']}done\ntrue"

    def by_fabrik() -> list[str]:
        found = []
        while (got := asyncio.run(queue.receive("reviewer"))) is not None:
            found.append(got.message.body.strip())
        return found

    with ThreadPoolExecutor(4) as pool:
        shells = [pool.submit(shell, queue, loop) for _ in range(3)]
        ours = pool.submit(by_fabrik)
    shown = "".join(one.result() for one in shells)
    taken = [*ours.result(), *re.findall(r"\n\n(\d+)\n", shown)]
    assert sorted(taken, key=int) == [str(number) for number in range(40)]


def test_an_acknowledgement_after_the_lease_is_refused_to_who_lost_it(queue: Queue) -> None:
    asyncio.run(queue.send(sender="builder", to=["reviewer"], body="x"))
    got = asyncio.run(queue.receive("reviewer"))
    assert got is not None
    # A shell puts it back by hand, takes it and acknowledges it.
    stem = got.path.name.split("~")[0]
    shell(queue, f'mv "$Q/reviewer/taken/{got.path.name}" "$Q/reviewer/new/{stem}.md"')
    shell(queue, RECIPES["receive"], RECIPES["ack"])
    with pytest.raises(UsageError):
        queue.acknowledge(got.receipt)


def test_a_shell_in_a_namespace_of_its_own_takes_part(queue: Queue, require: Require) -> None:
    """As in a sandbox that somebody shows the directory to: other processes, other user, the same files."""
    walls = [
        "bwrap",
        "--unshare-all",
        "--ro-bind",
        "/",
        "/",
        "--dev",
        "/dev",
        "--proc",
        "/proc",
    ]
    walls += [
        "--bind",
        str(queue.directory),
        "/mnt",
        "--setenv",
        "Q",
        "/mnt",
        "--",
        "sh",
        "-u",
        "-c",
    ]

    def works() -> str | None:
        if shutil.which("bwrap") is None:
            return "bwrap is not installed"
        tried = subprocess.run([*walls, "true"], capture_output=True, text=True, check=False)
        return tried.stderr if tried.returncode else None

    require("bubblewrap", works)

    def inside(*parts: str) -> str:
        done = subprocess.run([*walls, "\n".join(parts)], capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
        return done.stdout

    asyncio.run(queue.send(sender="planner", to=["reviewer"], body="for the shell"))
    assert inside(RECIPES["receive"], RECIPES["ack"]).endswith("\n\nfor the shell\n")
    inside(RECIPES["send"])
    got = asyncio.run(queue.receive("reviewer"))
    assert got is not None and got.message.sender == "builder" and queue.acknowledge(got.receipt)
    # A holder in there cannot be seen from here: it is not taken for gone.
    program = (
        "import asyncio, os; from pathlib import Path; from fabrik.messages.queue import Queue; "
        "queue = Queue(Path('/mnt')); "
        "got = asyncio.run(queue.receive('reviewer', lease_seconds=3600, holder=os.getpid())); "
        "assert got is not None"
    )
    asyncio.run(queue.send(sender="planner", to=["reviewer"], body="held"))
    inside(f'{sys.executable} -c "{program}"')
    assert asyncio.run(queue.receive("reviewer")) is None
