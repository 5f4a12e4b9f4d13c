"""Any executable as an agent: the promises of docs/command-agent.md, with real programs."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from agent_processes import Place, play

from fabrik.agents.agent import Ending
from fabrik.agents.command import Command
from fabrik.agents.environment import PLACEHOLDER_KEY
from fabrik.outcome import Cause

DOCUMENT = (Path(__file__).parents[2] / "docs/command-agent.md").read_text()


@pytest.fixture
def place(tmp_path: Path) -> Place:
    return Place(tmp_path)


def program(place: Place, text: str) -> dict[str, str]:
    path = place.root / "agent"
    path.write_text(text)
    path.chmod(0o755)
    return {"command": str(path)}


def test_prompt_place_and_variables(place: Place) -> None:
    options = program(place, "#!/bin/sh\ncat > prompt\nenv > environment\npwd > here\n")
    played = play(Command(), place, place.request(options, prompt="Do it – now.\n", model="some-model"))
    assert played.conclusion.cause is Cause.ENDED
    assert (place.workspace / "prompt").read_text() == "Do it – now.\n"
    assert Path((place.workspace / "here").read_text().strip()) == place.workspace.resolve()
    found = dict(line.split("=", 1) for line in (place.workspace / "environment").read_text().splitlines())
    expected = {
        "FABRIK_RUN": "01KRUN",
        "FABRIK_STEP": "task/1/implement#1",
        "FABRIK_ROLE": "implement",
        "FABRIK_REPORT": str(place.report),
        "FABRIK_MODEL": "some-model",
        "ANTHROPIC_BASE_URL": "http://127.0.0.1:1/anthropic",
        "OPENAI_BASE_URL": "http://127.0.0.1:1/openai/v1",
        "GOOGLE_GEMINI_BASE_URL": "http://127.0.0.1:1/gemini",
        "ANTHROPIC_API_KEY": PLACEHOLDER_KEY,
        "OPENAI_API_KEY": PLACEHOLDER_KEY,
        "GEMINI_API_KEY": PLACEHOLDER_KEY,
        "HOME": str(place.home),
    }
    assert {name: found.get(name) for name in expected} == expected


def test_every_variable_is_documented(place: Place) -> None:
    invocation = Command().invocation(place.request({"command": "/x"}, model="m"))
    assert [name for name in invocation.env if f"`{name}`" not in DOCUMENT] == []


def test_the_example_of_the_documentation_works(place: Place) -> None:
    example = DOCUMENT.split("```sh\n#!/bin/sh\n")[1].split("```")[0]
    options = program(place, "#!/bin/sh\n" + example)
    place.git("config", "user.name", "someone")
    place.git("config", "user.email", "someone@example.invalid")
    played = play(Command(), place, place.request(options))
    assert played.conclusion.cause is Cause.ENDED, played.stderr
    assert json.loads(place.report.read_text())["status"] == "done"
    assert place.git("log", "--format=%s").strip()


@pytest.mark.parametrize(
    "printed",
    ["all done", '{"type":"result","is_error":true,"api_error_status":429}', "\\377\\376", "COMPLETE\\0"],
)
def test_nothing_that_it_prints_counts(place: Place, printed: str) -> None:
    done = play(Command(), place, place.request(program(place, f"#!/bin/sh\nprintf '{printed}'\n")))
    assert done.conclusion.cause is Cause.ENDED
    assert not done.events
    failed = play(Command(), place, place.request(program(place, f"#!/bin/sh\nprintf '{printed}'\nexit 1\n")))
    assert failed.conclusion.cause is Cause.CRASHED


def test_statuses_and_signals(place: Place) -> None:
    crashed = play(Command(), place, place.request(program(place, "#!/bin/sh\necho why >&2\nexit 3\n")))
    assert (crashed.conclusion.cause, crashed.conclusion.detail) == (Cause.CRASHED, "exit status 3: why")
    killed = play(Command(), place, place.request(program(place, "#!/bin/sh\nkill -9 $$\n")))
    assert (killed.conclusion.cause, killed.conclusion.detail) == (Cause.CRASHED, "ended by SIGKILL")
    for status in (126, 127):
        ending = Ending(status=status, signal=None, stderr_tail="")
        assert Command().conclude(ending, ()).cause is Cause.NOT_STARTED


def test_a_prompt_that_nobody_reads(place: Place) -> None:
    options = program(place, "#!/bin/sh\nexec 0<&-\nexit 0\n")
    played = play(Command(), place, place.request(options, prompt="x" * (1 << 20)))
    assert played.conclusion.cause is Cause.ENDED
