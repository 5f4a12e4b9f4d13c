"""The statements: each is valid, each is used, and the listing does not read what it does not show."""

from __future__ import annotations

import re
import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest
from ledger_support import new_run, open_ledger

from fabrik.ledger import sql
from fabrik.ledger.connection import SCHEMA_VERSION
from fabrik.ledger.sql import QUERIES, migrations

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
        steps = 0

        def count() -> None:
            nonlocal steps
            steps += 1

        ledger._db.set_progress_handler(count, 1000)
        page = ledger.list_runs()
        ledger._db.set_progress_handler(None, 0)
        assert len(page) == 20
        assert page[0].seq == runs
        assert steps <= 10  # thousands of SQLite's instructions; reading all runs takes hundreds
        assert len(ledger.list_runs(limit=None)) == runs
        assert ledger.find_run(first.id).id == first.id
        assert ledger.find_run("9999").seq == runs


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
    assert "fabrik.ledger.records" not in loaded
