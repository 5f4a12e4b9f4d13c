"""The real CLIs against the scripted model server, with nothing of fabrik in between.

If these pass and a session through the gateway does not, the gateway is at fault.
"""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from cli_commands import KEY, STARTS, Start, run, search_path

from fabrik.testing.model_server import (
    Answer,
    HttpError,
    ModelServer,
    Script,
    Session,
    Shell,
    Text,
    WriteFile,
)
from fabrik.usage import Usage, total

COMMIT = "git add -A && git -c user.name=agent -c user.email=agent@example.invalid commit -q -m"
FIRST = Usage(
    input_tokens=900, cache_read_tokens=40, cache_write_tokens=8, output_tokens=30, reasoning_tokens=6
)
TASK_TWO = (Shell(f"echo two > two.txt && {COMMIT} 'Add two'"), Text("Two."))
LAST = Usage(
    input_tokens=70, cache_read_tokens=950, cache_write_tokens=0, output_tokens=5, reasoning_tokens=0
)


def script(repository: Path) -> Script:
    """Two tasks, the first with the CLI's own way to write a file and the shell's, and a refusal."""
    return Script(
        sessions=(
            Session(
                match="task one",
                turns=(
                    Answer((Text("Starting."), Shell("printf 'first line\\n' > one.txt")), FIRST),
                    WriteFile(str(repository / "two.txt"), "second\n"),
                    WriteFile("notes/it's.md", '# Notes on "one"\n'),
                    Shell(f"{COMMIT} 'Add one'"),
                    Answer((Text("Task one is finished."),), LAST),
                ),
            ),
            Session(match="task two", turns=TASK_TWO),
            Session(match="task refused", turns=(HttpError(status=400, message="no such thing"),)),
        ),
    )


Require = Callable[[str, Callable[[], str | None]], None]  # the fixture of tests/conftest.py
every_cli = pytest.mark.parametrize("name", STARTS)


def start_of(name: str, server: ModelServer, require: Require) -> Start:
    """How to start the CLI, if it is here."""
    start = STARTS[name][1](server)
    found = shutil.which(start.program, path=search_path())
    require(
        start.program,
        lambda: None if found else f"{start.program} is not installed: run scripts/install-agents",
    )
    return start


def workspace(folder: Path) -> tuple[Path, Path]:
    """A fresh HOME and an empty repository."""
    home, repository = folder / "home", folder / "repository"
    home.mkdir(parents=True)
    git("init", "-q", str(repository), cwd=home)
    return home, repository


def git(*arguments: str, cwd: Path) -> str:
    return subprocess.run(
        ["git", *arguments], cwd=cwd, capture_output=True, text=True, check=True
    ).stdout.strip()


@every_cli
def test_a_session_works_commits_and_ends(name: str, tmp_path: Path, require: Require) -> None:
    protocol = STARTS[name][0]
    home, repository = workspace(tmp_path)
    with ModelServer(script(repository), key=KEY) as server:
        start = start_of(name, server, require)
        ended = run(start, server, home=home, workspace=repository, prompt="Please do task one.")
        calls = server.calls
        used = server.expected_usage()
    assert ended.returncode == 0, ended.stderr
    assert git("log", "--format=%s", cwd=repository) == "Add one"
    assert git("status", "--porcelain", cwd=repository) == ""
    assert (repository / "one.txt").read_text() == "first line\n"
    assert (repository / "two.txt").read_text() == "second\n"
    assert (repository / "notes" / "it's.md").read_text() == '# Notes on "one"\n'
    assert "Task one is finished." in ended.stdout

    asked = [call for call in calls if call.kind == "generate" and call.body.get("tools")]
    assert [(call.protocol, call.status, call.outcome) for call in asked] == [(protocol, 200, "answered")] * 5
    assert all(call.prompt == "Please do task one." for call in asked)
    titles = [call for call in calls if call.kind == "generate" and call not in asked]
    assert len(titles) == (1 if name == "opencode" else 0)
    assert {call.key for call in asked} == {KEY}
    assert used == total(call.usage for call in [*asked, *titles] if call.usage is not None)
    elsewhere = {call.path for call in calls if call.kind == "other"}
    # opencode asks the npm registry on a fresh HOME whatever it is told; through the proxy it got no answer.
    assert elsewhere <= ({"/registry.npmjs.org:443"} if name == "opencode" else set())


@pytest.mark.parametrize("name", ["claude", "codex", "pi-chat"])
def test_parallel_sessions_do_not_mix(name: str, tmp_path: Path, require: Require) -> None:
    with ModelServer(script(tmp_path)) as server:
        start = start_of(name, server, require)

        def play(task: str) -> str:
            home, repository = workspace(tmp_path / task)
            run(start, server, home=home, workspace=repository, prompt=f"Please do task {task}.")
            return git("log", "--format=%s", cwd=repository)

        with ThreadPoolExecutor(2) as pool:
            assert list(pool.map(play, ("one", "two"))) == ["Add one", "Add two"]


@every_cli
def test_a_final_refusal_of_the_model_ends_the_session(name: str, tmp_path: Path, require: Require) -> None:
    home, repository = workspace(tmp_path)
    with ModelServer(script(tmp_path)) as server:
        start = start_of(name, server, require)
        ended = run(start, server, home=home, workspace=repository, prompt="Please do task refused.")
        refused = [call for call in server.calls if call.status == 400]
    assert refused
    assert "no such thing" in ended.stdout + ended.stderr
    # As recorded in the agents' transcripts: pi in JSON mode ends with 0 whatever happens.
    assert (ended.returncode == 0) == name.startswith("pi-")


@pytest.mark.parametrize("name", ["claude", "pi-anthropic", "pi-responses", "pi-chat"])
def test_a_cli_that_tries_again_gets_through(name: str, tmp_path: Path, require: Require) -> None:
    turns = (HttpError(status=529, times=1), *TASK_TWO)
    home, repository = workspace(tmp_path)
    with ModelServer(Script(sessions=[Session(turns=turns)])) as server:
        start = start_of(name, server, require)
        ended = run(start, server, home=home, workspace=repository, prompt="Please do task two.")
        statuses = [call.status for call in server.calls if call.kind == "generate"]
    assert ended.returncode == 0, ended.stderr
    assert statuses == [529, 200, 200]
    assert git("log", "--format=%s", cwd=repository) == "Add two"
