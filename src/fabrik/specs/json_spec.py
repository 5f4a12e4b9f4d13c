"""A spec and a todo out of JSON."""

from __future__ import annotations

import json
from collections.abc import Collection
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from fabrik.problems import Problem, explain
from fabrik.specs import naming
from fabrik.specs.documents import SpecDocument, TodoDocument
from fabrik.specs.draft import Draft
from fabrik.specs.json_text import parse_object
from fabrik.specs.model import Spec, Task, Todo


def read_json_spec(text: str, draft: Draft) -> None:
    """Fill the draft from the text of a spec.json."""
    file = str(draft.path)
    values = parse_object(text, file, draft.problems)
    if values is None:
        return
    draft.id = values["id"] if isinstance(values.get("id"), str) else None
    draft.depends_on = _texts(values.get("dependsOn"))
    try:
        document = SpecDocument.model_validate(values)
    except ValidationError as error:
        draft.problems += explain(error.errors(), SpecDocument, file)
        return
    places = [f"checks[{index}]" for index in range(len(document.checks))]
    hidden = [f"holdout[{index}]" for index in range(len(document.holdout))]
    draft.problems += naming.repeated(document.checks, places, file)
    names = naming.name_checks(
        [*document.checks, *document.holdout], [*places, *hidden], file, draft.problems
    )
    if draft.problems:
        return
    draft.spec = Spec(
        id=document.id,
        title=document.title,
        status=document.status,
        goals=tuple(document.goals),
        non_goals=tuple(document.non_goals),
        api=tuple(document.req.api),
        behavior=tuple(document.req.behavior),
        obs=tuple(document.req.obs),
        accept=tuple(document.accept),
        assume=tuple(document.assume),
        supersedes=tuple(document.supersedes),
        depends_on=tuple(document.depends_on),
        env=tuple(document.cfg.env) if document.cfg else (),
        checks=naming.checks(document.checks, names[: len(places)]),
        holdout=naming.held_out(document.holdout, names[len(places) :]),
        may_change=tuple(dict.fromkeys(document.may_change)),
        source=_visible(text, values),
        path=draft.path,
    )


def read_json_todo(
    text: str, path: Path, problems: list[Problem], taken: Collection[str] = ()
) -> Todo | None:
    """The todo in the text of a todo.json, or None. `taken`: the names of the spec's own checks."""
    file = str(path)
    found: list[Problem] = []
    values = parse_object(text, file, found)
    todo = None
    if values is not None:
        try:
            todo = _todo(TodoDocument.model_validate(values), file, found, taken)
        except ValidationError as error:
            found += explain(error.errors(), TodoDocument, file)
    problems += found
    return None if found else todo


def _todo(document: TodoDocument, file: str, problems: list[Problem], taken: Collection[str]) -> Todo:
    seen: dict[str, int] = {}
    tasks = []
    for index, task in enumerate(document.tasks):
        if (first := seen.setdefault(task.id.casefold(), index)) != index:
            what = f"the id {task.id!r} is that of tasks[{first}] as well"
            problems.append(
                Problem(file=file, where=f"tasks[{index}].id", what=what, todo="give every task its own id")
            )
        places = [f"tasks[{index}].checks[{number}]" for number in range(len(task.checks))]
        problems += naming.repeated(task.checks, places, file)
        names = naming.name_checks(task.checks, places, file, problems, taken)
        tasks.append(
            Task(id=task.id, do=task.do, verify=task.verify, checks=naming.checks(task.checks, names))
        )
    return Todo(id=document.id, tdd=document.tdd, dod=tuple(document.dod), tasks=tuple(tasks))


def _visible(text: str, values: dict[str, Any]) -> str:
    """The spec as agents may see it."""
    if "holdout" not in values:
        return text
    kept = {key: value for key, value in values.items() if key not in ("holdout", "comments")}
    return json.dumps(kept, indent=2, ensure_ascii=False) + "\n"


def _texts(value: Any) -> tuple[str, ...]:
    return tuple(item for item in value if isinstance(item, str)) if isinstance(value, list) else ()
