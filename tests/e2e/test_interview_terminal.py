"""`fabrik spec interview` on a terminal: the live line, editing, pasting, Ctrl-C, and what is left."""

from __future__ import annotations

import fcntl
import os
import pty
import re
import select
import struct
import subprocess
import termios
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from cli_world import cli_world
from harness import PATIENCE, PROGRAM, World, wait_for
from interview_kit import PROPOSES, asks, hangs, prompt, script

from fabrik.outcome import ExitStatus
from fabrik.testing.model_server import HttpError, ModelServer, Script, Session, Text

PASTE = "\x1b[200~{}\x1b[201~"
ESCAPES = re.compile(r"\x1b\[[0-?]*[ -/]*[@-~]|\r")


class Terminal:
    """A command on a terminal of 90 columns."""

    def __init__(self, world: World, *args: str | Path) -> None:
        self.fd, other = pty.openpty()
        fcntl.ioctl(other, termios.TIOCSWINSZ, struct.pack("HHHH", 40, 90, 0, 0))
        self.before = termios.tcgetattr(other)
        self.seen = ""
        self.other = other

        def own() -> None:
            os.setsid()
            fcntl.ioctl(0, termios.TIOCSCTTY, 0)

        self.process = subprocess.Popen(
            [PROGRAM, *map(str, args)],
            env={**world.env(), "TERM": "xterm"},
            stdin=other,
            stdout=other,
            stderr=other,
            cwd=world.project,
            preexec_fn=own,
        )

    def until(self, text: str) -> str:
        """What is shown up to a text, without escape sequences; later calls go on after it."""
        deadline = time.monotonic() + PATIENCE
        while text not in (shown := ESCAPES.sub("", self.seen)):
            if time.monotonic() > deadline:
                raise AssertionError(f"never shown: {text!r} in {shown!r}")
            if select.select([self.fd], [], [], 0.1)[0]:
                try:
                    self.seen += os.read(self.fd, 65536).decode("utf-8", "replace")
                except OSError as error:
                    raise AssertionError(f"ended before {text!r}: {shown!r}") from error
        before, _, after = shown.partition(text)
        self.seen = after
        return before + text

    def type(self, text: str) -> None:
        os.write(self.fd, text.encode())

    def close(self) -> None:
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait()
        os.close(self.fd)
        os.close(self.other)


@pytest.fixture
def world(tmp_path: Path) -> World:
    made = World(tmp_path)
    made.make_project()
    return made


@pytest.fixture
def terminals() -> Iterator[list[Terminal]]:
    opened: list[Terminal] = []
    yield opened
    for one in opened:
        one.close()


def test_an_interview_on_a_terminal(world: World, terminals: list[Terminal]) -> None:
    agent = script(
        world,
        {
            "question#1": [{"run": "sleep 0.5"}, *asks("Who?", "Owners of the notes", "All")],
            "question#2": asks("What else?"),
            "question#3": asks("Anything?"),
            "question#4": [{"print": "{{prompt}}"}, *PROPOSES],
        },
    )
    terminal = Terminal(world, "spec", "interview", *agent)
    terminals.append(terminal)
    terminal.until("the agent prepares question 1")
    asked = terminal.until("\n> ")
    assert "Question 1 of at most 12\nWho?\n\n  1  Owners of the notes\n  2  All\n" in asked
    terminal.type("3\r")
    terminal.until("The options are 1 and 2.")
    terminal.until("> ")
    terminal.type("Al")
    terminal.type("\x1b[D")  # one to the left
    terminal.type("X\x7fl\x05 of us\r")  # a mistake, its correction, and on at the end
    terminal.until("What else?")
    terminal.until("> ")
    terminal.type(PASTE.format("line one\rline two") + "\r")
    terminal.until("Anything?")
    terminal.until("> ")
    terminal.type("no\\\rmore\r")
    terminal.until("Write it to specs/find-notes.md?")
    terminal.until("> ")
    terminal.type("yes\r")
    terminal.until("wrote specs/find-notes.md")
    terminal.until("fabrik run --spec specs/find-notes.md")
    assert terminal.process.wait(PATIENCE) == 0
    told = prompt(world, "question#4")
    assert "Answer: All of us" in told and "Answer: line one\n   line two" in told
    assert "Answer: no\n   more" in told
    assert termios.tcgetattr(terminal.other) == terminal.before


def test_ctrl_c_at_a_question_leaves_a_terminal_that_works(world: World, terminals: list[Terminal]) -> None:
    agent = script(world, {"question#1": asks("Who?"), "question#2": PROPOSES})
    terminal = Terminal(world, "spec", "interview", *agent)
    terminals.append(terminal)
    terminal.until("\n> ")
    terminal.type("half an ans")
    terminal.until("half an ans")
    terminal.type("\x03")
    terminal.until(f"fabrik spec interview --resume {world.last().id[-8:]}")
    assert terminal.process.wait(PATIENCE) == ExitStatus.INTERRUPTED
    assert termios.tcgetattr(terminal.other) == terminal.before
    wait_for(lambda: not world.leftovers(), "the end of every process")
    again = Terminal(world, "spec", "interview", "--resume", "last")
    terminals.append(again)
    assert "the agent" not in again.until("Who?")
    again.until("> ")
    again.type("\x04")
    again.until("What was said is kept.")
    assert again.process.wait(PATIENCE) == ExitStatus.STOPPED


def test_ctrl_c_while_the_agent_works(world: World, terminals: list[Terminal]) -> None:
    agent = script(world, {"question#1": [{"hang": True}]})
    terminal = Terminal(world, "spec", "interview", *agent)
    terminals.append(terminal)
    terminal.until("the agent prepares question 1")
    wait_for(lambda: hangs(world, "question#1"), "the agent at work")
    terminal.type("\x03")
    terminal.until("What was said is kept.")
    assert terminal.process.wait(PATIENCE) == ExitStatus.INTERRUPTED
    wait_for(lambda: not world.leftovers(), "the end of every process")
    script(world, {"question#1": PROPOSES})
    again = Terminal(world, "spec", "interview", "--resume", "last")
    terminals.append(again)
    again.until("Write it to")
    again.until("> ")
    again.type("yes\r")
    again.until("wrote specs/find-notes.md")
    assert again.process.wait(PATIENCE) == 0


def test_a_provider_that_asks_to_wait(tmp_path: Path, terminals: list[Terminal]) -> None:
    answers = (HttpError(status=429, resets_in=6, times=1), Text("Ready."))
    with cli_world(tmp_path) as world, ModelServer(Script(sessions=[Session(turns=answers)])) as server:
        world.connect(server)
        calls: list[Any] = [{"model": "Are you ready?"}, *PROPOSES]
        agent = script(world, {"question#1": calls, "question#1/retry#1": calls})
        terminal = Terminal(world, "spec", "interview", *agent)
        terminals.append(terminal)
        terminal.until("waits: the provider's rate limit was reached, until ")
        terminal.until("Write it to")
        terminal.until("> ")
        terminal.type("no\r")
        terminal.until("What was said is kept.")
        assert terminal.process.wait(PATIENCE) == ExitStatus.STOPPED
