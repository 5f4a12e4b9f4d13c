"""Any executable as an agent: the promises of the page command-agent, with real programs."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from agent_processes import Place, play

from fabrik.agents.agent import Ending
from fabrik.agents.command import Command
from fabrik.agents.environment import PLACEHOLDER_KEY
from fabrik.outcome import Cause

ROOT = Path(__file__).parents[2]
DOCUMENT = (ROOT / "src/fabrik/manual/pages/command-agent.md").read_text()
PROMPT_OF_THE_VERIFIER = (ROOT / "src/fabrik/prompts/verify.md").read_text()


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
    invocation = Command().invocation(place.request({"command": "/x"}, model="m", role="review"))
    assert "FABRIK_COMMIT" in invocation.env
    assert [name for name in invocation.env if f"`{name}`" not in DOCUMENT] == []


@pytest.fixture
def example(place: Place) -> dict[str, str]:
    """The program of the documentation, in a project with one commit."""
    place.git("config", "user.name", "someone")
    place.git("config", "user.email", "someone@example.invalid")
    (place.workspace / "calc.py").write_text("def add(a, b):\n    return a + b\n")
    place.git("add", "-A")
    place.git("commit", "-qm", "Add calc")
    return program(place, DOCUMENT.split("```python\n")[1].split("```")[0])


def test_the_example_of_the_documentation_implements(place: Place, example: dict[str, str]) -> None:
    played = play(Command(), place, place.request(example))
    assert played.conclusion.cause is Cause.ENDED, played.stderr
    assert json.loads(place.report.read_text())["status"] == "done"
    assert place.git("log", "-1", "--format=%s").strip() == "Note what was asked"


@pytest.mark.parametrize("left", ["", "breakpoint()\n"])
def test_the_example_of_the_documentation_reviews(place: Place, example: dict[str, str], left: str) -> None:
    (place.workspace / "calc.py").write_text(f"def add(a, b):\n    return a + b\n\n\n{left}")
    place.git("commit", "-qam", "Change calc")
    commit = place.git("rev-parse", "HEAD").strip()
    request = place.request(example, role="review", reviewer="security", commit=commit, base="ba" * 20)
    played = play(Command(), place, request)
    assert played.conclusion.cause is Cause.ENDED, played.stderr
    told = json.loads(place.report.read_text())
    assert (told["v"], told["reviewer"], told["commit"]) == (1, "security", commit)
    assert told["status"] == ("changes_requested" if left else "approved")
    assert [issue.split(":")[0] for issue in told["issues"]] == (["calc.py"] if left else [])


def test_the_example_of_the_documentation_verifies(place: Place, example: dict[str, str]) -> None:
    criteria = "1. It adds.\n2. It says why\n   when it cannot."
    prompt = PROMPT_OF_THE_VERIFIER.replace("{{criteria}}", criteria)
    assert criteria in prompt
    request = place.request(example, prompt=prompt, role="verify", reviewer="verifier", commit="c0" * 20)
    played = play(Command(), place, request)
    assert played.conclusion.cause is Cause.ENDED, played.stderr
    told = json.loads(place.report.read_text())
    assert (told["v"], told["reviewer"], told["commit"]) == (1, "verifier", "c0" * 20)
    assert [entry["n"] for entry in told["criteria"]] == [1, 2]


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
