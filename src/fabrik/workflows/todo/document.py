"""The agent's report with the tasks of a spec, read strictly: one that leaves a criterion out is unusable."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import Field, ValidationError

from fabrik.problems import Problem, explain
from fabrik.specs.documents import Document, TaskDocument, Text, Texts
from fabrik.specs.json_spec import read_json_todo
from fabrik.specs.model import Spec, Todo
from fabrik.specs.unchecked import weak
from fabrik.workflows.consult import Unusable
from fabrik.workflows.reports import clean, unusable
from fabrik.workflows.review.document import read_document
from fabrik.workflows.todo.model import MOST_TASKS, Plan, Planned

Number = Annotated[int, Field(ge=1)]


class PlannedDocument(TaskDocument):
    """A task with what it is for; TaskDocument has what a todo keeps of it."""

    verify: Text
    covers: list[Number]
    tests: list[Text] = Field(default_factory=list)


class PlanDocument(Document):
    """What the agent leaves."""

    v: Literal[1]
    tdd: bool
    dod: Texts = Field(default_factory=list)
    tasks: Annotated[list[PlannedDocument], Field(min_length=1, max_length=MOST_TASKS)]


def read_plan(
    data: bytes | None, spec_id: str, accept: Sequence[str], taken: Collection[str]
) -> Plan | Unusable:
    """The tasks of a spec with these acceptance criteria; or everything that is wrong with them.

    taken: names of checks that belong to the spec.
    """
    found = read_document(data)
    if isinstance(found, str):
        return Unusable(problem=found)
    values = clean(found.values)
    try:
        plan = PlanDocument.model_validate(values)
    except ValidationError as error:
        return unusable(found.problems, explain(error.errors(), PlanDocument, ""))
    document = _todo_document(plan, spec_id)
    problems: list[Problem] = []
    todo = read_json_todo(json.dumps(document, ensure_ascii=False), Path(), problems, taken)
    problems = [replace(problem, file="") for problem in problems]
    problems += _coverage(plan.tasks, accept)
    if todo is not None:
        problems += _weak(todo)
    if todo is None or problems or found.problems:
        return unusable(found.problems, problems)
    return Plan(
        document=document,
        tasks=tuple(
            Planned(
                id=task.id,
                do=task.do,
                covers=tuple(dict.fromkeys(sorted(task.covers))),
                tests=tuple(task.tests),
                checks=tuple(check.name for check in made.checks),
            )
            for task, made in zip(plan.tasks, todo.tasks, strict=True)
        ),
    )


def _todo_document(plan: PlanDocument, spec_id: str) -> dict[str, Any]:
    """As todo.json has it: what a task covers and which tests it requires become a part of its `verify`."""
    return {
        "v": 1,
        "id": spec_id,
        "tdd": plan.tdd,
        "dod": list(plan.dod),
        "tasks": [_task(task) for task in plan.tasks],
    }


def _task(task: PlannedDocument) -> dict[str, Any]:
    parts = [task.verify]
    if task.tests:
        parts.append(
            "Required tests:\n" + "\n".join("- " + test.replace("\n", "\n  ") for test in task.tests)
        )
    if task.covers:
        numbers = ", ".join(map(str, dict.fromkeys(sorted(task.covers))))
        parts.append(f"Acceptance criteria: {numbers}")
    made: dict[str, Any] = {"id": task.id, "do": task.do, "verify": "\n\n".join(parts)}
    if task.checks:
        made["checks"] = [
            check.model_dump(exclude_none=True, exclude_defaults=True, by_alias=True) for check in task.checks
        ]
    return made


def _coverage(tasks: Iterable[PlannedDocument], accept: Sequence[str]) -> list[Problem]:
    """Criteria without a task, numbers that are none, and tasks that prove nothing of what they cover."""
    problems, covered = [], set[int]()
    for index, task in enumerate(tasks):
        covered.update(task.covers)
        if beyond := sorted({number for number in task.covers if number > len(accept)}):
            what = f"there is no criterion {', '.join(map(str, beyond))}: they are 1 to {len(accept)}"
            problems.append(Problem(file="", where=f"tasks[{index}].covers", what=what))
        if task.covers and not task.tests:
            what = "the task covers criteria and requires no test"
            problems.append(Problem(file="", where=f"tasks[{index}].tests", what=what))
    missing = [number for number in range(1, len(accept) + 1) if number not in covered]
    if missing:
        which = f"criterion {missing[0]} is" if len(missing) == 1 else f"criteria {_and(missing)} are"
        problems.append(Problem(file="", where="tasks", what=f"{which} covered by no task"))
    return problems


def _weak(todo: Todo) -> list[Problem]:
    """Commands that pass, or fail, whatever was built."""
    found = []
    for index, task in enumerate(todo.tasks):
        spec = Spec(
            id=todo.id,
            title=todo.id,
            status="ready",
            goals=(),
            accept=(),
            checks=task.checks,
            source="",
            path=Path(),
        )
        found += [
            replace(problem, file="", where=f"tasks[{index}]: {problem.where}") for problem in weak(spec)
        ]
    return found


def _and(numbers: Sequence[int]) -> str:
    return f"{', '.join(map(str, numbers[:-1]))} and {numbers[-1]}"
