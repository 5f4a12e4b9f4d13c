"""The scripted agent with its real player: every verb, the choice of a section, every mistake in a script."""

from __future__ import annotations

import json
import os
import signal
import time
from pathlib import Path
from typing import Any

import pytest
from agent_processes import Place, Played, finish, play, start

from fabrik.agents.scripted import Scripted
from fabrik.events import SessionEnded
from fabrik.outcome import Cause
from fabrik.testing.model_server import HttpError, JunkBody, ModelServer, Refused, Script, Session, Text
from fabrik.usage import Usage


@pytest.fixture
def place(tmp_path: Path) -> Place:
    return Place(tmp_path)


def script(place: Place, sessions: Any, **more: Any) -> Path:
    path = place.root / "script.json"
    path.write_text(json.dumps({"v": 1, "sessions": sessions, **more}))
    return path


def run(place: Place, *steps: Any, **request: Any) -> Played:
    path = script(place, {"*": list(steps)})
    return play(Scripted(), place, place.request({"script": str(path)}, **request))


def wait_until(condition: Any, seconds: float = 20) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "it did not happen in time"
        time.sleep(0.01)


def test_a_whole_session(place: Place) -> None:
    played = run(
        place,
        {"say": "I add the file."},
        {"write": "src/add.py", "text": ["def add(a, b):", "    return a + b"]},
        {"append": "src/add.py", "text": "# end\n"},
        {"run": ["python3", "-c", "import src.add"]},
        {"delete": "src/__pycache__"},
        {"commit": "Add add"},
        {"report": {"status": "done"}},
    )
    assert played.conclusion.cause is Cause.ENDED
    assert (place.workspace / "src/add.py").read_text() == "def add(a, b):\n    return a + b\n# end\n"
    assert place.git("log", "--format=%s %an").split("\n")[0] == "Add add scripted"
    assert not place.git("status", "--porcelain")
    assert json.loads(place.report.read_text()) == {"status": "done"}
    assert played.said == ["I add the file."]
    assert [name for name, _ in played.tools] == ["write", "append", "run", "delete", "commit", "report"]
    assert isinstance(played.events[-1], SessionEnded)


@pytest.mark.parametrize(
    ("step", "role", "chosen"),
    [
        ("task/1/implement#1", "implement", "first"),
        ("task/1/implement#2", "implement", "role"),
        ("task/2/fix#1", "fix", "fixes"),
        ("verify#1", "verify", "rest"),
    ],
)
def test_the_first_section_that_fits(place: Place, step: str, role: Any, chosen: str) -> None:
    sections = {
        "task/1/implement#1": [{"say": "first"}],
        "task/*/fix#*": [{"say": "fixes"}],
        "role:implement": [{"say": "role"}],
        "*": [{"say": "rest"}],
    }
    path = script(place, sections)
    played = play(Scripted(), place, place.request({"script": str(path)}, step=step, role=role))
    assert played.said == [chosen]


def test_names_are_filled_in(place: Place) -> None:
    played = run(
        place,
        {"write": "task-{{task}}.txt", "text": "{{step}} {{role}} {{run}} {{other}}"},
        {"write": "prompt", "text": "{{prompt}}"},
        {"say": ["{{task}}", "two"]},
        step="task/12/implement#1",
        prompt="Text with {{run}} and “quotes”.",
    )
    assert (place.workspace / "task-12.txt").read_text() == "task/12/implement#1 implement 01KRUN {{other}}"
    assert (place.workspace / "prompt").read_text() == "Text with {{run}} and “quotes”."
    assert played.said == ["12\ntwo\n"]


def test_nothing_to_commit_and_an_empty_commit(place: Place) -> None:
    played = run(place, {"commit": "nothing"}, {"commit": "empty", "empty": True})
    assert played.said == ["nothing to commit"]
    assert place.git("log", "--format=%s") == "empty\n"


def test_write_bytes_and_programs(place: Place) -> None:
    run(
        place,
        {"write": "bytes", "base64": "/wAK"},
        {"write": "tool", "text": "#!/bin/sh\necho ran > out\n", "executable": True},
        {"run": "./tool && cat out"},
    )
    assert (place.workspace / "bytes").read_bytes() == b"\xff\x00\n"
    assert (place.workspace / "out").read_text() == "ran\n"


def test_a_command_that_fails(place: Place) -> None:
    played = run(place, {"run": "echo why >&2; exit 7"}, {"say": "never"})
    assert played.status == 1
    assert played.conclusion.cause is Cause.CRASHED
    assert played.conclusion.detail == "step 1 (run): it ended with 7: why"
    assert not played.said
    assert run(place, {"run": "exit 7", "may_fail": True}, {"say": "on"}).said == ["on"]


