"""What the tests of interviews and plans share: scripts of agents that ask and answer, and the command."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from harness import PROGRAM, World

from fabrik.ledger.store import Ledger

SPEC: Mapping[str, Any] = {
    "id": "find-notes",
    "title": "Find notes by their text",
    "goals": ["people find a note by a word in it"],
    "req": {"behavior": ["`notes find WORD` prints one line for each note"]},
    "accept": ["`notes find milk` prints the note with milk", "without a match it ends with 1"],
    "checks": [{"name": "tests", "run": "python3 -m pytest -q tests/test_find.py"}],
}
PROPOSES = [{"report": {"v": 1, "spec": SPEC}}]


def asks(question: str, *options: str, **more: Any) -> list[dict[str, Any]]:
    """A session that shows its prompt in its transcript and asks."""
    report = {"v": 1, "question": question, "options": list(options)} | more
    return [{"print": "{{prompt}}"}, {"report": report}]


def script(world: World, sessions: Mapping[str, Iterable[Mapping[str, Any]]]) -> list[str | Path]:
    """Write a script; the options of the agent that plays it."""
    path = world.directory / "script.json"
    path.write_text(json.dumps({"v": 1, "sessions": {key: list(steps) for key, steps in sessions.items()}}))
    return ["--agent", "scripted", "--agent-script", path]


def command(
    world: World, *args: str | Path, typed: str = "", status: int | None = 0, at: Path | None = None
) -> subprocess.CompletedProcess[str]:
    """Run fabrik in the project, with this on its standard input."""
    done = subprocess.run(
        [PROGRAM, *map(str, args)],
        env=world.env(),
        input=typed,
        capture_output=True,
        text=True,
        cwd=at or world.project,
        timeout=280,
    )
    assert status in (None, done.returncode), f"exit {done.returncode}\n{done.stdout}\n{done.stderr}"
    return done


def prompt(world: World, step: str, start: int = 1) -> str:
    """What the agent was told in a step, from its transcript."""
    with Ledger.open(world.home / "ledger.db") as ledger:
        run = ledger.find_run("last")
    (log,) = Path(run.directory).glob(f"logs/{step.replace('/', '.')}/{start}/stdout.log")
    return log.read_text()


def hangs(world: World, step: str) -> bool:
    """Whether the agent of a step has come to where its script hangs."""
    logs = list(world.home.glob(f"runs/*/logs/{step}/*/stdout.log"))
    return any("hanging" in log.read_text() for log in logs)


def steps(world: World) -> dict[str, int]:
    """The steps of the last run and how often each was started."""
    with Ledger.open(world.home / "ledger.db") as ledger:
        return {step.key: step.attempt for step in ledger.steps(ledger.find_run("last").id)}
