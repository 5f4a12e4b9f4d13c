"""Real ledgers for the tests of the commands, written by the API that workers use; and the command itself.

The fixtures are handed to pytest by conftest.py.
"""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from fabrik.ledger.journal import Journal, StepContext
from fabrik.ledger.ownership import claim
from fabrik.ledger.store import Ledger
from fabrik.ledger.types import NewRun, TaskReport
from fabrik.ledger.ulid import new_run_id
from fabrik.outcome import Verdict
from fabrik.paths import Home
from fabrik.usage import ModelCall, Usage

COMMIT = "3f2a9c1d5e6b7a8090a1b2c3d4e5f60718293a4b"
BASE = "0123456789abcdef0123456789abcdef01234567"

KNOWN = Usage(
    input_tokens=1200,
    cache_read_tokens=34000,
    cache_write_tokens=0,
    output_tokens=560,
    reasoning_tokens=0,
    cost_usd=0.0421,
    calls=1,
)


@dataclass(frozen=True)
class Books:
    """A state directory with a ledger, and what tests do with it."""

    home: Home

    def dispatch(self, **changes: Any) -> str:
        """Record a new run; its id."""
        run_id = new_run_id()
        fields: dict[str, Any] = {
            "id": run_id,
            "spec_id": "0001-search",
            "spec_title": "Search in notes",
            "spec_path": "/projects/notes/specs/0001-search.md",
            "todo_path": None,
            "project": "/projects/notes",
            "repo_ref": None,
            "base_commit": BASE,
            "branch": "spec-0001-search",
            "agent": "claude",
            "model": None,
            "sandbox": "bubblewrap",
            "directory": str(self.home.run(run_id).directory),
            "unchecked": False,
        }
        with Ledger.open(self.home.ledger) as ledger:
            ledger.create_run(NewRun(**fields | changes))
        return run_id

    @contextmanager
    def owned(self, run_id: str) -> Iterator[Journal]:
        """Own the run as its worker does, and write its journal."""
        with (
            Ledger.open(self.home.ledger) as ledger,
            claim(ledger, run_id, self.home.run(run_id).lock) as own,
        ):
            yield Journal(ledger, own)

    def write(self, run_id: str, story: Callable[[Journal], Awaitable[None]]) -> None:
        """Be the run's worker for the length of one story."""

        async def tell() -> None:
            with self.owned(run_id) as journal:
                await story(journal)

        asyncio.run(tell())

    def finished(self, verdict: Verdict, reason: str | None = None, **changes: Any) -> str:
        """A run that has ended like this; its id."""
        run_id = self.dispatch(**changes)
        self.write(run_id, lambda journal: journal.finish(verdict, reason))
        return run_id

    def waiting(self, **changes: Any) -> str:
        """A run at its approval gate; its id."""
        run_id = self.dispatch(**changes)

        async def story(journal: Journal) -> None:
            await journal.set_candidate(COMMIT)
            await journal.open_gate(1, COMMIT, "2 checks passed in a fresh clone")

        self.write(run_id, story)
        return run_id


def call(number: int, step: str, usage: Usage = KNOWN, **changes: Any) -> ModelCall:
    """A model call that ended well."""
    fields: dict[str, Any] = {
        "id": number,
        "step": step,
        "protocol": "anthropic",
        "model": "claude-sonnet-4-5",
        "status": 200,
        "usage": usage,
        "price_table": "2026-11",
        "attempts": 1,
        "seconds": 2.5,
        "outcome": "ok",
    }
    return ModelCall(**fields | changes)


async def honest_story(journal: Journal) -> None:
    """One task, one failing check, a fix, a candidate and its proof; then the run waits for a human."""

    async def baseline(step: StepContext) -> bool:
        await step.event("check.failed", name="tests", seconds=0.31, status=1, tail="no such command")
        return True

    async def implement(step: StepContext) -> str:
        await step.event("session.started", agent="claude", role="implement", task="1", attempt=1)
        await step.event("session.said", text="I shall look at the code first.\nThen I write it.")
        await step.event("session.tool", name="Bash", summary="ls -la \x1b]0;owned\x07 src")
        await journal.call_started(1, step.key, "anthropic", "claude-sonnet-4-5")
        await journal.call_finished(call(1, step.key))
        await step.event("session.ended", cause="ended", seconds=12.4, detail="")
        return COMMIT

    async def checks(step: StepContext) -> bool:
        await step.event(
            "check.failed", name="tests", seconds=1.2, status=1, tail="FAIL: test_search\n\x1b[31mred\x1b[0m"
        )
        await step.event("check.passed", name="lint", seconds=0.2, status=0)
        return True

    async def report(step: StepContext) -> bool:
        step.record(
            TaskReport(task="1", step=step.key, status="done", commit=COMMIT, work=("Write the search",))
        )
        await step.event("task.accepted", task="1", commit=COMMIT, files=3)
        return True

    await journal.step("baseline", baseline, result=bool)
    await journal.set_progress("0/1 tasks")
    await journal.step("task/1/implement#1", implement, result=str)
    await journal.step("task/1/checks#1", checks, result=bool)
    await journal.step("task/1/report#1", report, result=bool)
    await journal.event("egress.refused", host="evil.example")
    await journal.event("something.new", colour="blue", n=3)
    await journal.set_progress("1/1 tasks")
    await journal.set_candidate(COMMIT)
    await journal.open_gate(1, COMMIT, "2 checks passed in a fresh clone")


Fabrik = Callable[..., subprocess.CompletedProcess[str]]


def command(*arguments: str) -> list[str]:
    """The argument list that starts the command."""
    return [sys.executable, "-c", "from fabrik.cli.entry import main; main()", *arguments]


@pytest.fixture
def books(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Books:
    """An empty state directory, also for the commands that the test starts."""
    home = tmp_path / "state"
    home.mkdir()
    monkeypatch.setenv("FABRIK_HOME", str(home))
    return Books(Home(home))


@pytest.fixture
def fabrik(books: Books) -> Fabrik:
    """Run the real command in a process of its own: fabrik("runs", "list")."""

    def run(*arguments: str, **changes: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            command(*arguments),
            env=os.environ | {"FABRIK_HOME": str(books.home.directory), "COLUMNS": "120"} | changes,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )

    return run