def test_steps_that_cannot_be_done(place: Place) -> None:
    for step in ({"delete": "nothing"}, {"write": "/proc/nothing/here"}, {"write": "x", "base64": "?"}):
        assert run(place, step).conclusion.cause is Cause.CRASHED
    assert not list(place.workspace.glob("x"))


@pytest.mark.parametrize("status", [1, 3, 255])
def test_exit(place: Place, status: int) -> None:
    played = run(place, {"exit": status})
    assert played.status == status
    assert played.conclusion.cause is Cause.CRASHED


def test_exit_0_is_an_end(place: Place) -> None:
    played = run(place, {"exit": 0}, {"say": "never"})
    assert played.conclusion.cause is Cause.ENDED
    assert not played.said


@pytest.mark.parametrize(
    ("name", "number"), [("KILL", 9), ("SIGTERM", 15), ("segv", 11), (6, 6), ("PIPE", 13)]
)
def test_die(place: Place, name: str | int, number: int) -> None:
    played = run(place, {"die": name})
    assert played.signal == number
    assert played.conclusion.detail == f"ended by {signal.Signals(number).name}"


def test_hang_until_killed(place: Place) -> None:
    path = script(place, {"*": [{"hang": True, "ignore": ["TERM", "INT", "HUP"]}]})
    request = place.request({"script": str(path)})
    process = start(Scripted(), place, request)
    assert process.stdin
    assert process.stdout
    process.stdin.close()
    process.stdin = None
    while b"hanging" not in (line := process.stdout.readline()):
        assert line
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        process.send_signal(number)
    assert process.poll() is None
    process.kill()
    assert finish(Scripted(), process, b"").signal == signal.SIGKILL


def test_raw_output(place: Place) -> None:
    played = run(
        place,
        {"print": "no newline"},
        {"say": "an event"},
        {"print": "//8=", "base64": True},
        {"print": ["to stderr"], "to": "stderr"},
    )
    assert b"no newline\n" in played.stdout
    assert b"\xff\xff\n" in played.stdout
    assert played.stderr == "to stderr\n"
    assert played.said == ["an event"]
    assert played.conclusion.cause is Cause.ENDED  # nothing that is printed hides an event


@pytest.mark.parametrize(("line", "longest"), [(None, 65536), (100, 100), (0, 3_000_001)])
def test_flood(place: Place, line: int | None, longest: int) -> None:
    step = {"flood": 3_000_001} | ({} if line is None else {"line": line})
    played = run(place, step)
    flooded = b"".join(part for part in played.stdout.splitlines(keepends=True) if part.startswith(b"x"))
    assert 3_000_001 <= len(flooded) <= 3_000_002  # with the newline that sets the next event apart
    assert max(map(len, flooded.splitlines(keepends=True))) <= longest + 1
    assert played.conclusion.cause is Cause.ENDED


def test_daemon(place: Place) -> None:
    """It outlives the session, in a session of its own; with keep_output it even holds stdout open."""
    fifo, pid_file = place.root / "fifo", place.root / "pid"
    os.mkfifo(fifo)
    played = run(place, {"daemon": f"echo $$ > {pid_file}; read line < {fifo}; echo $line > done"})
    assert played.conclusion.cause is Cause.ENDED
    wait_until(lambda: pid_file.exists() and pid_file.read_text())
    pid = int(pid_file.read_text())
    assert os.getsid(pid) != os.getsid(0)
    fifo.write_text("released\n")
    wait_until(lambda: (place.workspace / "done").exists())


def test_wait_for(place: Place) -> None:
    path = script(place, {"*": [{"say": "waiting"}, {"wait_for": "go"}, {"say": "gone on"}]})
    process = start(Scripted(), place, place.request({"script": str(path)}))
    assert process.stdin
    assert process.stdout
    process.stdin.close()
    process.stdin = None
    while b"wait_for" not in (line := process.stdout.readline()):
        assert line
    (place.workspace / "go").touch()
    assert finish(Scripted(), process, b"").said == ["gone on"]


def test_wait_for_with_a_bound(place: Place) -> None:
    played = run(place, {"wait_for": "never", "seconds": 0.05})
    assert played.conclusion.detail == "step 1 (wait_for): it did not appear within 0.05 s"


def test_model(place: Place) -> None:
    usage = Usage(
        input_tokens=11, cache_read_tokens=0, cache_write_tokens=0, output_tokens=7, reasoning_tokens=0
    )
    with ModelServer(Script(sessions=(Session(match="colour", turns=(Text("Blue."),)),))) as server:
        played = run(
            place,
            {"model": "Which colour?", "name": "claude-haiku-4-5", "save": "answers/one"},
            models_url=f"http://127.0.0.1:{server.port}",
        )
        (call,) = server.calls
    assert played.said == ["Blue."]
    assert (place.workspace / "answers/one").read_text() == "Blue."
    assert call.model == "claude-haiku-4-5"
    assert call.path == "/anthropic/v1/messages"
    last = played.events[-1]
    assert isinstance(last, SessionEnded)
    assert last.usage
    assert last.usage.calls == 1
    assert usage.input_tokens != last.usage.input_tokens
    assert last.usage.input_tokens == 1000


