"""`fabrik runs`: the list, the page, the logs; and how little they load."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from ledgers import KNOWN, Books, Fabrik, call, honest_story

import fabrik as package
from fabrik.ledger.journal import Journal, StepContext
from fabrik.outcome import Verdict
from fabrik.usage import Usage

HEAVY = (
    "asyncio",
    "pydantic",
    "httpx",
    "starlette",
    "uvicorn",
    "yaml",
    "logging",
    "fabrik.workflows",
    "subprocess",
)


def test_without_a_ledger_nothing_is_made(books: Books, fabrik: Fabrik) -> None:
    done = fabrik("runs", "list")
    assert (done.returncode, done.stdout) == (0, "There are no runs yet.\n")
    assert json.loads(fabrik("runs", "list", "--json").stdout) == []
    assert list(books.home.directory.iterdir()) == []
    assert "there are no runs yet" in fabrik("runs", "show", "last").stderr


def test_the_list_shows_the_newest_first(books: Books, fabrik: Fabrik) -> None:
    old = books.finished(Verdict.SHIPPED, spec_id="0001-old")
    new = books.finished(Verdict.BLOCKED, "a question", spec_id="0002-new", unchecked=True)
    heading, first, second = fabrik("runs", "list").stdout.splitlines()
    assert heading.split()[:3] == ["ID", "STATUS", "SPEC"]
    assert first.split()[:4] == [new[-8:], "blocked", "(unchecked)", "0002-new"]
    assert second.split()[:3] == [old[-8:], "shipped", "0001-old"]
    assert len(fabrik("runs", "list", "-n", "1").stdout.splitlines()) == 2
    assert "0001-old" not in fabrik("runs", "list", "--status", "blocked").stdout


def test_a_run_without_its_worker_is_interrupted_and_the_way_out_is_told(
    books: Books, fabrik: Fabrik
) -> None:
    run_id = books.dispatch()
    done = fabrik("runs", "list")
    assert "interrupted" in done.stdout
    assert f"fabrik run resume {run_id[-8:]}" in done.stdout
    with books.owned(run_id):
        done = fabrik("runs", "list")
        assert "running" in done.stdout
        assert "interrupted" not in done.stdout


@pytest.mark.parametrize(
    ("workflow", "told"),
    [
        ("judge", "fabrik judge"),
        ("interview", "fabrik spec interview --resume {run}"),
        ("todo", "fabrik todo generate '/a b/spec.md'"),
        ("loop", "fabrik run resume {run}"),
    ],
)
def test_each_workflow_is_taken_up_by_its_own_command(
    books: Books, fabrik: Fabrik, workflow: str, told: str
) -> None:
    run_id = books.dispatch(workflow=workflow, spec_path="/a b/spec.md")
    command = told.format(run=run_id[-8:])
    assert fabrik("runs", "list", "--all").stdout.splitlines()[-1].endswith(f"To go on: {command}")
    findings = json.loads(fabrik("doctor", "--json").stdout)["findings"]
    (todo,) = [found["todo"] for found in findings if found["what"] == "interrupted run"]
    assert todo == f"{command}, or fabrik run cancel {run_id[-8:]}"


def test_unknown_cost_is_unknown(books: Books, fabrik: Fabrik) -> None:
    run_id = books.dispatch()

    async def story(journal: Journal) -> None:
        async def work(step: StepContext) -> bool:
            for number, usage in enumerate((KNOWN, Usage(calls=1)), 1):
                await journal.call_started(number, step.key, "anthropic", "secret-model")
                await journal.call_finished(call(number, step.key, usage))
            return True

        await journal.step("work", work, result=bool)

    books.write(run_id, story)
    assert "unknown" in fabrik("runs", "list").stdout
    page = fabrik("runs", "show", "last").stdout
    assert "cost unknown · 2 model calls · tokens unknown" in page
    usage = json.loads(fabrik("runs", "show", "last", "--json").stdout)["usage"]
    assert (usage["cost_usd"], usage["total_tokens"], usage["calls"]) == (None, None, 2)


def test_the_page_explains_a_run(books: Books, fabrik: Fabrik) -> None:
    run_id = books.dispatch()
    books.write(run_id, honest_story)
    page = fabrik("runs", "show", run_id[-8:]).stdout
    for part in (
        "waiting",
        "fabrik approve",
        "Tasks",
        "Write the search",
        "$0.04",
        "34,000",
        "task/1/checks#1",
    ):
        assert part in page
    assert "\x1b" not in page


def test_the_json_of_a_run_has_its_documented_fields(books: Books, fabrik: Fabrik) -> None:
    run_id = books.dispatch()
    books.write(run_id, honest_story)
    document = json.loads(fabrik("runs", "show", run_id, "--json", "--events").stdout)
    documented = (Path(package.__file__).parent / "manual/pages/json.md").read_text()
    for name in [
        *document,
        *document["usage"],
        *document["tasks"][0],
        *document["steps"][0],
        *document["gates"][0],
        *document["standing"],
    ]:
        assert f"`{name}`" in documented, name
    assert document["state"] == "waiting"
    assert [task["status"] for task in document["tasks"]] == ["done"]
    assert document["events"][0]["kind"] == "run.created"


@pytest.fixture
def logs(books: Books) -> Path:
    """The logs directory of a run with one session and one check."""
    run_id = books.dispatch()
    books.write(run_id, honest_story)
    places = books.home.run(run_id)
    session = places.step_logs("task/1/implement#1", 1)
    session.mkdir(parents=True)
    (session / "stdout.log").write_bytes(b"first try\n")
    again = places.step_logs("task/1/implement#1", 2)
    again.mkdir()
    (again / "stdout.log").write_bytes(
        b"hello \x1b]0;owned\x07\x1b[31mred\x1b[0m\n\xff\xfe junk\nlast without newline"
    )
    (again / "stderr.log").write_bytes(b"trouble\n")
    checks = places.step_logs("task/1/checks#1", 1)
    checks.mkdir(parents=True)
    (checks / "check-1.log").write_bytes(b"\n".join(b"%d" % number for number in range(100)) + b"\n")
    return places.logs


def test_logs_are_listed_in_the_order_of_the_steps(logs: Path, fabrik: Fabrik) -> None:
    lines = fabrik("runs", "logs", "last").stdout.splitlines()
    assert [line.split()[:3] for line in lines[1:5]] == [
        ["task/1/implement#1", "1", "stdout.log"],
        ["task/1/implement#1", "2", "stderr.log"],
        ["task/1/implement#1", "2", "stdout.log"],
        ["task/1/checks#1", "1", "check-1.log"],
    ]
    rows = json.loads(fabrik("runs", "logs", "last", "--json").stdout)
    assert rows[0] == {
        "step": "task/1/implement#1",
        "attempt": 1,
        "path": str(logs / "task.1.implement#1" / "1" / "stdout.log"),
        "bytes": 10,
    }


def test_a_log_is_printed_harmless_and_whole(logs: Path, fabrik: Fabrik) -> None:
    done = fabrik("runs", "logs", "last", "--step", "task/1/implement#1")
    assert done.stdout == "hello red\n\ufffd\ufffd junk\nlast without newline\n"
    assert fabrik("runs", "logs", "last", "--step", "task/1/implement#1", "--stderr").stdout == "trouble\n"


def test_the_tail_of_a_log(logs: Path, fabrik: Fabrik) -> None:
    assert fabrik("runs", "logs", "last", "--step", "task/1/checks#1", "-n", "2").stdout == "98\n99\n"


def test_a_step_without_logs_is_told_which_there_are(logs: Path, fabrik: Fabrik) -> None:
    done = fabrik("runs", "logs", "last", "--step", "task/9/implement#1")
    assert done.returncode == 2
    assert "task/1/checks#1, task/1/implement#1" in done.stderr


def test_a_very_long_line_does_not_fill_the_memory(logs: Path, fabrik: Fabrik) -> None:
    log = logs / "task.1.checks#1" / "1" / "check-1.log"
    log.write_bytes(b"x" * (1 << 20))
    done = fabrik("runs", "logs", "last", "--step", "task/1/checks#1")
    assert done.stdout.count("x") == 1 << 20
    assert max(len(line) for line in done.stdout.splitlines()) <= 64 << 10


def test_a_linked_log_is_not_followed(logs: Path, fabrik: Fabrik, tmp_path: Path) -> None:
    secret = tmp_path / "secret"
    secret.write_text("the secret\n")
    (logs / "task.1.checks#1" / "1" / "check-2.log").symlink_to(secret)
    assert "secret" not in fabrik("runs", "logs", "last", "--step", "task/1/checks#1").stdout


@pytest.mark.parametrize("arguments", [["runs", "list"], ["runs", "list", "--json"]])
def test_reading_loads_nothing_heavy(books: Books, arguments: list[str]) -> None:
    books.finished(Verdict.SHIPPED)
    program = (
        "import sys\nfrom fabrik.cli.main import run\n"
        f"status = run({arguments!r})\n"
        f"print([name for name in {HEAVY!r} if name in sys.modules], file=sys.stderr)\nsys.exit(status)"
    )
    done = subprocess.run(
        [sys.executable, "-c", program],
        env=os.environ,
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )
    assert done.stderr.strip() == "[]"
