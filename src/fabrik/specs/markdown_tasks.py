"""The tasks of a Markdown spec: the items of its section Tasks, or one heading of level 3 for each."""

from __future__ import annotations

import re
from collections.abc import Sequence

from fabrik.problems import Problem
from fabrik.specs.markdown import Section, listed
from fabrik.specs.model import Task

_VERIFY = re.compile(
    r"^\s*(?:[-*+]\s+)?(?:\*\*|__)?(?:verify|verification)(?:\*\*|__)?\s*:(?:\*\*|__)?\s*(.*)$", re.IGNORECASE
)
_NUMBERING = re.compile(r"^\d+(?:\.\d+)*[.):]?\s+")


def tasks_in(sections: Sequence[Section], file: str, problems: list[Problem]) -> tuple[Task, ...]:
    """The tasks, numbered from 1. A line `Verify: …` in a task says how it is verified."""
    if not sections:
        return ()
    headed = [section for section in sections if section.level == 3]
    if headed:
        written = [(section.number, _headed(section, sections)) for section in headed]
    else:
        written = [(item.number, item.text) for section in sections for item in listed(section.lines)]
    if not written:
        where = f"line {sections[0].number}"
        what = f"the section {sections[0].title!r} has no list of tasks"
        problems.append(
            Problem(file=file, where=where, what=what, todo="list them: `1. …`, or remove the heading")
        )
    tasks = []
    for number, (line, text) in enumerate(written, 1):
        do, verify = split_task(text)
        if not do:
            problems.append(Problem(file=file, where=f"line {line}", what="the task says nothing to do"))
        tasks.append(Task(id=str(number), do=do, verify=verify))
    return tuple(tasks)


def _headed(section: Section, sections: Sequence[Section]) -> str:
    """A task with a heading of its own: the heading, and all that stands below it."""
    start = next(index for index, other in enumerate(sections) if other is section)
    parts = [_NUMBERING.sub("", section.title), *(line.text for line in section.lines)]
    for other in sections[start + 1 :]:
        if other.level <= section.level:
            break
        parts += ["#" * other.level + " " + other.title, *(line.text for line in other.lines)]
    return "\n".join(parts).strip()


def split_task(text: str) -> tuple[str, str]:
    """What a task says to do, and how it is verified ("" when it does not say)."""
    lines = text.splitlines()
    for index, line in enumerate(lines):
        if match := _VERIFY.match(line):
            verify = "\n".join([match[1], *lines[index + 1 :]]).strip()
            return "\n".join(lines[:index]).strip(), verify
    return text.strip(), ""
