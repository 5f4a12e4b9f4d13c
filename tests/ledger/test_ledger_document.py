"""The page ledger: every column that it names is there, none is missing, and each of its queries answers."""

from __future__ import annotations

import asyncio
import re
import shutil
import sqlite3
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from ledger_support import lock_of, new_run, open_ledger

from fabrik.ledger.journal import Journal, StepContext
from fabrik.ledger.ownership import claim
from fabrik.ledger.types import ReviewReport, TaskReport

DOCUMENT = (Path(__file__).parents[2] / "src/fabrik/manual/pages/ledger.md").read_text("utf-8")
TABLES = ("runs", "task_report", "review_report", "review_summary", "human_gate", "human_feedback")
FIRST = "01JAAAAAAAAAAAAAAAAAAAAA1X"
SECOND = "01JAAAAAAAAAAAAAAAAAAAAA2Y"
MARKS = ["security: 2 findings are open", "verifier has no verdict"]


def queries() -> dict[str, str]:
    """The queries by the questions that they answer."""
    return dict(re.findall(r"^([^\n]*\?)\n\n```sql\n(.*?)```$", DOCUMENT, re.MULTILINE | re.DOTALL))


def documented(table: str) -> set[str]:
    section = DOCUMENT.split(f"\n## {table}\n")[1].split("\n## ")[0]
    first_cells = re.findall(r"^\| (`[^|]*) \|", section, re.MULTILINE)
    return {name for cell in first_cells for name in re.findall(r"`(\w+)`", cell)}


async def _history(journal: Journal) -> None:
    async def review(context: StepContext) -> str:
        for reviewer, issues, reason in (
            ("security", ("a.py:1: no limit", "a.py:7: the password is logged"), ""),
            ("verifier", (), "timed out after 600 s"),
        ):
            context.record(
                ReviewReport(
                    reviewer=reviewer,
                    step=context.key,
                    kind="full",
                    round=1,
                    commit="abc",
                    status="no_verdict" if reason else "changes_requested",
                    issues=issues,
                    reason=reason,
                )
            )
        context.record(TaskReport(task="1", step=context.key, status="done", commit="abc"))
        return "x"

    await journal.step("review#1", review, result=str)
    await journal.set_candidate("abc")
    await journal.open_gate(1, "abc", "look", marks=MARKS)


@pytest.fixture(params=[True, False], ids=["in use", "left alone"])
def path(tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[Path]:
    """Two runs: the first was approved in spite of its marks, the second waits."""
    with open_ledger(tmp_path) as ledger:
        for run_id in (FIRST, SECOND):
            run = ledger.create_run(new_run(tmp_path, id=run_id))
            with claim(ledger, run_id, lock_of(run)) as ownership:
                asyncio.run(_history(Journal(ledger, ownership)))
        ledger.decide_gate(FIRST, 1, approve=True, by="ann", notes="we need it today")
        ledger.add_feedback(SECOND, decision="noted", by="ben", notes="use the cache")
        if request.param:
            yield ledger.path
            return
    yield ledger.path


ANSWERS: dict[str, list[tuple[Any, ...]]] = {
    "What waits for a decision": [(SECOND, "Log in", "*", mark) for mark in MARKS],
    "What did the reviewers find": [
        (1, "security", "a.py:1: no limit"),
        (1, "security", "a.py:7: the password is logged"),
    ],
    "Which reviewers give no verdict": [("verifier", "timed out after 600 s", 2)],
    "Which candidates were approved": [
        (FIRST, "login", "abc", "ann", f'["{MARKS[0]}","{MARKS[1]}"]', "we need it today")
    ],
    "What was said": [
        ("specs/login.json", FIRST, "approved", "ann", "we need it today", None),
        ("specs/login.json", SECOND, "noted", "ben", "use the cache", None),
    ],
}


def test_there_is_an_answer_for_each_question() -> None:
    assert len(queries()) == len(ANSWERS) == DOCUMENT.count("```sql")


@pytest.mark.parametrize("question", ANSWERS)
def test_a_documented_query_answers(path: Path, question: str) -> None:
    (query,) = (query for asked, query in queries().items() if asked.startswith(question))
    db = sqlite3.connect(f"file:{path}?mode=ro", uri=True)
    found = db.execute(query).fetchall()
    db.close()
    assert len(found) == len(ANSWERS[question])
    for row, wanted in zip(found, ANSWERS[question], strict=True):
        assert [cell for cell, want in zip(row, wanted, strict=True) if want != "*"] == [
            want for want in wanted if want != "*"
        ]
    if shutil.which("sqlite3"):
        done = subprocess.run(
            ["sqlite3", "-readonly", path, query], capture_output=True, text=True, check=False
        )
        assert (done.returncode, done.stderr) == (0, "")
        assert len(done.stdout.splitlines()) == len(found)


@pytest.mark.parametrize("table", TABLES)
def test_the_columns_are_those_of_the_document(path: Path, table: str) -> None:
    db = sqlite3.connect(f"file:{path}?mode=ro", uri=True)
    columns = {row[1] for row in db.execute(f"PRAGMA table_info({table})")}
    db.close()
    assert documented(table) <= columns
    if table != "runs":  # of its many columns, those that are asked for
        assert documented(table) == columns
