"""A spec out of Markdown: front matter, and sections for goals, requirements, acceptance and checks."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from pydantic import ValidationError

from fabrik.problems import Problem, closest, explain
from fabrik.specs import front_matter, naming, rules
from fabrik.specs.documents import CheckDocument, FrontMatterDocument
from fabrik.specs.draft import Draft
from fabrik.specs.markdown import Item, Section, items, sections
from fabrik.specs.markdown_globs import globs_in
from fabrik.specs.markdown_tasks import tasks_in
from fabrik.specs.model import Spec, Todo
from fabrik.specs.verification import commands_of, nobody_runs

# Spellings of headings, without case, spaces and hyphens.
NAMES = {
    "goals": "goals",
    "goal": "goals",
    "nongoals": "non_goals",
    "nongoal": "non_goals",
    "requirements": "behavior",
    "requirement": "behavior",
    "req": "behavior",
    "behavior": "behavior",
    "behaviour": "behavior",
    "api": "api",
    "observability": "obs",
    "obs": "obs",
    "acceptancecriteria": "accept",
    "acceptance": "accept",
    "accept": "accept",
    "criteria": "accept",
    "assumptions": "assume",
    "assumption": "assume",
    "assume": "assume",
    "verification": "verification",
    "verify": "verification",
    "tasks": "tasks",
    "task": "tasks",
    "maychange": "may_change",
    "holdout": "holdout",
    "heldout": "holdout",
    "heldoutchecks": "holdout",
    "heldouttests": "holdout",
}
# Other usual headings of acceptance criteria. Alone they do not make a spec of a document.
_ALSO = {
    "donewhen": "accept",
    "definitionofdone": "accept",
    "successcriteria": "accept",
    "acceptancetests": "accept",
}
REQUIREMENTS = ("api", "behavior", "obs")
# Headings whose loss by a slip of the pen would change what is asked or proven.
_CAREFUL = ("Goals", "Acceptance Criteria", "Verification", "Tasks", "May Change")

_NUMBERING = re.compile(r"^\d+(?:\.\d+)*[.)]?\s+")
# "Verification (fast-first)". Other brackets may say that it is no part of this: "Goals (later)".
_REMARK = re.compile(r"(verification|acceptance criteria)\s*\([^()]*\)\s*$", re.IGNORECASE)
_TITLE_PREFIX = re.compile(r"^(?:spec|specification)\s*:\s*", re.IGNORECASE)
_FILE_PREFIX = re.compile(r"^spec[-_]", re.IGNORECASE)
_FILE_SUFFIX = re.compile(r"((\.min)?\.mdx?(\.min\.json)?|(\.min)?\.markdown)$", re.IGNORECASE)


@dataclass(kw_only=True)
class Contents:
    """What the sections of a document hold."""

    title: str = ""
    title_line: int = 1
    lists: dict[str, list[Item]] = field(default_factory=dict)
    verification: list[Section] = field(default_factory=list)
    tasks: list[Section] = field(default_factory=list)
    may_change: list[Section] = field(default_factory=list)


def read_markdown_spec(text: str, draft: Draft) -> None:
    """Fill the draft from the text of a Markdown spec."""
    file = str(draft.path)
    front = front_matter.split(text, file, draft.problems)
    contents = contents_of(front, file, draft.problems)
    document = front_document(front, file, draft.problems)
    draft.depends_on = tuple(document.depends_on) if document else ()
    if line := front.line(("dependsOn",)):
        draft.depends_where = f"line {line}, dependsOn"
    said = front.values.get("id")
    draft.id = said if isinstance(said, str) else _id(draft, contents)
    for key, heading in (("goals", "Goals"), ("accept", "Acceptance Criteria")):
        if not contents.lists.get(key) and not (document and getattr(document, key)):
            what = f"has no {heading.lower()}"
            draft.problems.append(
                Problem(file=file, what=what, todo=f"add a section `## {heading}` with a list")
            )
    title = (document.title if document else None) or contents.title
    if not title:
        draft.problems.append(Problem(file=file, what="has no title", todo="start with a line `# Title`"))
    elif broken := rules.line_problem(title):
        where = f"line {contents.title_line}"
        draft.problems.append(Problem(file=file, where=where, what=f"the title {broken[0]}", todo=broken[1]))
    if not draft.id:
        draft.problems.append(
            Problem(
                file=file,
                what="has no id, and none can be made of its name",
                todo="add `id:` to the front matter",
            )
        )
    draft.remarks += [one for section in contents.verification for one in nobody_runs(section, file)]
    tasks = tasks_in(contents.tasks, file, draft.problems)
    if document is None or draft.id is None:
        return
    _finish(text, draft, front, document, contents, title)
    if draft.spec and tasks:
        draft.todo = Todo(id=draft.id, tdd=False, dod=(), tasks=tasks)


def looks_like_spec(text: str) -> bool:
    """Whether a Markdown file among others is meant as a spec: it has goals, criteria, or checks above it."""
    front = front_matter.split(text, "", [])
    if not {"checks", "holdout", "dependsOn", "mayChange"}.isdisjoint(front.values):
        return True
    heads = [section.title for section in sections(front.body) if section.level in (1, 2)]
    known = {NAMES.get(_plain(title)) for title in heads}
    return bool(known & {"goals", "accept"})


def contents_of(front: front_matter.FrontMatter, file: str, problems: list[Problem]) -> Contents:
    """The sections of a document, by what they hold. Problems go to the list."""
    contents = Contents()
    current: str | None = None  # the section we are in, by its heading of level 1 or 2
    for section in sections(front.body, front.body_line):
        problems += [
            Problem(
                file=file,
                where=f"line {code.number}",
                what="this code block is never closed",
                todo="close it",
            )
            for code in section.codes
            if not code.closed
        ]
        kind = known_section(section.title)
        if section.level in (1, 2):
            current = kind
            if kind is None and section.level == 1 and not contents.title:
                contents.title = _TITLE_PREFIX.sub("", section.title)
                contents.title_line = section.number
            elif kind is None:
                problems += _misspelt(section, file)
            elif kind == "holdout":
                what = "a section of held-out checks would be seen by the agent"
                todo = "write them into the front matter, as `holdout:`; agents do not see that"
                problems.append(Problem(file=file, where=f"line {section.number}", what=what, todo=todo))
        if current == "verification":
            contents.verification.append(section)
        elif current == "tasks":
            contents.tasks.append(section)
        elif current == "may_change":
            contents.may_change.append(section)
        elif current is not None:
            inner = kind if current in REQUIREMENTS and kind in REQUIREMENTS else current
            contents.lists.setdefault(inner, []).extend(items(section.lines))
    return contents


def front_document(
    front: front_matter.FrontMatter, file: str, problems: list[Problem]
) -> FrontMatterDocument | None:
    """What stands in the front matter; None, and problems, when it is not right."""
    values = {
        key: _numbers(value) if key in ("v", "checks", "holdout") else value
        for key, value in front.values.items()
    }
    try:
        return FrontMatterDocument.model_validate(values)
    except ValidationError as error:
        for one in error.errors():
            (found,) = explain([one], FrontMatterDocument, file)
            line = front.line(tuple(one["loc"]))
            where = f"line {line}, {found.where}" if line else found.where
            problems.append(Problem(file=file, where=where, what=found.what, todo=found.todo))
        return None


def _finish(
    text: str,
    draft: Draft,
    front: front_matter.FrontMatter,
    document: FrontMatterDocument,
    contents: Contents,
    title: str,
) -> None:
    """Put the spec together when nothing was wrong."""
    file = str(draft.path)
    visible, places = checks_of(front, document, contents, file, draft.problems)
    hidden = [f"line {front.line(('holdout', index))}" for index in range(len(document.holdout))]
    draft.problems += naming.repeated(visible, places, file)
    names = naming.name_checks([*visible, *document.holdout], [*places, *hidden], file, draft.problems)
    may_change = (*document.may_change, *globs_in(contents.may_change, file, draft.problems))
    if draft.problems or draft.id is None:
        return

    def texts(key: str) -> tuple[str, ...]:
        return (*above(document, key), *(item.text for item in contents.lists.get(key, ()) if item.text))

    draft.spec = Spec(
        id=draft.id,
        title=title,
        status=document.status,
        goals=texts("goals"),
        non_goals=texts("non_goals"),
        api=texts("api"),
        behavior=texts("behavior"),
        obs=texts("obs"),
        accept=texts("accept"),
        assume=texts("assume"),
        supersedes=tuple(document.supersedes),
        depends_on=tuple(document.depends_on),
        env=tuple(document.cfg.env) if document.cfg else (),
        checks=naming.checks(visible, names[: len(visible)]),
        holdout=naming.held_out(document.holdout, names[len(visible) :]),
        may_change=tuple(dict.fromkeys(may_change)),
        source=front_matter.without(text, "holdout"),
        path=draft.path,
    )


def above(document: FrontMatterDocument, key: str) -> tuple[str, ...]:
    """The texts of a list that stand in the front matter."""
    found: list[str] = (
        getattr(document.req or document, key, []) if key in REQUIREMENTS else getattr(document, key)
    )
    return tuple(found)


def checks_of(
    front: front_matter.FrontMatter,
    document: FrontMatterDocument,
    contents: Contents,
    file: str,
    problems: list[Problem],
) -> tuple[list[CheckDocument], list[str]]:
    """The checks of the front matter and of the section Verification, and where each is written."""
    found = list(document.checks)
    places = [f"line {front.line(('checks', index))}" for index in range(len(found))]
    for section in contents.verification:
        for command in commands_of(section):
            where = f"line {command.number}"
            if command.problem:
                todo = "write it on one line (with && or ;), into a script, or into `checks:` above"
                problems.append(Problem(file=file, where=where, what=command.problem, todo=todo))
                continue
            name = command.name
            if name is not None and (broken := rules.line_problem(name, rules.NAME_CHARACTERS)):
                problems.append(Problem(file=file, where=where, what=f"the check's name {broken[0]}"))
                continue
            found.append(CheckDocument(name=name, run=command.run))
            places.append(where)
    return found, places


def _id(draft: Draft, contents: Contents) -> str | None:
    stem = _FILE_PREFIX.sub("", _FILE_SUFFIX.sub("", draft.path.name))
    return stem if rules.id_problem(stem) is None else rules.slug(contents.title) or None


def known_section(title: str) -> str | None:
    """The part of a spec that a heading announces, in any of its spellings."""
    plain = _plain(title)
    return NAMES.get(plain) or _ALSO.get(plain)


def _plain(title: str) -> str:
    bare = _REMARK.sub(r"\1", _NUMBERING.sub("", title))
    return "".join(char for char in bare.casefold() if char.isalnum())


def _misspelt(section: Section, file: str) -> list[Problem]:
    meant = closest(_NUMBERING.sub("", section.title), _CAREFUL, cutoff=0.85)
    if meant is None:
        return []
    what = f"the heading {section.title!r} is not known"
    return [Problem(file=file, where=f"line {section.number}", what=what, todo=f"did you mean `## {meant}`?")]


def _numbers(value: Any) -> Any:
    """YAML's texts as numbers, where numbers are wanted."""
    if isinstance(value, str):
        return front_matter.number(value)
    if isinstance(value, Sequence):
        return [_numbers(entry) if isinstance(entry, dict) else entry for entry in value]
    if isinstance(value, dict):
        return {
            key: front_matter.number(entry) if key == "seconds" else entry for key, entry in value.items()
        }
    return value
