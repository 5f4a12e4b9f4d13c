"""The real CLIs asked for documents: they interview a person and plan tasks, and change no project."""

from __future__ import annotations

import json
import shlex
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from cli_world import CLIS, Cli, CliWorld, Require, cli_world, installed
from harness import git
from interview_kit import SPEC, command

from fabrik.specs.read import load
from fabrik.testing.model_server import ModelServer, Script, Session, Shell, Text

TASK = {
    "id": "find",
    "do": "Notes are found.",
    "verify": "Milk is found.",
    "covers": [1, 2],
    "tests": ["milk is found", "nothing is found: exit status 1"],
}
PLAN = {"v": 1, "tdd": True, "tasks": [TASK]}
every_cli = pytest.mark.parametrize("name", list(CLIS))


@pytest.fixture
def world(tmp_path: Path) -> Iterator[CliWorld]:
    with cli_world(tmp_path, {"README.md": "# notes of Ada\n"}) as made:
        yield made


def reports(document: dict[str, Any], *before: str) -> tuple[Shell | Text, ...]:
    """Turns that run these commands and write the report."""
    write = f'printf %s {shlex.quote(json.dumps(document))} > "$FABRIK_REPORT"'
    return (*map(Shell, before), Shell(write), Text("The report is written."))


SCRIPT = Script(
    sessions=(
        Session(
            match='find-notes": number 1 of',
            turns=reports(
                {"v": 1, "question": "Who searches?", "options": ["Owners", "All"]},
                "cat /workspace/README.md; cd /workspace; echo no > README.md; touch new; echo TRIED",
            ),
        ),
        Session(match='find-notes": number 2 of', turns=reports({"v": 1, "spec": dict(SPEC)})),
        Session(match='# Take "Find notes by their text" apart', turns=reports(PLAN)),
    )
)


def options(cli: Cli) -> list[str]:
    return ["--agent", cli.name, *(("--model", cli.option) if cli.option else ())]


@every_cli
def test_an_interview_and_a_plan(name: str, world: CliWorld, require: Require) -> None:
    cli = installed(name, require)
    with ModelServer(SCRIPT, key=world.canary.key) as server:
        world.connect(server)
        said = command(world, "spec", "interview", "find-notes", *options(cli), typed="2\nyes\n").stdout
        seen = json.dumps([call.body for call in server.calls])
        usage = world.usage("question#1")
        spec = world.project / "specs" / "find-notes.md"
        planned = command(world, "todo", "generate", spec, *options(cli)).stdout
    assert "Question 1 of at most 12\nWho searches?" in said and "wrote specs/find-notes.md" in said
    assert "# notes of Ada" in seen and "TRIED" in seen and "Answer: All" in seen
    assert usage.calls == 3 and usage.output_tokens
    assert "1 task, 2 required tests; all 2 criteria are covered" in planned
    todo = load(spec).todo
    assert todo is not None and [task.id for task in todo.tasks] == ["find"]
    assert git("status", "--porcelain", cwd=world.project) == "?? specs/"
    world.assert_clean()
