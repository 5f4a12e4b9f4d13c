"""The statements: each is valid, each is used, and the listing does not read what it does not show."""

from __future__ import annotations

import re
import sqlite3
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from ledger_support import new_run, open_ledger

from fabrik.ledger import sql
from fabrik.ledger.connection import SCHEMA_VERSION
from fabrik.ledger.sql import QUERIES, migrations
from fabrik.ledger.store import Ledger

SOURCE = Path(sql.__file__).parent
USER_TABLES = {"runs", "task_report", "review_report", "review_summary", "human_gate", "human_feedback"}


def test_the_names_in_the_code_and_in_the_file_are_the_same() -> None:
    code = "\n".join(path.read_text() for path in SOURCE.glob("*.py"))
    used = set(re.findall(r'(?:run_query\(\s*db,\s*|_read\()"(\w+)"', code))
    assert used == set(QUERIES)


@pytest.mark.parametrize("name", sorted(QUERIES))
def test_every_statement_compiles(tmp_path: Path, name: str) -> None:
    with open_ledger(tmp_path) as ledger:
        parameters = dict.fromkeys(re.findall(r":(\w+)", QUERIES[name]))
        ledger._db.execute(f"EXPLAIN {QUERIES[name]}", parameters).fetchall()


def test_the_schema_ends_at_the_version_that_the_code_knows(tmp_path: Path) -> None:
    assert max(migrations()) == SCHEMA_VERSION
    with open_ledger(tmp_path) as ledger:
        path = ledger.path
    db = sqlite3.connect(path)
    assert db.execute("PRAGMA user_version").fetchone() == (SCHEMA_VERSION,)
    assert db.execute("PRAGMA journal_mode").fetchone() == ("wal",)
    tables = {row[0] for row in db.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}
    assert tables >= USER_TABLES | {"steps", "events", "model_calls"}
    columns = {row[1] for row in db.execute("PRAGMA table_info(runs)")}
    assert columns >= {
        *("spec_path", "todo_path", "repo_url", "repo_ref", "started_at", "status", "exit_code"),
        *("failure_reason", "cli_version", "os", "git_sha"),
    }
    db.close()


def test_every_commit_reaches_the_disk(tmp_path: Path) -> None:
    with open_ledger(tmp_path) as ledger:
        assert ledger._db.execute("PRAGMA synchronous").fetchone()[0] == 2  # FULL
        assert ledger._db.execute("PRAGMA foreign_keys").fetchone()[0] == 1
        assert ledger._db.execute("PRAGMA busy_timeout").fetchone()[0] == 30_000


def test_ten_thousand_runs_are_listed_by_reading_twenty(tmp_path: Path) -> None:
    runs = 10_000
    with open_ledger(tmp_path) as ledger:
        first = ledger.create_run(new_run(tmp_path))
        columns = [row[1] for row in ledger._db.execute("PRAGMA table_info(runs)")]
        others = ", ".join(c for c in columns if c not in ("seq", "id"))
        with ledger.transaction() as db:
            db.execute(
                f"INSERT INTO runs (id, {others}) SELECT printf('01J%023d', value), {others}"
                " FROM runs, (WITH RECURSIVE n(value) AS"
                " (SELECT 1 UNION ALL SELECT value + 1 FROM n LIMIT ?) SELECT value FROM n)",
                (runs - 1,),
            )
        assert instructions(ledger, ledger.list_runs) <= 10  # reading all runs takes hundreds
        page = ledger.list_runs()
        assert len(page) == 20
        assert page[0].seq == runs
        assert len(ledger.list_runs(limit=None)) == runs
        assert ledger.find_run(first.id).id == first.id
        assert ledger.find_run("9999").seq == runs


def instructions(ledger: Ledger, work: Callable[[], object]) -> int:
    """Thousands of SQLite's instructions that it takes."""
    steps = 0

    def count() -> None:
        nonlocal steps
        steps += 1

    ledger._db.set_progress_handler(count, 1000)
    work()
    ledger._db.set_progress_handler(None, 0)
    return steps


def test_a_run_with_a_long_history_is_asked_without_reading_it(tmp_path: Path) -> None:
    """`fabrik why` asks for the last of some rare events; a session asks whether there is a new note."""
    many = 50_000
    counted = "WITH RECURSIVE n(value) AS (SELECT 1 UNION ALL SELECT value + 1 FROM n LIMIT ?)"
    numbers = f"({counted} SELECT value FROM n)"
    with open_ledger(tmp_path) as ledger:
        run = ledger.create_run(new_run(tmp_path))
        other = ledger.create_run(new_run(tmp_path))
        ledger.set_budget(run.id, usd=1.0, tokens=None, by="ann")
        with ledger.transaction() as db:
            db.execute(
                "INSERT INTO events (run_id, at, kind, data)"
                f" SELECT ?, 0, 'model.call', '{{}}' FROM {numbers}",
                (run.id, many),
            )
            db.execute(
                "INSERT INTO human_feedback (run_id, spec_path, decision, decided_by, notes, created_at)"
                f" SELECT ?, 'specs/' || value, 'noted', 'ann', 'n', 0 FROM {numbers}",
                (other.id, many),
            )
        found = []
        questions: list[Callable[[], object]] = [
            lambda: found.append(ledger.last_event(run.id)),
            lambda: found.append(ledger.last_event(run.id, ["run.budget", "run.created", "gate.opened"])),
            lambda: found.append(ledger.last_event(run.id, ["gate.opened"])),
            lambda: found.append(ledger.last_event(run.id, [])),
            lambda: ledger.events(run.id, after=many),
            lambda: ledger.unused_feedback(run.id),
            lambda: ledger.feedback(run.id),
            lambda: ledger.feedback_on_spec("specs/77"),
            lambda: ledger.review_reports(run.id),
            lambda: ledger.gates(run.id),
        ]
        assert [instructions(ledger, question) for question in questions] == [0] * len(questions)
        assert [event and event.kind for event in found] == ["model.call", "run.budget", None, None]
        assert instructions(ledger, lambda: ledger.events(run.id)) > 100  # the measure can tell


def test_reading_loads_nothing_heavy() -> None:
    script = (
        "import sys; before = set(sys.modules); import fabrik.ledger.store, fabrik.ledger.ownership;"
        "print(*sorted(set(sys.modules) - before))"
    )
    loaded = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True
    ).stdout.split()
    assert "fabrik.ledger.store" in loaded
    heavy = {"asyncio", "pydantic", "click", "subprocess", "tempfile", "hashlib", "importlib.resources"}
    assert heavy & set(loaded) == set()
    written_only = {
        f"fabrik.ledger.{name}" for name in ("records", "gates", "feedback", "reports", "journal")
    }
    assert written_only & set(loaded) == set()
