"""`fabrik spec status`: files and ledger on one table."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from ledgers import COMMIT, Books, Fabrik

from fabrik.outcome import Verdict


def written(directory: Path, name: str, **changes: Any) -> Path:
    values = {
        "v": 1,
        "id": name,
        "title": f"The {name}",
        "status": "ready",
        "version": "1",
        "lastUpdated": "",
        "goals": ["g"],
        "nonGoals": [],
        "req": {"api": [], "behavior": [], "obs": []},
        "accept": ["a"],
        "assume": [],
        "checks": ["make test"],
    }
    path = directory / f"{name}.json"
    directory.mkdir(exist_ok=True)
    path.write_text(json.dumps(values | changes), encoding="utf-8")
    return path


def test_without_a_ledger(tmp_path: Path, fabrik: Fabrik) -> None:
    written(tmp_path / "specs", "first")
    written(tmp_path / "specs", "second", dependsOn=["first"])
    (tmp_path / "specs/broken.json").write_text("{")
    result = fabrik("spec", "status", str(tmp_path / "specs"))
    assert result.returncode == 0, result.stderr
    heading, *lines = result.stdout.splitlines()
    assert heading.split()[:5] == ["SPEC", "TITLE", "STATUS", "CHECKS", "TASKS"] and "LAST RUN" not in heading
    assert "not sound" in lines[0] and "1 cannot be run" in lines[-1]
    assert lines[2].startswith("second") and lines[2].rstrip().endswith("first")


def test_what_the_ledger_says(tmp_path: Path, fabrik: Fabrik, books: Books) -> None:
    specs = tmp_path / "specs"
    first = written(specs, "first")
    written(specs, "second", dependsOn=["first", "third"])
    third = written(specs, "third")
    books.finished(Verdict.FAILED, "no", spec_id="first", spec_path=str(first), project=str(tmp_path))
    shipped = books.finished(Verdict.SHIPPED, spec_id="first", spec_path=str(first), project=str(tmp_path))
    # The same spec, dispatched from a file that has moved since.
    books.waiting(spec_id="third", spec_path=str(tmp_path / "old/third.json"), project=str(tmp_path))
    books.finished(Verdict.SHIPPED, spec_id="third", spec_path="/other/third.json", project="/other")
    assert third.exists()
    rows = {row["id"]: row for row in json.loads(fabrik("spec", "status", str(specs), "--json").stdout)}
    assert rows["first"]["run"]["id"] == shipped and rows["first"]["run"]["status"] == "shipped"
    assert rows["second"]["run"] is None and rows["second"]["waits_for"] == ["third"]
    assert rows["third"]["run"]["state"] == "waiting" and rows["third"]["run"]["candidate"] == COMMIT
    table = fabrik("spec", "status", str(specs)).stdout
    assert f"shipped {shipped[-8:]}" in table and COMMIT[:8] in table and "WAITS FOR" in table


@pytest.mark.parametrize("workflow", ["todo", "review", "interview", "judge"])
def test_a_run_that_only_looked_at_a_spec_does_not_do_it(
    tmp_path: Path, fabrik: Fabrik, books: Books, workflow: str
) -> None:
    first = written(tmp_path / "specs", "first")
    written(tmp_path / "specs", "second", dependsOn=["first"])
    where = {"spec_id": "first", "spec_path": str(first), "project": str(tmp_path)}
    books.finished(Verdict.DONE, workflow=workflow, **where)
    found = fabrik("spec", "status", str(first.parent), "--json").stdout
    rows = {row["id"]: row for row in json.loads(found)}
    assert rows["first"]["run"] is None and rows["second"]["waits_for"] == ["first"]
    books.finished(Verdict.DONE, workflow="backlog", **where)
    found = fabrik("spec", "status", str(first.parent), "--json").stdout
    assert {row["id"]: row for row in json.loads(found)}["second"]["waits_for"] == []


def test_tasks_and_nothing(tmp_path: Path, fabrik: Fabrik) -> None:
    path = written(tmp_path / "specs", "first")
    todo = {"v": 1, "id": "first", "tdd": False, "dod": [], "tasks": [{"id": "a", "do": "x", "verify": "y"}]}
    path.with_name("first.todo.json").write_text(json.dumps(todo))
    assert json.loads(fabrik("spec", "status", str(path.parent), "--json").stdout)[0]["tasks"] == 1
    (tmp_path / "empty").mkdir()
    result = fabrik("spec", "status", str(tmp_path / "empty"))
    assert result.returncode == 2 and "there are no specs" in result.stderr
