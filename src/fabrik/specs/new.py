"""Writes a first spec. It validates as it is, and it cannot pass before somebody has written its check."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, replace
from datetime import date
from importlib import resources
from pathlib import Path
from typing import Literal

from fabrik.errors import FabrikError, UsageError
from fabrik.specs import rules
from fabrik.specs.converting.convert import content_of, json_values
from fabrik.specs.draft import Draft
from fabrik.specs.markdown_spec import read_markdown_spec

Template = Literal["feature", "bug", "refactoring", "release"]

_SUFFIX = re.compile(r"\.(?:md|mdx|markdown|json)$", re.IGNORECASE)
_NUMBER = re.compile(r"^\d+[-_. ]+")

# What tells that a project has tests which are run by a command of their own.
_PROJECTS = (
    ("Makefile", re.compile(r"^test\s*:", re.MULTILINE), "make test"),
    ("package.json", re.compile(r'"test"\s*:'), "npm test"),
    ("Cargo.toml", None, "cargo test"),
    ("go.mod", None, "go test ./..."),
    ("pyproject.toml", re.compile(r"pytest"), "python3 -m pytest -q"),
)

PLACEHOLDER_NAME = "the proof of this spec: replace the command below"
PLACEHOLDER = "echo 'write the check that proves this spec' >&2; exit 1"


@dataclass(frozen=True, kw_only=True)
class NewSpec:
    """A spec to write."""

    id: str
    title: str
    files: dict[Path, str]  # what is written where


def plan(
    name: str,
    directory: Path,
    *,
    as_json: bool,
    title: str | None,
    project: Path,
    today: date,
    template: Template = "feature",
) -> NewSpec:
    """The files of a new spec.

    name: `search`, `0001-search`, or a path such as `specs/0001-search.md`, whose directory then counts and
    whose suffix chooses the format. project: where to look for the project's own test command.
    Raises UsageError when no id can be made of the name, or the title is no line of text.
    """
    given = Path(name)
    if given.name != name:
        directory = given.parent
    as_json = as_json or given.suffix.lower() == ".json"
    stem = _SUFFIX.sub("", given.name)
    spec_id = stem if rules.id_problem(stem) is None else rules.slug(stem)
    if not spec_id:
        raise UsageError(f"no id can be made of the name {name!r}", todo="use letters and digits: add-search")
    title = title if title is not None else _title(stem)
    if broken := rules.line_problem(title):
        raise UsageError(f"the title {broken[0]}", where="--title")
    known = [command] if (command := project_tests(project)) else []
    text = _markdown(template, spec_id, title, known)
    if as_json:
        files = _json(directory, spec_id, title, text, known, today)
    else:
        files = {directory / f"{spec_id}.md": text}
    return NewSpec(id=spec_id, title=title, files=files)


def write(new: NewSpec) -> None:
    """Write the files; none when one of them is there already.

    Raises UsageError when a file exists, FabrikError when one cannot be written.
    """
    for path in new.files:
        if path.exists() or path.is_symlink():
            raise UsageError(
                "is there already", where=str(path), todo="choose another name, or remove it first"
            )
    for path, text in new.files.items():
        try:
            if not path.parent.is_dir():
                path.parent.mkdir(parents=True)
        except OSError as error:
            what = f"the directory cannot be made: {error.strerror}"
            raise FabrikError(what, where=str(path.parent)) from error
        try:
            with path.open("x", encoding="utf-8") as stream:
                stream.write(text)
        except FileExistsError as error:
            raise UsageError("is there already", where=str(path), todo="choose another name") from error
        except OSError as error:
            raise FabrikError(f"cannot be written: {error.strerror}", where=str(path)) from error


def project_tests(project: Path) -> str | None:
    """The command that runs the project's tests, by the files in its root."""
    for name, telling, command in _PROJECTS:
        try:
            with (project / name).open(encoding="utf-8", errors="replace") as stream:
                text = stream.read(1 << 20)
        except OSError:
            continue
        if telling is None or telling.search(text):
            return command
    return None


def _markdown(template: Template, spec_id: str, title: str, known: list[str]) -> str:
    lines = [f"# {PLACEHOLDER_NAME}", PLACEHOLDER]
    for command in known:
        lines += ["", "# what worked before still works", command]
    text = (resources.files("fabrik.specs") / "templates" / f"{template}.md").read_text(encoding="utf-8")
    values = {"id": json.dumps(spec_id), "title": title, "checks": "\n".join(lines)}
    text = text.replace("hidden/{{id}}.sh", f"hidden/{spec_id}.sh")
    return re.sub(r"\{\{(\w+)\}\}", lambda match: values[match[1]], text)


def _json(
    directory: Path, spec_id: str, title: str, text: str, known: list[str], today: date
) -> dict[Path, str]:
    """The template as JSON, without what it says around its lists, and with a todo."""
    draft = Draft(path=directory / f"{spec_id}.md", data=text.encode("utf-8"))
    read_markdown_spec(text, draft)
    content = replace(content_of(draft), prose=(), version="0.1", last_updated=today.isoformat())
    spec = json_values(content)
    todo = {
        "v": 1,
        "id": spec_id,
        "tdd": True,
        "dod": known,
        "tasks": [{"id": "first", "do": f"{title}: the first step", "verify": "What shows that it is done"}],
    }
    return {
        directory / f"{spec_id}.json": json.dumps(spec, indent=2, ensure_ascii=False) + "\n",
        directory / f"{spec_id}.todo.json": json.dumps(todo, indent=2, ensure_ascii=False) + "\n",
    }


def _title(stem: str) -> str:
    words = re.sub(r"[-_.\s]+", " ", _NUMBER.sub("", stem)).strip() or stem
    return words[:1].upper() + words[1:]
