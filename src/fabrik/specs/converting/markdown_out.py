"""A Markdown spec out of what a spec says. What a Markdown list cannot hold goes into the front matter. Pure."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from typing import Any

import yaml

from fabrik.problems import Problem
from fabrik.specs.converting.content import LISTS, Content, Entry, check_json
from fabrik.specs.converting.fill import Value, body, canonical, plain, tasks_survive
from fabrik.specs.draft import Draft
from fabrik.specs.markdown_spec import read_markdown_spec
from fabrik.specs.model import Task, Todo

_REQUIREMENTS = ("api", "behavior", "obs")
_HEAD_ONLY = ("title", "checks", "mayChange", *LISTS)


def task_texts(tasks: Sequence[Task]) -> list[str]:
    """Tasks as items of a list."""
    return [f"{task.do}\nVerify: {task.verify}" if task.verify else task.do for task in tasks]


def holds(todo: Todo, spec_id: str) -> bool:
    """Whether a section of tasks can say all that a todo says."""
    ids = [task.id for task in todo.tasks]
    usual = (
        todo.id == spec_id and not todo.tdd and not todo.dod and not any(task.checks for task in todo.tasks)
    )
    numbered = ids == [str(n) for n in range(1, len(ids) + 1)]
    return usual and numbered and tasks_survive(task_texts(todo.tasks), todo.tasks)


def markdown(content: Content, todo: Todo | None, path: Path) -> str:
    """The text of a Markdown spec at a path. `todo`: what its section of tasks is to say."""
    front = {name for name in LISTS if not _survives(content, name)}
    text = ""
    for moved in (front, front | {"title"}, front | {"title", "checks"}, set(_HEAD_ONLY)):
        for checks_named in (False, True):
            text = _text(content, todo, path, moved, named=checks_named)
            if _says(text, content, todo, path):
                return text
    return text


def _survives(content: Content, name: str) -> bool:
    values = [Value(text=text) for text in content.lists[name]]
    if not values:
        return True
    befores = {entry.before for entry in content.prose if not isinstance(entry, str) and entry.put == name}
    if befores:
        return all(plain(before, values) or not before.strip() for before in befores)
    return plain("- ", values) or plain("-   ", values)


def _says(text: str, content: Content, todo: Todo | None, path: Path) -> bool:
    """Whether the text is read again as what it was made of."""
    draft = Draft(path=path)
    read_markdown_spec(text, draft)
    spec = draft.spec
    if spec is None or draft.problems or draft.todo != todo:
        return False
    lists = {name: getattr(spec, name) for name in _REQUIREMENTS}
    lists |= {"goals": spec.goals, "nonGoals": spec.non_goals, "accept": spec.accept, "assume": spec.assume}
    lists |= {"mayChange": spec.may_change}
    runs = [(check.run, check.seconds) for check in (*spec.checks, *spec.holdout)]
    wanted = [(check.run, check.seconds) for check in (*content.checks, *content.holdout)]
    given = [check.name for check in (*content.checks, *content.holdout)]
    names = [check.name for check in (*spec.checks, *spec.holdout)]
    same = all(one is None or one == other for one, other in zip(given, names, strict=False))
    return (
        lists == content.lists
        and runs == wanted
        and same
        and (spec.id, spec.title) == (content.id, content.title)
    )


def _text(content: Content, todo: Todo | None, path: Path, front: Collection[str], *, named: bool) -> str:
    values: dict[str, list[Value]] = {"title": [Value(text=content.title)]}
    for name in (*LISTS, "mayChange"):
        values[name] = [Value(text=text) for text in content.lists[name]]
    simple = all(check.seconds is None and "\n" not in check.run for check in content.checks)
    values["checks"] = [
        Value(text=check.run, name=check.name if check.name is not None or not named else None)
        for check in content.checks
    ]
    above = {name for name in front if values.get(name)} | (set() if simple else {"checks"})
    if todo is not None:
        values["tasks"] = [Value(text=text) for text in task_texts(todo.tasks)]
    shown: Mapping[str, list[Value]] = {
        name: own for name, own in values.items() if name not in above and own
    }
    prose: Sequence[Entry] = content.prose or canonical(shown)
    text = body(prose, shown)
    head = _head(content, above, path)
    comments = "".join(f"{comment}\n" for comment in content.comments)
    lead = "" if text.startswith("\n") else "\n"
    return f"---\n{comments}{head}---\n{lead}{text}"


def _head(content: Content, above: Collection[str], path: Path) -> str:
    """The YAML before the document."""
    head: dict[str, Any] = {"id": content.id}
    if "title" in above:
        head["title"] = content.title
    head["status"] = content.status
    head |= {"version": content.version} if content.version else {}
    head |= {"lastUpdated": content.last_updated} if content.last_updated else {}
    for key in ("goals", "nonGoals"):
        head |= {key: [*content.lists[key]]} if key in above else {}
    if above & {*_REQUIREMENTS} if isinstance(above, set) else any(key in above for key in _REQUIREMENTS):
        head["req"] = {key: [*content.lists[key]] if key in above else [] for key in _REQUIREMENTS}
    for key in ("accept", "assume"):
        head |= {key: [*content.lists[key]]} if key in above else {}
    head |= {"supersedes": [*content.supersedes]} if content.supersedes else {}
    head |= {"dependsOn": [*content.depends_on]} if content.depends_on else {}
    head |= {"cfg": {"env": [*content.env]}} if content.env is not None else {}
    if "checks" in above:
        head["checks"] = [check_json(check) for check in content.checks]
    head |= {"holdout": [check_json(check) for check in content.holdout]} if content.holdout else {}
    head |= {"mayChange": [*content.lists["mayChange"]]} if "mayChange" in above else {}
    return yaml.safe_dump(head, sort_keys=False, allow_unicode=True, width=10**6)


def problems_of(text: str, path: Path) -> list[Problem]:
    """What the reader says against a text."""
    draft = Draft(path=path)
    read_markdown_spec(text, draft)
    return draft.problems
