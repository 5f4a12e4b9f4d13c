"""Reviews spec files: reads each, asks every rule, counts the points. Reads files, starts nothing."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal

from fabrik.problems import Problem
from fabrik.specs.draft import Draft
from fabrik.specs.drafts import MARKDOWN, WRAPPED, read_draft, siblings, todo_path_of
from fabrik.specs.files import decode, read_bytes
from fabrik.specs.json_text import parse_object
from fabrik.specs.problems import SpecErrors
from fabrik.specs.reviewing import criteria, numbers, opposites, proof, shape, topics, unfinished, wording
from fabrik.specs.reviewing.finding import DEFAULT_MIN_SCORE, SERIOUS, Finding, score
from fabrik.specs.reviewing.from_json import add_todo, outline_json
from fabrik.specs.reviewing.from_markdown import outline_markdown
from fabrik.specs.reviewing.outline import Outline
from fabrik.specs.reviewing.words import is_english

Verdict = Literal["ready", "needs work"]

# What the rules say better than the reader does.
_SAID_BY_RULES = re.compile(
    r"^has no (?:goals|acceptance criteria|title|id\b)|^depends on |^the section .* (?:has no list|names "
    r"no)"
)
_COMMANDS = re.compile(r"```|^\s*[-*].*`[^`]+`", re.MULTILINE)


@dataclass(frozen=True, kw_only=True)
class Reviewed:
    """What the review of one spec found."""

    path: Path
    title: str
    score: int  # 0 to 100
    verdict: Verdict
    findings: tuple[Finding, ...]  # the gravest first


def review(
    paths: Sequence[Path], *, min_score: int = DEFAULT_MIN_SCORE, unread: list[Problem] | None = None
) -> list[Reviewed]:
    """Review files, and the specs in directories, in their order.

    unread: where to put every file that cannot be read at all (not there, not UTF-8, no JSON); without it
    they are raised, as SpecErrors.
    """
    problems: list[Problem] = [] if unread is None else unread
    found = [
        one for path in _files(paths, problems) if (one := _review(path, min_score, problems)) is not None
    ]
    if problems and unread is None:
        raise SpecErrors(problems)
    return found


def _files(paths: Sequence[Path], problems: list[Problem]) -> Iterator[Path]:
    for path in paths:
        if not path.is_dir():
            yield path
            continue
        try:
            inside = [
                one for one in siblings(path) if not one.name.lower().endswith((".min.json", ".min.md"))
            ]
        except OSError as error:
            problems.append(Problem(file=str(path), what=f"cannot be read: {error.strerror}"))
            continue
        if not inside:
            problems.append(Problem(file=str(path), what="there are no specs", todo="fabrik spec new NAME"))
        yield from inside


def _review(path: Path, min_score: int, problems: list[Problem]) -> Reviewed | None:
    outline = read_outline(path, problems)
    if outline is None:
        return None
    draft = read_draft(path)
    found = [*_invalid(draft), *rules(outline, known=_around(path), project_checks=_has_project_checks(path))]
    found += _refused(draft, found)
    found = [replace(finding, file=finding.file or path) for finding in found]
    found.sort(key=lambda finding: (-finding.points, finding.line))
    points = score(found)
    return Reviewed(
        path=path,
        title=outline.title.text if outline.title else path.name,
        score=points,
        verdict="ready" if points >= min_score else "needs work",
        findings=tuple(found),
    )


def read_outline(path: Path, problems: list[Problem]) -> Outline | None:
    """What a spec file and the todo beside it say; None, and problems, when the spec cannot be read."""
    text = _text(path, problems)
    if text is None:
        return None
    name = path.name.lower()
    if name.endswith(".todo.json") or not name.endswith((".json", *MARKDOWN)):
        what = (
            "is a todo, not a spec"
            if name.endswith(".todo.json")
            else "is neither Markdown nor JSON by its name"
        )
        problems.append(Problem(file=str(path), what=what, todo="name a spec: NAME.md or NAME.json"))
        return None
    values: dict[str, Any] | None = None
    if name.endswith(".json"):
        values = parse_object(text, str(path), problems)
        if values is None:
            return None
    if values is not None and name.endswith(WRAPPED) and isinstance(values.get("content"), str):
        text, values = values["content"], None
    outline = outline_markdown(text, path) if values is None else outline_json(text, values, path)
    todo = todo_path_of(path)
    if todo.exists():
        found: list[Problem] = []
        content = _text(todo, found)
        tasks = parse_object(content, str(todo), found) if content is not None else None
        if content is not None and tasks is not None:
            add_todo(content, tasks, todo, outline)
        problems += found
    return outline


def rules(spec: Outline, *, known: Sequence[str] = (), project_checks: bool = False) -> list[Finding]:
    """Ask every rule. known: names of specs around; project_checks: AGENTS.md says what a loop runs."""
    english = is_english([said.text for said in spec.everything()])
    return [
        *criteria.no_criteria(spec),
        *criteria.repeated(spec),
        *criteria.prescribed(spec),
        *criteria.edge_cases(spec, english=english),
        *criteria.size(spec),
        *_worded(spec, english=english),
        *proof.no_checks(spec, project_checks=project_checks),
        *proof.useless_checks(spec),
        *proof.unproven(spec),
        *(proof.other_topic(spec) if english else []),
        *proof.tasks_unverified(spec),
        *proof.uncovered(spec),
        *topics.two_topics(spec),
        *topics.long_goal(spec),
        *_contradictions(spec),
        *shape.purpose(spec, english=english),
        *shape.dependencies(spec, known),
        *unfinished.unfinished(spec),
    ]


def _contradictions(spec: Outline) -> list[Finding]:
    """Of each line one: two rules may see the same."""
    found = numbers.contradictions(spec)
    told = {finding.line for finding in found}
    return [*found, *(finding for finding in opposites.clashes(spec) if finding.line not in told)]


def _worded(spec: Outline, *, english: bool) -> list[Finding]:
    """What the wording of statements lacks; of each line only the gravest is told."""
    found = [
        *wording.speed(spec),
        *wording.conditional(spec),
        *wording.vague(spec),
        *(criteria.uncheckable(spec) if english else []),
    ]
    best: dict[tuple[int, str], Finding] = {}
    for finding in found:
        first = best.setdefault((finding.line, finding.words), finding)
        if finding.points > first.points:
            best[finding.line, finding.words] = finding
    return [
        finding
        for finding in found
        if best[finding.line, finding.words] is finding or finding.rule == "uncheckable-criterion"
    ]


def _invalid(draft: Draft) -> list[Finding]:
    """What validation refuses and no rule tells."""
    found = []
    for problem in draft.problems:
        if _SAID_BY_RULES.search(problem.what) or problem.where in ("goals", "accept"):
            continue
        line = re.match(r"line (\d+)", problem.where)
        where = "" if line or not problem.where else f"{problem.where} "
        found.append(
            Finding(
                rule="invalid",
                line=int(line[1]) if line else 1,
                words="",
                why=f"{where}{problem.what}",
                instead=problem.todo or "see `fabrik spec validate`",
                points=SERIOUS,
            )
        )
    return found


def _refused(draft: Draft, found: Sequence[Finding]) -> list[Finding]:
    """A note where `fabrik run` takes less than a reader: what it lacks is there, in other words."""
    lacking = [one for one in draft.problems if re.match(r"has no (?:goals|acceptance criteria)", one.what)]
    if not lacking or any(one.rule in ("no-criteria", "missing-goals") for one in found):
        return []
    what = ", and it ".join(problem.what for problem in lacking)
    why = f"`fabrik run` refuses it: it {what} under a heading of that name; a loop or a backlog takes it"
    instead = "; ".join(problem.todo for problem in lacking)
    return [Finding(rule="run-refuses", line=1, words="", why=why, instead=instead, points=0)]


def _text(path: Path, problems: list[Problem]) -> str | None:
    data = read_bytes(path)
    text = data if isinstance(data, Problem) else decode(data, str(path))
    if isinstance(text, Problem):
        problems.append(text)
        return None
    return text


def _around(path: Path) -> list[str]:
    """The names and ids of specs near a spec: in its folder, or in all of the folder `specs` around it."""
    top = path.parent
    for parent in path.absolute().parents:
        if parent.name == "specs":
            top = parent
            break
    names: list[str] = []
    try:
        for folder in [top, path.parent, *sorted(one for one in top.rglob("*") if one.is_dir())][:200]:
            for one in siblings(folder):
                if one.absolute() != path.absolute():
                    names.append(one.name)
                    if (spec_id := read_draft(one).id) is not None:
                        names.append(spec_id)
    except OSError:
        return names
    return names


def _has_project_checks(path: Path) -> bool:
    """Whether the project has an AGENTS.md that names commands: a loop runs those."""
    for parent in path.absolute().parents:
        agents = read_bytes(parent / "AGENTS.md")
        if isinstance(agents, bytes):
            return bool(_COMMANDS.search(agents.decode("utf-8", "replace")))
        if (parent / ".git").exists():
            return False
    return False
