"""Following runs: what is shown, when it ends, and what Ctrl-C does."""

from __future__ import annotations

import asyncio
import json
import os
import pty
import select
import signal
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest
from ledgers import COMMIT, Books, Fabrik, command, honest_story

from fabrik.ledger.journal import Journal
from fabrik.ledger.store import Ledger
from fabrik.outcome import EXIT_OF_VERDICT, Verdict

PATIENCE = 60.0  # seconds until a condition that is waited for counts as never met


def wait_for(condition: Callable[[], object], what: str) -> None:
    deadline = time.monotonic() + PATIENCE
    while not condition():
        assert time.monotonic() < deadline, f"never happened: {what}"
        time.sleep(0.02)


@contextmanager
def attached(
    run_id: str, *options: str, tty: bool = False
) -> Iterator[tuple[subprocess.Popen[bytes], bytearray]]:
    """`fabrik run attach` in a process of its own, and what it has printed so far."""
    ours, theirs = pty.openpty() if tty else os.pipe()
    environment = os.environ | {"TERM": "xterm", "COLUMNS": "100"}
    environment.pop("NO_COLOR", None)
    process = subprocess.Popen(
        command("run", "attach", run_id, *options),
        stdin=subprocess.DEVNULL,
        stdout=theirs,
        stderr=theirs,
        env=environment,
    )
    os.close(theirs)
    printed = bytearray()

    def drain() -> None:
        try:
            while block := os.read(ours, 65536):
                printed.extend(block)
        except OSError:
            pass  # a terminal whose other end was closed

    reader = threading.Thread(target=drain)
    reader.start()
    try:
        yield process, printed
    finally:
        process.kill()
        process.wait()
        reader.join(PATIENCE)
        os.close(ours)


def test_attach_tells_the_story_and_ends_at_the_gate(books: Books, fabrik: Fabrik) -> None:
    run_id = books.dispatch()
    books.write(run_id, honest_story)
    done = fabrik("run", "attach", run_id)
    assert done.returncode == 3
    told = [line.split(None, 1)[1] for line in done.stdout.splitlines() if line[:2].isdigit()]
    assert [" ".join(line.split()) for line in told] == [
        "▶ dispatched · 0001-search · claude · from 0123456789",
        "baseline ○ tests · fails before the work, as it should",
        "task/1/implement#1 ▸ claude implements · task 1",
        "task/1/implement#1 “ I shall look at the code first. Then I write it.",
        "task/1/implement#1 $ Bash ls -la src",
        "task/1/implement#1 ▪ session ended · 12 s · so far $0.04",
        "task/1/checks#1 ○ tests · still fails",
        "task/1/checks#1 ✓ lint · 0.2 s",
        "task/1/report#1 ✓ task 1 accepted · 3f2a9c1d5e · 3 files changed",
        "⊘ refused: a connection to evil.example (the project does not allow it)",
        "· something.new colour=blue n=3",
        "‖ waits for a human · 2 checks passed in a fresh clone",
    ]
    assert f"fabrik approve {run_id[-8:]}" in done.stdout
    assert "\x1b" not in done.stdout


@pytest.mark.parametrize("verdict", list(Verdict))
def test_the_exit_status_is_that_of_the_verdict(books: Books, fabrik: Fabrik, verdict: Verdict) -> None:
    run_id = books.finished(verdict, None if verdict is Verdict.SHIPPED else "the reason")
    done = fabrik("run", "attach", run_id)
    assert done.returncode == EXIT_OF_VERDICT[verdict]
    assert f"{verdict.value}  0001-search" in done.stdout
    if verdict is not Verdict.SHIPPED:
        assert "the reason" in done.stdout


def test_json_is_one_object_a_line_and_the_run_is_last(books: Books, fabrik: Fabrik) -> None:
    run_id = books.dispatch()
    books.write(run_id, honest_story)
    *events, last = [
        json.loads(line) for line in fabrik("run", "attach", run_id, "--json").stdout.splitlines()
    ]
    assert [event["seq"] for event in events] == sorted(event["seq"] for event in events)
    assert "\x1b" in next(e for e in events if e["kind"] == "session.tool")["data"]["summary"]
    assert last["run"]["state"] == "waiting"


def test_only_the_newest_events_unless_asked_for(books: Books, fabrik: Fabrik) -> None:
    run_id = books.dispatch()

    async def story(journal: Journal) -> None:
        for number in range(100):
            await journal.event("warning", text=f"number {number}.")
        await journal.finish(Verdict.SHIPPED, None)

    books.write(run_id, story)
    done = fabrik("run", "attach", run_id)
    assert "number 3." not in done.stdout
    assert "number 99." in done.stdout
    assert "earlier events: --from-start" in done.stdout
    assert "number 3." in fabrik("run", "attach", run_id, "--from-start").stdout


def test_a_living_run_is_followed_until_it_ends(books: Books) -> None:
    run_id = books.dispatch()
    with books.owned(run_id) as journal, attached(run_id) as (process, printed):
        asyncio.run(journal.event("warning", text="first news"))
        wait_for(lambda: b"first news" in printed, "the first event is shown")
        assert process.poll() is None
        asyncio.run(journal.event("warning", text="second news"))
        wait_for(lambda: b"second news" in printed, "the second event is shown")
        asyncio.run(journal.finish(Verdict.BLOCKED, "a question"))
        journal._ownership.release()
        assert process.wait(PATIENCE) == 4
    assert printed.count(b"first news") == 1
    assert b"blocked: a question" in printed