@pytest.mark.parametrize(
    ("failure", "cause"),
    [
        (HttpError(status=401), Cause.AUTH),
        (HttpError(status=400), Cause.BAD_REQUEST),
        (HttpError(status=429, retry_after=60), Cause.RATE_LIMITED),
        (HttpError(status=529), Cause.OVERLOADED),
        (JunkBody(), Cause.OVERLOADED),
        (Refused(), Cause.OVERLOADED),
    ],
)
def test_model_failures(place: Place, failure: Any, cause: Cause) -> None:
    with ModelServer(Script(sessions=(Session(turns=(failure,)),))) as server:
        before = time.time()
        url = f"http://127.0.0.1:{server.port}"
        played = run(place, {"model": "x"}, models_url=url)
        tolerant = run(place, {"model": "x", "may_fail": True}, models_url=url)
    assert played.status == 1
    assert played.conclusion.cause is cause
    resets_at = played.conclusion.resets_at
    assert (resets_at is not None and resets_at >= before + 60) == (cause is Cause.RATE_LIMITED)
    assert tolerant.conclusion.cause is Cause.ENDED


def test_no_model_there(place: Place) -> None:
    assert run(place, {"model": "x"}).conclusion.cause is Cause.UNREACHABLE


@pytest.mark.parametrize(
    ("steps", "words"),
    [
        ([{"sing": "la"}], "one of say, write"),
        ([{"say": "a", "run": "b"}], "found say and run"),
        ([{"say": "a", "text": "b"}], "'text' does not go with 'say'"),
        ([{"write": 3}], "'write' has the wrong type"),
        ([{"run": ["a", 1]}], "'run' has the wrong type"),
        ([{"exit": 300}], "between 0 and 255"),
        ([{"exit": True}], "'exit' has the wrong type"),
        ([{"die": "NOTHING"}], "there is no signal 'NOTHING'"),
        ([{"hang": True, "ignore": ["X"]}], "there is no signal 'X'"),
        ([{"print": "a", "to": "printer"}], "'to' is stdout or stderr"),
        (["say"], "a step is an object"),
        ({}, "a section is a list"),
    ],
)
def test_mistakes_are_found_before_anything_is_done(place: Place, steps: Any, words: str) -> None:
    path = script(place, {"*": [{"write": "done", "text": ""}], "later": steps})
    played = play(Scripted(), place, place.request({"script": str(path)}))
    assert played.status == 2
    assert played.conclusion.cause is Cause.NOT_STARTED
    assert words in played.stderr
    assert not (place.workspace / "done").exists()


def test_all_mistakes_at_once(place: Place) -> None:
    path = script(place, {"a": [{"x": 1}, {"exit": 999}], "b": 3})
    stderr = play(Scripted(), place, place.request({"script": str(path)})).stderr
    assert [line.split(": ", 2)[1] for line in stderr.splitlines()] == ["a", "a", "b"]


@pytest.mark.parametrize(
    "text",
    [
        "",
        "{",
        "[]",
        '{"v": 1}',
        '{"v": 2, "sessions": {}}',
        '{"v": 1, "sessions": {"*": [], "*": []}}',
        "[" * 9999,
    ],
)
def test_what_is_no_script(place: Place, text: str) -> None:
    path = place.root / "script.json"
    path.write_text(text)
    played = play(Scripted(), place, place.request({"script": str(path)}))
    assert played.conclusion.cause is Cause.NOT_STARTED
    assert str(path) in played.conclusion.detail


def test_no_script_and_no_section(place: Place) -> None:
    missing = play(Scripted(), place, place.request({"script": "/nothing"}))
    assert "No such file" in missing.conclusion.detail
    path = script(place, {"task/9/*": []})
    none = play(Scripted(), place, place.request({"script": str(path)}))
    assert none.conclusion.cause is Cause.NOT_STARTED
    assert "no section for the step 'task/1/implement#1'" in none.conclusion.detail


def test_the_example_of_the_documentation_can_be_played(place: Place) -> None:
    document = (Path(__file__).parents[2] / "src/fabrik/manual/pages/scripted-agent.md").read_text()
    example = document.split("```json\n")[1].split("```")[0]
    path = place.root / "script.json"
    path.write_text(example)
    played = play(Scripted(), place, place.request({"script": str(path)}))
    assert played.conclusion.cause is Cause.ENDED
