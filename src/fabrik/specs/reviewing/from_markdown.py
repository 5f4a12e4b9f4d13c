"""The outline of a Markdown spec, also of one without any of our sections: what somebody meant by it."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from fabrik.specs import front_matter
from fabrik.specs.commands import commands
from fabrik.specs.markdown import Code, Item, Line, Section, items, listed, sections
from fabrik.specs.markdown_tasks import split_task
from fabrik.specs.reviewing.free_form import INDENTED, labelled, promote_prose
from fabrik.specs.reviewing.headings import Part, part_of
from fabrik.specs.reviewing.outline import CheckSaid, Outline, Said, TaskSaid
from fabrik.specs.reviewing.words import CODE, is_english, observables

_HEADER = re.compile(r"^(?:repo|workdir|status|owner|author|date|version|branch)\s*:", re.IGNORECASE)
_COMMENT = re.compile(r"<!--(.*?)-->", re.DOTALL)
_GHERKIN = re.compile(r"^\s*(?:[-*]\s+)?(?:\*\*)?(?:given|when|then|scenario)\b", re.IGNORECASE)
_SCENARIO = re.compile(r"^\s*(?:scenario(?: outline)?|example)\s*:", re.IGNORECASE)
_ROW = re.compile(r"^\s*\|(.*)\|\s*$")
_RULE_ROW = re.compile(r"^[\s|:\-]+$")
_TESTS = re.compile(
    r"\btests?/|(?<![\w/])[\w/]+(?:_test|\.test|\.spec|_spec)\.\w+|\btest_\w+|\b(?:unit|integration|regression|"
    r"property|"
    r"end-to-end|e2e|acceptance|contract|snapshot) tests?\b|\bcovered by\b",
    re.IGNORECASE,
)
_COMMAND = re.compile(
    r"^(?:\./|make |npm |npx |pnpm |yarn |bun |cargo |go |python3? |pytest|uv |tox|nox|bundle |rake |mvn |"
    r"gradle|"
    r"\./gradlew|dotnet |php |composer |mix |swift |deno |sh |bash |curl |test |grep |diff |terraform |"
    r"docker )"
)
_KEEPS = (
    "criteria",
    "tasks",
    "steps",
    "verification",
    "goals",
    "non_goals",
    "questions",
    "assume",
    "allowed",
)


def outline_markdown(text: str, path: Path) -> Outline:
    """What is in the text of a Markdown spec."""
    front = front_matter.split(text, str(path), [])
    found = Outline(path=path)
    parts = list(_parts(list(labelled(sections(front.body, front.body_line))), found))
    for part, section in parts:
        _take(part, section, found)
    _front(front, found)
    for match in _COMMENT.finditer(front.body):
        line = front.body_line + front.body.count("\n", 0, match.start())
        found.comments.append(Said(text=match[1].strip(), line=line))
    known = {part for part, _ in parts}
    found.runnable = bool(found.goals) and "criteria" in known
    if not found.criteria and not found.goals:
        _promote(parts, found)
    if not found.criteria and not found.goals:
        promote_prose(parts, found)
    return found


def _parts(found: Sequence[Section], outline: Outline) -> Iterator[tuple[Part, Section]]:
    """Every section with the part of the spec that it belongs to."""
    current: Part = "overview"
    outer = 0  # the level of the heading that `current` comes from
    for section in found:
        part = part_of(section.title) if section.level else None
        if section.level == 1 and outline.title is None and (part in (None, "overview") or not outer):
            title = re.sub(r"^(?:spec|specification)\s*:\s*", "", section.title, flags=re.IGNORECASE)
            outline.title = Said(text=title, line=section.number)
            current, outer = "overview", 1
        elif section.level and (section.level <= max(outer, 2) or current not in _KEEPS):
            nested = section.level > outer and current == "requirements"
            current = part or ("requirements" if nested else "prose")
            outer = section.level
        yield current, section


def _take(part: Part, section: Section, found: Outline) -> None:
    """Put what a section says where it belongs."""
    said = [_said(item) for item in _statements(section, criteria=part == "criteria")]
    kept: dict[Part, list[Said]] = {
        "goals": found.goals,
        "non_goals": found.non_goals,
        "criteria": found.criteria,
        "requirements": found.requirements,
        "assume": found.assumptions,
        "questions": found.questions,
        "depends": found.depends_on,
    }
    if part in kept:
        kept[part].extend(said)
    elif part in ("tasks", "steps"):
        _tasks(section, found, binding=part == "tasks")
    elif part == "verification":
        _checks(section, found)
    elif part != "allowed":
        found.prose += [one for one in said if not _HEADER.match(one.text)]
        found.overview |= part == "overview" and any(
            len(one.text.split()) > 4 and not _HEADER.match(one.text) for one in said
        )
        found.tests_named |= any(_TESTS.search(one.text) for one in said)
    if part in ("criteria", "requirements"):
        found.tests_named |= any(_TESTS.search(one.text) for one in said)


def _said(item: Item) -> Said:
    return Said(text=item.text, line=item.number)


def _statements(section: Section, *, criteria: bool) -> list[Item]:
    """List items, else paragraphs; where criteria are wanted, also the rows of tables and scenarios."""
    rows = list(_rows(section.lines))
    scenarios = [item for code in section.codes for item in _scenarios(code)] if criteria else []
    text = [line for line in section.lines if not _ROW.match(line.text)]
    prose = [line for line in text if line.kind == "text"]
    if criteria and any(_GHERKIN.match(line.text) for line in prose) and not listed(text):
        return [*_blocks(prose), *rows, *scenarios]
    plain = listed(text) if (rows or scenarios) and listed(text) else items(text)
    if (rows or scenarios) and not listed(text):
        plain = []  # paragraphs beside a table or scenarios introduce them
    return [*plain, *rows, *scenarios]


def _rows(lines: Sequence[Line]) -> Iterator[Item]:
    """The rows of tables, without their headings."""
    table: list[Line] = []
    for line in [*lines, Line(number=0, text="")]:
        if line.kind == "text" and _ROW.match(line.text):
            table.append(line)
            continue
        for row in table[2:] if len(table) > 1 and _RULE_ROW.match(table[1].text) else table:
            cells = " — ".join(cell.strip() for cell in row.text.strip().strip("|").split("|"))
            yield Item(number=row.number, text=cells, lines=(row,))
        table = []


def _scenarios(code: Code) -> Iterator[Item]:
    if not any(_GHERKIN.match(line.text) for line in code.lines):
        return
    yield from _blocks(code.lines)


def _blocks(lines: Sequence[Line]) -> Iterator[Item]:
    """Scenarios: each begins with its heading, or with the first "Given" after a "Then"."""
    block: list[Line] = []
    for line in lines:
        fresh = _SCENARIO.match(line.text) or (not line.text.strip() and block)
        if fresh and block:
            yield _block(block)
            block = []
        if line.text.strip() and not re.match(r"\s*(?:feature|background)\s*:", line.text, re.IGNORECASE):
            block.append(line)
    if block:
        yield _block(block)


def _block(lines: list[Line]) -> Item:
    return Item(
        number=lines[0].number, text="\n".join(line.text.strip() for line in lines), lines=tuple(lines)
    )


def _tasks(section: Section, found: Outline, *, binding: bool) -> None:
    if section.level == 3 and binding:
        body = "\n".join(line.text for line in section.lines)
        do, verify = split_task(f"{section.title}\n{body}")
        found.tasks.append(TaskSaid(do=do, verify=verify, line=section.number, file=found.path))
        return
    entries = listed(section.lines) if binding else items(section.lines)
    for item in entries:
        do, verify = split_task(item.text)
        task = TaskSaid(do=do, verify=verify, line=item.number, file=found.path, binding=binding)
        found.tasks.append(task)


def _checks(section: Section, found: Outline) -> None:
    """Commands in code blocks and in backticks; a sentence that names tests counts as naming them."""
    for code in section.codes:
        for command in commands(code):
            found.checks.append(
                CheckSaid(
                    name=command.name or command.run, run=command.run, line=command.number, file=found.path
                )
            )
    for line in section.lines:
        if line.kind == "code":
            continue
        for match in CODE.finditer(line.text):
            run = match[2].strip()
            if _COMMAND.match(run):
                found.checks.append(CheckSaid(name=run, run=run, line=line.number, file=found.path))
        if INDENTED.match(line.text) and _COMMAND.match(run := line.text.strip()):
            found.checks.append(CheckSaid(name=run, run=run, line=line.number, file=found.path))
        found.tests_named |= bool(_TESTS.search(line.text))


def _front(front: front_matter.FrontMatter, found: Outline) -> None:
    """What the front matter adds: title, checks, dependencies."""
    values = front.values
    if isinstance(title := values.get("title"), str) and title.strip():
        found.title = Said(text=title, line=front.line(("title",)) or 1)
    for key in ("checks", "holdout"):
        entries: Any = values.get(key)
        for index, entry in enumerate(entries if isinstance(entries, list) else []):
            run = entry.get("run") if isinstance(entry, dict) else entry
            if isinstance(run, str):
                name = entry.get("name") if isinstance(entry, dict) else None
                found.checks.append(
                    CheckSaid(
                        name=name if isinstance(name, str) else run,
                        run=run,
                        line=front.line((key, index)) or 1,
                        file=found.path,
                        held_out=key == "holdout",
                    )
                )
    for key, into in (
        ("goals", found.goals),
        ("accept", found.criteria),
        ("nonGoals", found.non_goals),
        ("assume", found.assumptions),
        ("dependsOn", found.depends_on),
    ):
        listing: Any = values.get(key)
        for index, entry in enumerate(listing if isinstance(listing, list) else []):
            if isinstance(entry, str):
                into.append(Said(text=entry, line=front.line((key, index)) or 1))


def _promote(parts: Sequence[tuple[Part, Section]], found: Outline) -> None:
    """A free-form spec says what must hold in its lists: those that can be observed are its criteria."""
    candidates = [
        _said(item)
        for part, section in parts
        if part in ("requirements", "overview", "prose")
        for item in _statements(section, criteria=True)
        if listed(section.lines)
        or part == "requirements"
        or any(_GHERKIN.match(line.text) for line in item.lines)
    ]
    seen = [one for one in candidates if observables(one.text) >= 1]
    english = is_english([one.text for one in candidates])
    if len(candidates) < 2 or (english and (len(seen) < 2 or len(seen) * 2 < len(candidates))):
        return
    lines = {one.line for one in candidates}
    found.criteria = candidates
    found.requirements = [one for one in found.requirements if one.line not in lines]
    found.prose = [one for one in found.prose if one.line not in lines]