def test_a_run_that_loses_its_worker_is_reported(books: Books) -> None:
    run_id = books.dispatch()
    with books.owned(run_id) as journal, attached(run_id) as (process, printed):
        asyncio.run(journal.event("warning", text="alive"))
        wait_for(lambda: b"alive" in printed, "the event is shown")
        journal._ownership.release()
        assert process.wait(PATIENCE) == 1
    assert b"lost its worker" in printed
    assert b"fabrik run resume " + run_id[-8:].encode() in printed


def test_ctrl_c_leaves_the_run_at_work_and_says_how_to_come_back(books: Books) -> None:
    run_id = books.dispatch()
    with books.owned(run_id) as journal, attached(run_id) as (process, printed):
        asyncio.run(journal.event("warning", text="alive"))
        wait_for(lambda: b"alive" in printed, "the event is shown")
        process.send_signal(signal.SIGINT)
        assert process.wait(PATIENCE) == 130
        wait_for(lambda: b"fabrik run cancel" in printed, "the way back is told")
        with Ledger.open(books.home.ledger) as ledger:
            assert ledger.find_run(run_id).alive
    for way in (b"fabrik run attach", b"fabrik runs show", b"fabrik run cancel"):
        assert way + b" " + run_id[-8:].encode() in printed
    assert b"Traceback" not in printed


def test_a_terminal_gets_colours_and_a_live_line(books: Books) -> None:
    run_id = books.dispatch()
    with books.owned(run_id) as journal, attached(run_id, tty=True) as (process, printed):

        async def work(step: object) -> bool:
            await asyncio.to_thread(wait_for, lambda: "⠹ task/1".encode() in printed, "the spinner turns")
            return True

        asyncio.run(journal.step("task/1/implement#1", work, result=bool))
        asyncio.run(journal.finish(Verdict.SHIPPED, None))
        journal._ownership.release()
        assert process.wait(PATIENCE) == 0
        wait_for(lambda: b"shipped" in printed, "the summary is shown")
    assert b"\x1b[32m" in printed
    assert b"\r\x1b[K" in printed


def test_no_colour_where_none_is_wanted(books: Books, monkeypatch: pytest.MonkeyPatch) -> None:
    run_id = books.finished(Verdict.SHIPPED)
    ours, theirs = pty.openpty()
    process = subprocess.Popen(
        command("runs", "list"),
        stdout=theirs,
        stdin=subprocess.DEVNULL,
        env=os.environ | {"NO_COLOR": "1", "TERM": "xterm"},
    )
    os.close(theirs)
    printed = b""
    try:
        while select.select([ours], [], [], PATIENCE)[0] and (block := os.read(ours, 65536)):
            printed += block
    except OSError:
        pass
    process.wait()
    os.close(ours)
    assert run_id[-8:].encode() in printed
    assert b"\x1b" not in printed


def test_watching_all_ends_when_none_is_left(books: Books) -> None:
    first, second = books.dispatch(), books.dispatch(spec_id="0002")
    with books.owned(first) as one, books.owned(second) as two:
        process = subprocess.Popen(
            command("runs", "watch"),
            stdout=subprocess.PIPE,
            stdin=subprocess.DEVNULL,
            env=os.environ,
            text=True,
        )
        with process:
            assert process.stdout is not None
            ticking = threading.Event()

            def tell() -> None:  # watch shows what happens from its start on: tell until it has started
                while not ticking.wait(0.05):
                    asyncio.run(one.event("warning", text="news of one"))
                    asyncio.run(two.event("warning", text="news of two"))

            teller = threading.Thread(target=tell)
            teller.start()
            seen = ""
            while not ("of one" in seen and "of two" in seen):
                seen += process.stdout.readline()
            ticking.set()
            teller.join()
            asyncio.run(one.finish(Verdict.SHIPPED, None))
            asyncio.run(two.finish(Verdict.SHIPPED, None))
            rest = process.stdout.read()
        assert process.returncode == 0
    told = (seen + rest).splitlines()
    assert all(first[-8:] in line for line in told if "news of one" in line)
    assert sum("■ shipped" in line for line in told) == 2


def test_there_is_nothing_to_decide_before_the_gate_is_open(books: Books, fabrik: Fabrik) -> None:
    run_id = books.dispatch()
    done = fabrik("approve", run_id)
    assert done.returncode == 2
    assert "nothing waits for a decision: the run is interrupted" in done.stderr


def test_a_decision_is_in_the_ledger_before_the_worker_starts(books: Books, fabrik: Fabrik) -> None:
    run_id = books.waiting()
    with books.owned(run_id):  # somebody else has the run: this command can only decide
        done = fabrik("reject", run_id, "--notes", "no tests")
    assert done.returncode != 0
    with Ledger.open(books.home.ledger) as ledger:
        gate = ledger.gates(run_id)[0]
    assert (gate.state, gate.notes, gate.candidate) == ("rejected", "no tests", COMMIT)
