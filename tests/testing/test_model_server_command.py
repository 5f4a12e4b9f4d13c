"""The model server on the command line, and scripts in files."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest

from fabrik.errors import UsageError
from fabrik.testing.model_server import (
    TYPICAL,
    Answer,
    Cut,
    Empty,
    Hang,
    HttpError,
    JunkBody,
    JunkStream,
    Refused,
    Script,
    Session,
    Shell,
    StreamError,
    Text,
    ToolCall,
    WriteFile,
)
from fabrik.testing.model_server.load import load_script
from fabrik.usage import Usage

COMMAND = (sys.executable, "-m", "fabrik.testing.model_server")
EVERYTHING: dict[str, Any] = {
    "v": 1,
    "sessions": [
        {
            "match": "task 1",
            "turns": [
                {"fail": {"kind": "http-error", "status": 429, "resets_in": 3, "times": 2}},
                {"shell": "true"},
                {"write": {"path": "a", "text": "b"}},
                {"call": {"name": "Read", "arguments": {"file_path": "/a"}}},
                {"do": [{"say": "Both."}, {"shell": "x"}], "usage": {"input_tokens": 5, "output_tokens": 6}},
                {"say": ""},
            ],
        },
        {
            "turns": [
                {"fail": {"kind": "refused", "times": 1}},
                {"fail": {"kind": "cut", "after_bytes": 9, "times": 1}},
                {"fail": {"kind": "stream-error", "times": 1}},
                {"fail": {"kind": "junk-stream", "times": 1}},
                {"fail": {"kind": "empty", "times": 1}},
                {"fail": {"kind": "hang", "hold": "h", "times": 1}},
                {"fail": {"kind": "junk-body"}},
            ]
        },
    ],
    "default": [{"say": "What?"}],
    "failures": [{"kind": "refused", "times": 1}],
    "models": ["m"],
}


def written(folder: Path, script: object) -> Path:
    path = folder / "script.json"
    path.write_text(json.dumps(script))
    return path


def test_a_file_can_say_all_that_a_script_can(tmp_path: Path) -> None:
    script = load_script(written(tmp_path, EVERYTHING))
    assert script == Script(
        sessions=(
            Session(
                match="task 1",
                turns=(
                    HttpError(status=429, resets_in=3, times=2),
                    Answer((Shell("true"),), TYPICAL),
                    Answer((WriteFile("a", "b"),), TYPICAL),
                    Answer((ToolCall("Read", {"file_path": "/a"}),), TYPICAL),
                    Answer(
                        (Text("Both."), Shell("x")),
                        Usage(
                            input_tokens=5,
                            cache_read_tokens=0,
                            cache_write_tokens=0,
                            output_tokens=6,
                            reasoning_tokens=0,
                        ),
                    ),
                    Answer((Text(""),), TYPICAL),
                ),
            ),
            Session(
                turns=(
                    Refused(times=1),
                    Cut(after_bytes=9, times=1),
                    StreamError(times=1),
                    JunkStream(times=1),
                    Empty(times=1),
                    Hang(hold="h", times=1),
                    JunkBody(),
                )
            ),
        ),
        default=Session(turns=(Answer((Text("What?"),), TYPICAL),)),
        failures=(Refused(times=1),),
        models=("m",),
    )


def test_every_mistake_of_a_file_is_told_at_once(tmp_path: Path) -> None:
    wrong = {
        "v": 2,
        "sessions": [
            {"match": 3, "turns": [{"shell": "a", "say": "b"}, {"fail": {"kind": "http-error"}}]},
            {"turns": [{}, {"fail": {"kind": "cut", "after": 1}}, {"usage": {"input_tokens": -1}}]},
        ],
        "typo": True,
    }
    with pytest.raises(UsageError) as told:
        load_script(written(tmp_path, wrong))
    message = str(told.value)
    assert message.startswith(str(tmp_path / "script.json"))
    for place in (
        "v: ",
        "sessions.0.match: ",
        "sessions.0.turns.0: ",
        "sessions.0.turns.1.fail: ",
        "sessions.1.turns.0: ",
        "sessions.1.turns.1.fail: ",
        "sessions.1.turns.2.usage.input_tokens: ",
        "typo: ",
    ):
        assert place in message
    assert "cut has no field after" in message


@pytest.mark.parametrize(
    ("text", "told"),
    [
        (b"{", "the file: Invalid JSON"),
        (b"\xff", "the file: Invalid JSON"),
        (b'{"v": 1, "sessions": [{"match": "m", "turns": [{"say": "a"}, {"say": "b"}]}]}', "never played"),
    ],
)
def test_files_that_are_no_scripts(tmp_path: Path, text: bytes, told: str) -> None:
    (tmp_path / "s.json").write_bytes(text)
    with pytest.raises(UsageError, match=told) as error:
        load_script(tmp_path / "s.json")
    assert error.value.where == str(tmp_path / "s.json")
    with pytest.raises(UsageError, match="cannot be read"):
        load_script(tmp_path / "missing.json")


@contextmanager
def running(*arguments: str) -> Iterator[tuple[subprocess.Popen[str], dict[str, str]]]:
    """The command, once it has told its URLs."""
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    with subprocess.Popen(
        [*COMMAND, *arguments],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=environment,
    ) as process:
        try:
            assert process.stdout is not None
            lines = [process.stdout.readline() for _ in range(3)]
            yield process, dict(line.strip().split("=", 1) for line in lines)
        finally:
            if process.poll() is None:
                process.kill()


@pytest.mark.parametrize("sent", [signal.SIGTERM, signal.SIGINT])
def test_the_command_serves_until_it_is_stopped(tmp_path: Path, sent: signal.Signals) -> None:
    script = written(
        tmp_path, {"v": 1, "sessions": [{"match": "hi", "turns": [{"say": "Hello from a file."}]}]}
    )
    with running("--script", str(script), "--key", "sk-secret") as (process, urls):
        answer = httpx.post(
            f"{urls['OPENAI_BASE_URL']}/responses",
            json={"model": "gpt-5.5", "input": "hi", "stream": False},
            headers={"authorization": "Bearer sk-secret"},
            trust_env=False,
            verify=False,
        )
        assert process.stderr is not None
        line = process.stderr.readline()
        process.send_signal(sent)
        assert process.wait(30) == 0
        assert process.stderr.read() == ""
    assert answer.json()["output"][0]["content"][0]["text"] == "Hello from a file."
    assert line == "200 openai-responses POST /openai/v1/responses gpt-5.5 answered 1550 tokens\n"
    assert urls.keys() == {"ANTHROPIC_BASE_URL", "OPENAI_BASE_URL", "GOOGLE_GEMINI_BASE_URL"}


def test_the_command_says_what_is_wrong_with_its_script(tmp_path: Path) -> None:
    done = subprocess.run(
        [*COMMAND, "--script", str(written(tmp_path, {"v": 3}))], capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith(f"{tmp_path / 'script.json'}: v: ")
    assert "Traceback" not in done.stderr
