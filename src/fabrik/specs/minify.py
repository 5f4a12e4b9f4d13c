"""The same spec in fewer tokens: what agents need not read goes, what is asked stays."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, replace
from pathlib import Path

from fabrik.errors import UsageError
from fabrik.problems import Problem
from fabrik.specs import front_matter
from fabrik.specs.draft import Draft
from fabrik.specs.drafts import MARKDOWN, WRAPPED, read_draft
from fabrik.specs.files import decode, read_bytes
from fabrik.specs.json_spec import read_json_spec, read_json_todo
from fabrik.specs.json_text import parse_object
from fabrik.specs.markdown import sections, without_comments
from fabrik.specs.markdown_spec import contents_of, read_markdown_spec
from fabrik.specs.problems import SpecErrors
from fabrik.specs.tokens import estimate


@dataclass(frozen=True, kw_only=True)
class Minified:
    """A spec or todo in fewer tokens."""

    path: Path
    text: str
    before: int  # tokens, about: see fabrik.specs.tokens
    after: int

    @property
    def target(self) -> Path:
        """The usual file for it: X.min.json, X.min.md."""
        return self.path.with_name(f"{self.path.stem}.min{self.path.suffix}")


def minify(path: Path) -> Minified:
    """A spec or todo without what nobody needs. Raises SpecErrors when it is not right, UsageError.

    JSON loses its white space and `$schema`; Markdown its comments, blanks at ends of lines, and empty lines
    after the first. The result is read again: it asks for the same, or an error says that it does not.
    """
    problems: list[Problem] = []
    data = read_bytes(path)
    text = data if isinstance(data, Problem) else decode(data, str(path))
    if isinstance(text, Problem):
        raise SpecErrors([text])
    name = path.name.lower()
    if re.search(r"\.min\.\w+$", name) or name.endswith(WRAPPED):
        raise UsageError("is minified already", where=str(path))
    if name.endswith(".todo.json"):
        todo = read_json_todo(text, path, problems)
        small = minified_json(text)
        if problems or todo != read_json_todo(small, path, problems):
            raise SpecErrors(problems)
    elif name.endswith((".json", *MARKDOWN)):
        draft = read_draft(path)
        if draft.spec is None or draft.problems:
            raise SpecErrors(draft.problems)
        small = minified_markdown(text) if name.endswith(MARKDOWN) else minified_json(text)
        _same(draft, small)
    else:
        raise UsageError("is neither Markdown nor JSON by its name", where=str(path))
    return Minified(path=path, text=small, before=estimate(text), after=estimate(small))


def minified_json(text: str) -> str:
    """JSON without white space, and without `$schema`. The text is valid."""
    values = parse_object(text, "", []) or {}
    values.pop("$schema", None)
    return json.dumps(values, ensure_ascii=False, separators=(",", ":")) + "\n"


def minified_markdown(text: str) -> str:
    """Markdown without comments, trailing blanks and repeated empty lines; code and items stay."""
    front = front_matter.split(text, "", [])
    kept = _kept(front)
    out: list[str] = []
    for number, clean in enumerate(without_comments(front.body).split("\n")):
        if number in kept:
            out.append(clean)
        elif clean.strip() or (out and out[-1].strip()):
            out.append(clean.rstrip())
    body = "\n".join(out).strip("\n") + "\n"
    head = text[: len(text) - len(front.body)]
    return _head(head) + body


def _kept(front: front_matter.FrontMatter) -> set[int]:
    """The lines of a body that must stay: those of code blocks, and inside of what the spec says."""
    kept: set[int] = set()
    contents = contents_of(front, "", [])
    for entries in contents.lists.values():
        for item in entries:
            numbers = [line.number for line in item.lines if line.text.strip() or line.kind == "code"]
            kept.update(range(numbers[0] + 1, numbers[-1] + 1) if numbers else ())
    for section in sections(front.body, front.body_line):
        kept.update(line.number for line in section.lines if line.kind == "code")
    for section in contents.tasks:  # a task holds all that stands below it
        numbers = [line.number for line in section.lines if line.text.strip()]
        kept.update(range(numbers[0], numbers[-1] + 1) if numbers else ())
    return {number - front.body_line for number in kept}


def _head(head: str) -> str:
    """The front matter without comments; as it is where a value of several lines could hold such a line."""
    if not head or re.search(r"[|>]-?\s*$", head, re.MULTILINE):
        return head
    lines = [line for line in head.split("\n") if not line.lstrip().startswith("#")]
    small = "\n".join(line.rstrip() for line in lines if line.strip()) + "\n"
    same = front_matter.split(small, "", []).values == front_matter.split(head, "", []).values
    return small if same else head


def _same(draft: Draft, small: str) -> None:
    """Raises UsageError when the small text asks for something else."""
    again = Draft(path=draft.path)
    read = read_markdown_spec if draft.path.name.lower().endswith(MARKDOWN) else read_json_spec
    read(small, again)
    if draft.spec is not None and again.spec is not None:
        same = replace(again.spec, source=draft.spec.source) == draft.spec
        if same and again.todo == draft.todo and not again.problems:
            return
    raise UsageError(
        "cannot be made smaller without changing what it asks for",
        where=str(draft.path),
        todo="use it as it is, and report this file",
    )
