"""The agent's plan for a spec: no criterion without a task, no task without tests, all mistakes at once."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from fabrik.specs.read import read_todo
from fabrik.workflows.consult import Unusable
from fabrik.workflows.todo.document import read_plan
from fabrik.workflows.todo.model import Plan

ACCEPT = ("milk is found", "without a match it ends with 1", "it is fast enough")


def task(**more: Any) -> dict[str, Any]:
    values: dict[str, Any] = {
        "id": "find",
        "do": "Notes are found.",
        "verify": "Milk is found.",
        "covers": [1, 2, 3],
        "tests": ["milk prints its note", "nothing found:\nexit 1"],
    }
    return {key: value for key, value in (values | more).items() if value is not None}


def plan(*tasks: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {"v": 1, "tdd": True, "dod": [], "tasks": list(tasks)} | more


def read(report: Any, taken: tuple[str, ...] = ()) -> Plan | Unusable:
    data = report if isinstance(report, bytes) or report is None else json.dumps(report).encode()
    return read_plan(data, "find-notes", ACCEPT, taken)


def problem(report: Any, taken: tuple[str, ...] = ()) -> str:
    found = read(report, taken)
    assert isinstance(found, Unusable), found
    return found.problem


def test_a_plan_becomes_a_todo(tmp_path: Path) -> None:
    prepares = task(id="index", covers=[], tests=None)
    found = read(
        plan(prepares, task(covers=[3, 1, 2, 1], checks=["make find", {"run": "make x", "seconds": 9}]))
    )
    assert isinstance(found, Plan)
    path = tmp_path / "find-notes.todo.json"
    path.write_text(json.dumps(found.document))
    todo = read_todo(path)
    assert (todo.id, todo.tdd, todo.dod) == ("find-notes", True, ())
    assert [each.id for each in todo.tasks] == ["index", "find"]
    assert todo.tasks[0].verify == "Milk is found."
    assert todo.tasks[1].verify == (
        "Milk is found.\n\nRequired tests:\n- milk prints its note\n- nothing found:\n  exit 1\n\n"
        "Acceptance criteria: 1, 2, 3"
    )
    assert [(check.run, check.seconds) for check in todo.tasks[1].checks] == [
        ("make find", None),
        ("make x", 9),
    ]
    assert found.tasks[1].covers == (1, 2, 3) and found.tasks[1].checks == ("make find", "make x")
    assert set(found.document) == {"v", "id", "tdd", "dod", "tasks"}
    assert set(found.document["tasks"][1]) == {"id", "do", "verify", "checks"}


@pytest.mark.parametrize(
    ("report", "what"),
    [
        (None, "there is no report"),
        (plan(), "tasks: must not be empty"),
        (plan(task(), v=2), "v: must be 1"),
        (plan(task(covers=[1])), "criteria 2 and 3 are covered by no task"),
        (plan(task(covers=[1, 3])), "criterion 2 is covered by no task"),
        (plan(task(covers=None)), "tasks[0].covers: is missing"),
        (plan(task(covers=[0, 1, 2, 3])), "tasks[0].covers[0]: must be at least 1"),
        (plan(task(covers=[True, 1, 2, 3])), "covers[0]: must be a whole number"),
        (plan(task(covers=[1, 2, 3, 9])), "there is no criterion 9: they are 1 to 3"),
        (plan(task(tests=[])), "covers criteria and requires no test"),
        (plan(task(), task(id="FIND")), "is that of tasks[0] as well"),
        (plan(task(id="a b")), "cannot be part of a branch name"),
        (plan(task(verify=" ")), "verify: must not be empty"),
        (plan(task(checks=["true"])), "can never fail"),
        (plan(task(cheks=[])), "did you mean `checks`?"),
        (plan(*[task(id=f"t{n}") for n in range(41)]), "tasks"),
    ],
)
def test_a_plan_that_cannot_be_used(report: Any, what: str) -> None:
    assert what in problem(report)


def test_names_of_checks_belong_to_the_spec() -> None:
    named = plan(task(checks=[{"name": "tests", "run": "make test"}]))
    assert isinstance(read(named), Plan)
    assert "the name 'tests' is given to two checks" in problem(named, taken=("tests",))


def test_all_mistakes_are_told_at_once() -> None:
    told = problem(plan(task(covers=[1], tests=[]), task(covers=[7])))
    assert all(what in told for what in ("no criterion 7", "requires no test", "2 and 3", "tasks[1].id"))
