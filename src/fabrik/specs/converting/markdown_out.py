"""A Markdown spec of what a spec says. What no Markdown list can hold goes into the front matter. Pure."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from typing import Any

import yaml

from fabrik.problems import Problem
from fabrik.specs.converting.content import ATTRIBUTE, LISTS, Content, Entry, check_json
from fabrik.specs.converting.fill import Value, body, canonical, plain, tasks_survive
from fabrik.specs.draft import Draft
from fabrik.specs.files import decode
from fabrik.specs.markdown_spec import read_markdown_spec
from fabrik.specs.model import Task, Todo

_REQUIREMENTS = ("api", "behavior", "obs")
_BREAKS = re.compile(r"[\n\r\t\x85\u2028\u2029]")


class _Dumper(yaml.SafeDumper):
    """Writes texts with line breaks of any kind in quotes: other styles change some of them."""


def _quoted(dumper: _Dumper, value: str) -> yaml.ScalarNode:
    style = '"' if _BREAKS.search(value) else None
    return dumper.represent_scalar("tag:yaml.org,2002:str", value, style=style)


_Dumper.add_representer(str, _quoted)

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
    moved = {name for name in LISTS if not _survives(content, name)}
    if content.prose and not any(
        not isinstance(entry, str) and entry.put == "title" for entry in content.prose
    ):
        moved.add("title")
    text, named = _text(content, todo, moved, named=False), False
    for _ in range(4):
        wrong = _wrong(text, content, todo, path)
        if not wrong:
            break
        named |= "checks" in wrong
        # What could not even be read says nothing about where it went wrong.
        moved |= wrong if wrong - {"checks"} or named else set()
        text = _text(content, todo, moved, named=named)
    return text


def _survives(content: Content, name: str) -> bool:
    values = [Value(text=text) for text in content.lists[name]]
    if not values:
        return True
    places = [entry for entry in content.prose if not isinstance(entry, str) and entry.put == name]
    if not places:
        return plain("- ", values) or plain("-   ", values)
    own = {place.n: place.before for place in places}
    usual = own.get(None, places[-1].before)
    each = [(own.get(n, usual), value) for n, value in enumerate(values, 1)]
    return all(not before.strip() or plain(before, [value]) for before, value in each)


def _wrong(text: str, content: Content, todo: Todo | None, path: Path) -> set[str]:
    """The fields that are not read again as they are; all of them when nothing can be read."""
    draft = read_again(text, path)
    spec = draft.spec
    if spec is None or draft.problems or draft.todo != todo:
        return set(_HEAD_ONLY)
    lists = {name: getattr(spec, ATTRIBUTE.get(name, name)) for name in (*LISTS, "mayChange")}
    wrong = {name for name, texts in lists.items() if texts != content.lists[name]}
    runs = [(check.run, check.seconds) for check in (*spec.checks, *spec.holdout)]
    wanted = [*content.checks, *content.holdout]
    names = [check.name for check in (*spec.checks, *spec.holdout)]
    if runs != [(check.run, check.seconds) for check in wanted] or any(
        one.name is not None and one.name != name for one, name in zip(wanted, names, strict=False)
    ):
        wrong.add("checks")
    return wrong | ({"title"} if spec.title != content.title else set())


def _text(content: Content, todo: Todo | None, front: Collection[str], *, named: bool) -> str:
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
    leading = {
        name: _leading(content.prose, name, len(values[name])) for name in (*LISTS, "mayChange", "checks")
    }
    leading |= {name: len(values[name]) for name in above}
    shown = {name: own for name, own in values.items() if own and leading.get(name, 0) < len(own)}
    prose: Sequence[Entry] = content.prose or canonical(shown)
    text = body(prose, shown, {name: count for name, count in leading.items() if name in shown})
    head = _head(content, leading)
    comments = "".join(f"{comment}\n" for comment in content.comments)
    lead = "" if text.startswith("\n") else "\n"
    return f"---\n{comments}{head}---\n{lead}{text}"


def _leading(prose: Sequence[Entry], name: str, count: int) -> int:
    """How many values stand in the front matter because the prose begins with a later one."""
    places = [entry.n for entry in prose if not isinstance(entry, str) and entry.put == name]
    numbers = [n for n in places if n is not None]
    return min(numbers) - 1 if numbers and None not in places and min(numbers) <= count else 0


def _head(content: Content, leading: Mapping[str, int]) -> str:
    """The YAML before the document. leading: how many values of each field stand in it."""
    lists = {name: [*texts[: leading.get(name, 0)]] for name, texts in content.lists.items()}
    values: dict[str, Any] = {
        "id": content.id,
        "title": content.title if leading.get("title") else None,
        "status": content.status,
        "version": content.version,
        "lastUpdated": content.last_updated,
        "goals": lists["goals"],
        "nonGoals": lists["nonGoals"],
        "req": {key: lists[key] for key in _REQUIREMENTS}
        if any(lists[key] for key in _REQUIREMENTS)
        else None,
        "accept": lists["accept"],
        "assume": lists["assume"],
        "supersedes": [*content.supersedes],
        "dependsOn": [*content.depends_on],
        "cfg": {"env": [*content.env]} if content.env is not None else None,
        "checks": [check_json(check) for check in content.checks[: leading.get("checks", 0)]],
        "holdout": [check_json(check) for check in content.holdout],
        "mayChange": lists["mayChange"],
    }
    head = {key: value for key, value in values.items() if value}
    return yaml.dump(head, Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=10**6)


def read_again(text: str, path: Path) -> Draft:
    """What the reader makes of a text when it stands in a file."""
    draft = Draft(path=path)
    found = decode(text.encode("utf-8"), str(path))
    if isinstance(found, Problem):
        draft.problems.append(found)
    else:
        read_markdown_spec(found, draft)
    return draft
