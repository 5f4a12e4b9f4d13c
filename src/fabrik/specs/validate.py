"""Validates many specs at once, and what holds between them."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from fabrik.problems import Problem
from fabrik.specs import graph
from fabrik.specs.draft import Draft
from fabrik.specs.drafts import MARKDOWN, read_draft, siblings, todo_path_of
from fabrik.specs.files import decode, read_bytes
from fabrik.specs.holdout import read_holdout
from fabrik.specs.markdown_spec import looks_like_spec
from fabrik.specs.model import Spec
from fabrik.specs.read import names_taken, pairing, read_todo_file
from fabrik.specs.unchecked import left_to_the_project, unchecked, weak

# Keys that a JSON file has which is meant as a spec; `package.json` and the like have none of them.
_TELLING = frozenset({"goals", "nonGoals", "req", "accept", "assume", "dependsOn", "supersedes", "mayChange"})
_OVER = ("done", "superseded")  # nobody runs these any more


@dataclass(frozen=True, kw_only=True)
class Report:
    """What a validation found."""

    errors: tuple[Problem, ...]
    warnings: tuple[Problem, ...]
    specs: tuple[Spec, ...]  # those without errors of their own
    files: int  # spec and todo files that were looked at
    skipped: tuple[Path, ...]  # files in the given directories that are no specs


def validate(paths: Sequence[Path]) -> list[Problem]:
    """Every error of every file. Directories stand for the specs in them."""
    return list(inspect(paths).errors)


def inspect(paths: Sequence[Path], *, project_checks: bool = False) -> Report:
    """Look at files, and at the specs in directories: every error and every warning.

    project_checks: the project itself names checks, so that a spec without its own can be proved.
    """
    errors: list[Problem] = []
    specs, todos, skipped = _collect(paths, errors)
    drafts = [read_draft(path) for path in specs]
    for draft in drafts:
        errors += draft.problems
    errors += _same_ids(drafts)
    files = len(drafts) + _check_todos(drafts, todos, errors)
    given = {_key(draft.path) for draft in drafts}
    around = [read_draft(path) for path in _neighbours(drafts) if _key(path) not in given]
    edges = {other.id: other.depends_on for other in around if other.id is not None}
    errors += graph.missing(drafts, [*edges, *(draft.id for draft in drafts if draft.id is not None)])
    errors += graph.circles(drafts, edges)
    warnings: list[Problem] = []
    for draft in drafts:
        if draft.spec is not None:
            read_holdout(draft.spec, errors)
            if draft.spec.status not in _OVER and (problem := unchecked(draft.spec)):
                if project_checks:
                    warnings.append(left_to_the_project(problem))
                else:
                    errors.append(problem)
            warnings += (*weak(draft.spec), *draft.remarks)
    order = {str(path): index for index, path in enumerate([*specs, *todos])}
    errors.sort(key=lambda problem: order.get(problem.file, len(order)))
    broken = {problem.file for problem in errors}
    sound = tuple(draft.spec for draft in drafts if draft.spec and str(draft.path) not in broken)
    return Report(
        errors=tuple(errors), warnings=tuple(warnings), specs=sound, files=files, skipped=tuple(skipped)
    )


def spec_files(directory: Path) -> list[Path]:
    """The files in a directory that are meant as specs. Raises OSError."""
    return [path for path in siblings(directory) if _meant_as_spec(path)]


def _collect(paths: Sequence[Path], errors: list[Problem]) -> tuple[list[Path], list[Path], list[Path]]:
    """The spec files, the todo files, and what is left out in directories."""
    specs: dict[Path, Path] = {}
    todos: dict[Path, Path] = {}
    skipped: list[Path] = []
    for path in paths:
        if not path.is_dir():
            target = todos if path.name.lower().endswith(".todo.json") else specs
            target.setdefault(_key(path), path)
            continue
        try:
            for found in siblings(path):
                if _meant_as_spec(found):
                    specs.setdefault(_key(found), found)
                else:
                    skipped.append(found)
            for found in sorted(path.glob("*.todo.json")):
                todos.setdefault(_key(found), found)
        except OSError as error:
            errors.append(Problem(file=str(path), what=f"cannot be read: {error.strerror}"))
    return list(specs.values()), list(todos.values()), skipped


def _check_todos(drafts: Iterable[Draft], todos: Iterable[Path], errors: list[Problem]) -> int:
    """Check the todos of all specs, and those that were given themselves; how many there are."""
    owners: dict[Path, Draft] = {}
    waiting = {_key(path): path for path in todos}
    for draft in drafts:
        path = todo_path_of(draft.path)
        if path.exists():
            owners[_key(path)] = draft
            waiting.setdefault(_key(path), path)
    for key, path in waiting.items():
        owner = owners.get(key)
        read_todo_file(path, errors, taken=names_taken(owner) if owner else ())
        if owner is not None:
            errors += pairing(owner, path, by_default=True)
    return len(waiting)


def _same_ids(drafts: Iterable[Draft]) -> list[Problem]:
    seen: dict[str, Draft] = {}
    found = []
    for draft in drafts:
        if draft.id is None:
            continue
        first = seen.setdefault(draft.id.casefold(), draft)
        if first is not draft:
            what = f"the spec's id {draft.id!r} is that of {first.path} as well"
            found.append(
                Problem(file=str(draft.path), where="id", what=what, todo="give every spec its own id")
            )
    return found


def _neighbours(drafts: Iterable[Draft]) -> list[Path]:
    """Files beside specs that depend on others: what they need may not be among those given."""
    found: list[Path] = []
    for directory in dict.fromkeys(draft.path.parent for draft in drafts if draft.depends_on):
        try:
            found += siblings(directory)
        except OSError:
            continue
    return found


def _meant_as_spec(path: Path) -> bool:
    """Whether a file that nobody named is a spec. What cannot be read is one: its error must be seen."""
    data = read_bytes(path)
    text = data if isinstance(data, Problem) else decode(data, str(path))
    if isinstance(text, Problem):
        return True
    if path.name.lower().endswith(MARKDOWN):
        return looks_like_spec(text)
    try:
        values: Any = json.loads(text)
    except (ValueError, RecursionError):
        return True
    if path.name.lower().endswith(".min.json"):
        return isinstance(values, dict) and values.get("_type") == "markdown"
    return isinstance(values, dict) and (not values or not _TELLING.isdisjoint(values))


def _key(path: Path) -> Path:
    return path.absolute()
