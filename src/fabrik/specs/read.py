"""Reads specs and todos. What is wrong is told all at once, as SpecErrors."""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path

from fabrik.problems import Problem
from fabrik.specs import graph
from fabrik.specs.draft import Draft
from fabrik.specs.drafts import read_draft, siblings, todo_path_of
from fabrik.specs.files import decode, read_bytes
from fabrik.specs.holdout import read_holdout
from fabrik.specs.json_spec import read_json_todo
from fabrik.specs.model import Loaded, Spec, Todo
from fabrik.specs.problems import SpecErrors
from fabrik.specs.unchecked import unchecked, weak

__all__ = ["SpecErrors", "load", "read_spec", "read_todo", "unchecked"]


def read_spec(path: Path) -> Spec:
    """The spec in a Markdown or JSON file. Raises SpecErrors with every problem of the file."""
    draft = read_draft(path)
    if draft.spec is None or draft.problems:
        raise SpecErrors(draft.problems)
    return draft.spec


def read_todo(path: Path) -> Todo:
    """The todo in a JSON file. Raises SpecErrors with every problem of the file."""
    problems: list[Problem] = []
    _, todo = read_todo_file(path, problems)
    if todo is None:
        raise SpecErrors(problems)
    return todo


def load(spec_path: Path, todo_path: Path | None = None) -> Loaded:
    """A spec with its todo and the files of its held-out checks.

    Without `todo_path` the todo is `<spec without its suffix>.todo.json` where that exists, else the spec's
    own section of tasks, else None. Raises SpecErrors with every problem of all these files.
    """
    draft = read_draft(spec_path)
    problems = list(draft.problems)
    chosen = todo_path
    if chosen is None and (default := todo_path_of(spec_path)).exists():
        chosen = default
    data, todo = None, draft.todo
    if chosen is not None:
        data, todo = read_todo_file(chosen, problems, taken=names_taken(draft))
        problems += pairing(draft, chosen, by_default=todo_path is None)
    problems += _dependencies(draft)
    files = read_holdout(draft.spec, problems) if draft.spec else {}
    if draft.spec is None or problems:
        raise SpecErrors(problems)
    return Loaded(
        spec=draft.spec,
        todo=todo,
        todo_path=chosen,
        spec_bytes=draft.data,
        todo_bytes=data,
        holdout_files=files,
        problems=(*weak(draft.spec), *draft.remarks),
    )


def read_todo_file(
    path: Path, problems: list[Problem], taken: Collection[str] = ()
) -> tuple[bytes | None, Todo | None]:
    """The bytes of a todo's file and the todo in it. Problems go to the list."""
    data = read_bytes(path)
    if isinstance(data, Problem):
        problems.append(data)
        return None, None
    text = decode(data, str(path))
    if isinstance(text, Problem):
        problems.append(text)
        return data, None
    return data, read_json_todo(text, path, problems, taken)


def names_taken(draft: Draft) -> tuple[str, ...]:
    """The names that checks of tasks must not have."""
    return tuple(check.name for check in (*draft.spec.checks, *draft.spec.holdout)) if draft.spec else ()


def pairing(draft: Draft, path: Path, *, by_default: bool) -> list[Problem]:
    """What is wrong between a spec and the todo that was found for it.

    The todo's own id may be any: files of the original have ids of their own there.
    """
    if not by_default or draft.todo is None:
        return []
    what = f"the spec {draft.path} lists tasks as well"
    return [Problem(file=str(path), what=what, todo="remove one of the two, or choose with --todo")]


def _dependencies(draft: Draft) -> list[Problem]:
    """What is wrong with the spec's dependencies, seen from the files beside it."""
    if not draft.depends_on:
        return []
    try:
        around = [read_draft(path) for path in siblings(draft.path.parent) if path.name != draft.path.name]
    except OSError:
        around = []
    edges = {other.id: other.depends_on for other in around if other.id is not None}
    known = [*edges, *([draft.id] if draft.id is not None else [])]
    return [*graph.missing([draft], known), *graph.circles([draft], edges)]
