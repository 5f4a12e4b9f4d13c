"""The outline of spec.json and todo.json, right or wrong: what is of the wrong type is left out."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from fabrik.specs.reviewing.json_places import lines_of, texts_at
from fabrik.specs.reviewing.outline import CheckSaid, Outline, Said, TaskSaid


def outline_json(text: str, values: dict[str, Any], path: Path) -> Outline:
    """What is in a spec.json. `values`: the text, parsed."""
    lines = lines_of(text)
    found = Outline(path=path, runnable=True)

    def said(value: Any, *place: str) -> list[Said]:
        return [Said(text=one.strip(), line=lines[at]) for at, one in texts_at(value, place)]

    if isinstance(title := values.get("title"), str):
        found.title = Said(text=title, line=lines[("title",)])
    found.goals = said(values.get("goals"), "goals")
    found.non_goals = said(values.get("nonGoals"), "nonGoals")
    found.criteria = said(values.get("accept"), "accept")
    found.assumptions = said(values.get("assume"), "assume")
    found.depends_on = said(values.get("dependsOn"), "dependsOn")
    requirements = values.get("req")
    if isinstance(requirements, dict):
        for key in ("api", "behavior", "obs"):
            found.requirements += said(requirements.get(key), "req", key)
    for key in ("checks", "holdout"):
        found.checks += _checks(values.get(key), (key,), lines, path, held_out=key == "holdout")
    return found


def add_todo(text: str, values: dict[str, Any], path: Path, found: Outline) -> None:
    """Add the tasks of a todo.json, and their checks."""
    lines = lines_of(text)
    tasks = values.get("tasks")
    for index, task in enumerate(tasks if isinstance(tasks, list) else []):
        if not isinstance(task, dict):
            continue
        do, verify = task.get("do"), task.get("verify")
        found.tasks.append(
            TaskSaid(
                do=do if isinstance(do, str) else "",
                verify=verify if isinstance(verify, str) else "",
                line=lines[("tasks", index)],
                file=path,
            )
        )
        found.checks += _checks(task.get("checks"), ("tasks", index, "checks"), lines, path, held_out=False)


def _checks(
    entries: Any,
    place: tuple[str | int, ...],
    lines: dict[tuple[str | int, ...], int],
    path: Path,
    *,
    held_out: bool,
) -> list[CheckSaid]:
    found = []
    for index, entry in enumerate(entries if isinstance(entries, list) else []):
        run = entry.get("run") if isinstance(entry, dict) else entry
        name = entry.get("name") if isinstance(entry, dict) else None
        if isinstance(run, str) and run.strip():
            found.append(
                CheckSaid(
                    name=name if isinstance(name, str) else run,
                    run=run,
                    line=lines[(*place, index)],
                    file=path,
                    held_out=held_out,
                )
            )
    return found
