"""The real CLIs, started as their adapters say, against the scripted model server: no sandbox, no gateway.

The model server has the gateway's paths, so what is proven here holds there: every CLI reaches its API, uses
its tools, keeps to its HOME, sends only the placeholder as its key, and its failures are told apart.
"""

from __future__ import annotations

import os
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
from agent_processes import Place, Played, play

from fabrik.agents.environment import PLACEHOLDER_KEY
from fabrik.agents.locate import locate
from fabrik.agents.registry import load
from fabrik.errors import EnvironmentProblem
from fabrik.events import SessionEnded
from fabrik.outcome import Cause
from fabrik.testing.model_server import (
    Cut,
    HttpError,
    JunkBody,
    ModelServer,
    Script,
    Session,
    Shell,
    Text,
)
from fabrik.testing.model_server.script import Part, Turn

INSTALLER = Path(__file__).parents[2] / "scripts/install-agents"
COMMIT = "echo line >> work.txt && git add -A && git commit -qm 'Add a line' && git log -1 --format=%s"
MODELS = {  # the ones whose tools the model server knows
    "claude": "claude-sonnet-4-5",
    "codex": "gpt-5.5",
    "pi": None,
    "opencode": None,
    "gemini": "gemini-2.5-flash",
}
Run = Callable[..., tuple[Played, Place, ModelServer]]


@pytest.fixture(scope="module")
def search() -> str:
    asked = subprocess.run([str(INSTALLER), "--bin"], capture_output=True, text=True, check=True)
    return os.pathsep.join([asked.stdout.strip(), os.environ["PATH"]])


@pytest.fixture
def run(tmp_path: Path, search: str, require: Callable[[str, Callable[[], str | None]], None]) -> Run:
    def probe(name: str) -> str | None:
        try:
            locate([name], "run scripts/install-agents", search)
        except EnvironmentProblem as problem:
            return str(problem)
        return None

    def start(
        name: str, *turns: Turn | Part, model: str | None = "", prompt: str = "Add a line and commit it."
    ) -> tuple[Played, Place, ModelServer]:
        require(name, lambda: probe(name))
        agent, place = load(name), Place(tmp_path)
        place.git("config", "user.name", "agent")
        place.git("config", "user.email", "agent@example.invalid")
        path = os.pathsep.join([*locate(agent.programs, search=search).path, "/usr/bin", "/bin"])
        with ModelServer(Script(sessions=(Session(turns=turns),))) as server:
            request = place.request(
                {},
                prompt=prompt,
                models_url=f"http://127.0.0.1:{server.port}",
                model=MODELS[name] if model == "" else model,
            )
            return play(agent, place, request, path), place, server

    return start


@pytest.mark.parametrize("name", MODELS)
def test_a_session(run: Run, name: str) -> None:
    prompt = "Add a line – and commit it.\nSay “done”."
    played, place, server = run(name, Shell(COMMIT), Text("All done."), prompt=prompt)
    assert played.conclusion.cause is Cause.ENDED, played.stderr
    assert place.git("log", "--format=%s") == "Add a line\n"
    assert played.said == ["All done."]
    assert any("git commit" in summary for _, summary in played.tools)
    assert {call.key for call in server.calls} == {PLACEHOLDER_KEY}
    assert any(prompt in call.prompt for call in server.calls)
    assert len(server.calls) == 2  # no call for a title or the like
    assert sorted(path.name for path in place.root.iterdir()) == ["home", "workspace"]
    usage = [event.usage for event in played.events if isinstance(event, SessionEnded) and event.usage]
    expected = server.expected_usage()
    if usage:
        assert usage[-1].input_tokens == expected.input_tokens
        assert usage[-1].cache_read_tokens == expected.cache_read_tokens


@pytest.mark.parametrize(
    ("name", "model"),
    [
        ("pi", "openai/gpt-5.5"),
        ("pi", "gemini/gemini-2.5-flash"),
        ("pi", "anthropic/a-model-it-never-heard-of"),
        ("opencode", "openai/gpt-5.5"),
        ("opencode", "gemini/gemini-2.5-flash"),
    ],
)
def test_other_vendors(run: Run, name: str, model: str) -> None:
    played, place, server = run(name, Shell(COMMIT), Text("All done."), model=model)
    assert played.conclusion.cause is Cause.ENDED, played.stderr
    assert place.git("log", "--format=%s") == "Add a line\n"
    vendor, _, bare = model.partition("/")
    assert {(call.vendor, call.model) for call in server.calls} == {(vendor, bare)}


@pytest.mark.parametrize("name", MODELS)
@pytest.mark.parametrize(
    ("failure", "cause"),
    [(HttpError(status=401), Cause.AUTH), (HttpError(status=404), Cause.BAD_REQUEST)],
    ids=["401", "404"],
)
def test_refused_for_good(run: Run, name: str, failure: HttpError, cause: Cause) -> None:
    played, _, server = run(name, failure)
    assert played.conclusion.cause is cause, played.stderr
    assert len(server.calls) <= 2


PASSING = [
    *[(name, HttpError(status=529)) for name in ("claude", "codex", "pi", "gemini")],
    *[(name, JunkBody()) for name in ("claude", "codex", "pi", "gemini")],
    *[(name, Cut()) for name in ("claude", "codex", "pi", "gemini")],
]  # opencode tries for minutes, whatever it is told


@pytest.mark.parametrize(
    ("name", "failure"), PASSING, ids=[f"{name}-{type(failure).__name__}" for name, failure in PASSING]
)
def test_broken_for_now(run: Run, name: str, failure: HttpError | JunkBody | Cut) -> None:
    played, _, server = run(name, failure)
    assert played.conclusion.cause is Cause.OVERLOADED, played.stderr
    assert len(server.calls) <= 4  # their own retries are bounded


def test_a_limit_that_lasts_an_hour_is_not_waited_for(run: Run) -> None:
    """The others wait where a header says so, which is why the gateway takes it away."""
    played, _, _ = run("pi", HttpError(status=429, retry_after=3600))
    assert played.conclusion.cause is Cause.RATE_LIMITED


@pytest.mark.parametrize("name", ["claude", "codex", "gemini"])
def test_a_limit(run: Run, name: str) -> None:
    played, _, _ = run(name, HttpError(status=429))
    assert played.conclusion.cause is Cause.RATE_LIMITED


def test_opencode_does_as_fabrik_says_also_in_a_project_that_says_otherwise(run: Run, tmp_path: Path) -> None:
    place = Place(tmp_path)
    (place.workspace / "opencode.json").write_text('{"permission": "deny", "autoupdate": true}')
    played, _, _ = run("opencode", Shell(COMMIT), Text("All done."))
    assert played.conclusion.cause is Cause.ENDED, played.stderr
    assert place.git("log", "--format=%s") == "Add a line\n"
