"""Nothing in a workspace instructs, replaces or runs beside the real CLI of a reviewer.

The checkout that a reviewer looks at was written by the implementer. The CLIs are started as their adapters
say, beside a workspace full of files that they load by themselves where they work, as implementers do.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest
import steering
from cli_commands import search_path

from fabrik.agents.agent import Ending, Role, SessionRequest
from fabrik.agents.registry import load
from fabrik.events import Said, ToolCalled
from fabrik.outcome import Cause
from fabrik.testing.model_server import ModelServer, Script, Session, Shell, Text, ToolCall
from fabrik.testing.model_server.script import Part

Require = Callable[[str, Callable[[], str | None]], None]  # the fixture of tests/conftest.py

MODELS = {  # the ones whose tools the model server knows
    "claude": "claude-sonnet-4-5",
    "codex": "gpt-5.5",
    "pi": None,
    "opencode": None,
    "gemini": "gemini-2.5-flash",
}
READERS = {  # the tool that reads a file, and its argument: some CLIs load instructions from beside that file
    "claude": ("Read", "file_path"),
    "pi": ("read", "path"),
    "opencode": ("read", "filePath"),
    "gemini": ("read_file", "file_path"),
}
# For an implementer: instructions that come with its requests, and programs that run.
CONTROL = {
    "claude": ({"CLAUDE.md", ".claude/skills/claude-skill/SKILL.md"}, {"claude-Stop", "claude-mcp"}),
    "codex": ({"AGENTS.override.md", ".agents/skills/agents-skill/SKILL.md"}, set[str]()),
    "pi": ({"AGENTS.md", ".pi/APPEND_SYSTEM.md"}, {"pi-extension", "pi-shell-prefix"}),
    "opencode": ({"AGENTS.md", "deep/AGENTS.md", "EXTRA.md"}, {"opencode-plugin", "opencode-mcp"}),
    "gemini": ({"GEMINI.md", "EXTRA.md"}, {"gemini-discovery", "gemini-BeforeAgent"}),
}
REPORT = "written by the reviewer itself"


@dataclass(frozen=True, kw_only=True)
class Seen:
    """What a session showed from outside."""

    requests: str  # the bodies of all requests, as JSON
    marks: set[str]  # of the files whose content was in a request
    ran: set[str]  # what left its mark beside the workspace
    report: str
    cause: Cause
    stderr: str


Play = Callable[[str, Role], Seen]


@pytest.fixture
def play(tmp_path: Path, require: Require) -> Play:
    def start(name: str, role: Role) -> Seen:
        agent, path = load(name), search_path()
        found = all(shutil.which(program, path=path) for program in agent.programs)
        require(name, lambda: None if found else f"{name} is not installed: run scripts/install-agents")
        require("bubblewrap", lambda: None if shutil.which("bwrap") else "bwrap is not installed")
        workspace, home, marks = tmp_path / "workspace", tmp_path / "home", tmp_path / "marks"
        home.mkdir()
        steering.plant(workspace, marks)
        _commit(workspace)
        with ModelServer(Script(sessions=[Session(turns=_turns(name, workspace))])) as server:
            request = SessionRequest(
                prompt=f"Look at {workspace}.\n\n{steering.mentions(workspace)}\n",
                role=role,
                run="01KRUN",
                step="review#1/security" if role == "review" else "task/1/implement#1",
                workspace=str(workspace),
                home=str(home),
                report=str(home / "report.json"),
                models_url=f"http://127.0.0.1:{server.port}",
                model=MODELS[name],
                reviewer="security" if role == "review" else "",
                commit="c0" * 20,
                base="ba" * 20,
            )
            invocation = agent.invocation(request)
            for file, content in invocation.files.items():
                (home / file).parent.mkdir(parents=True, exist_ok=True)
                (home / file).write_bytes(content)
            ended = subprocess.run(
                [*_walls(workspace, role), *invocation.argv],
                cwd=invocation.cwd or workspace,
                env={"HOME": str(home), "PATH": path, "LANG": "C.UTF-8", "TERM": "dumb", **invocation.env},
                input=invocation.stdin,
                capture_output=True,
                timeout=240,
                check=False,
            )
            bodies = json.dumps([call.body for call in server.calls])
        events = [event for line in ended.stdout.split(b"\n") for event in agent.parse(line)]
        stderr = ended.stderr.decode("utf-8", "replace")
        code = ended.returncode
        conclusion = agent.conclude(
            Ending(
                status=code if code >= 0 else None,
                signal=-code if code < 0 else None,
                stderr_tail=stderr[-8192:],
            ),
            [event for event in events if not isinstance(event, Said | ToolCalled)],
        )
        report = home / "report.json"
        return Seen(
            requests=bodies,
            marks=set(steering.MARK.findall(bodies)),
            ran={file.name for file in marks.iterdir()},
            report=report.read_text() if report.exists() else "",
            cause=conclusion.cause,
            stderr=stderr,
        )

    return start


def _commit(workspace: Path) -> None:
    who = {"GIT_AUTHOR_NAME": "a", "GIT_AUTHOR_EMAIL": "a@example.invalid"}
    who |= {"GIT_COMMITTER_NAME": "a", "GIT_COMMITTER_EMAIL": "a@example.invalid"}
    for command in (("init", "-q"), ("add", "-A"), ("commit", "-qm", "All of it")):
        subprocess.run(["git", *command], cwd=workspace, check=True, env=os.environ | who)


def _walls(workspace: Path, role: Role) -> list[str]:
    """A reviewer's workspace is read-only."""
    how = "--ro-bind" if role == "review" else "--bind"
    return ["bwrap", "--dev-bind", "/", "/", how, str(workspace), str(workspace), "--"]


def _turns(name: str, workspace: Path) -> list[Part]:
    """Read the code with the shell and with the CLI's own tool, show the environment, write the report."""
    code = workspace / steering.CODE
    turns: list[Part] = [
        Shell(f'cat {code}; echo "steered: $STEERED $HTTPS_PROXY"; printf "{REPORT}" > "$FABRIK_REPORT"')
    ]
    if name in READERS:
        tool, argument = READERS[name]
        turns.append(ToolCall(tool, {argument: str(code)}))
    return [*turns, Text("Done.")]


@pytest.mark.parametrize("name", MODELS)
def test_a_reviewer_is_not_steered_from_the_workspace(name: str, play: Play) -> None:
    seen = play(name, "review")
    assert seen.marks == set()
    assert seen.ran == set()
    assert seen.cause is Cause.ENDED, seen.stderr
    assert seen.report == REPORT  # nobody wrote it in the reviewer's place
    assert "nothing to see here" in seen.requests  # and it can read the checkout


@pytest.mark.parametrize("name", MODELS)
def test_an_implementer_gets_the_instructions_of_the_project(name: str, play: Play) -> None:
    """The control: the same files are loaded in an implementer's session, so the test above can fail."""
    marks, ran = CONTROL[name]
    seen = play(name, "implement")
    assert marks <= seen.marks
    assert ran <= seen.ran
