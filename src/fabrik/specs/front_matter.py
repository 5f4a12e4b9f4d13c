"""The YAML between `---` lines at the start of a Markdown file. Every plain value is a text, with its line.

YAML's guesses about types are left out on purpose: `id: 0012` is the text "0012", `status: no` the text "no".
Anchors and aliases are refused: nobody needs them here, and a few lines of them fill the memory.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Any

import yaml

from fabrik.problems import Problem

Path = tuple[str | int, ...]  # of a value in the document: ("checks", 0, "run")

_OPEN = re.compile(r"---[ \t]*\n")
_CLOSE = re.compile(r"^(?:---|\.\.\.)[ \t]*(?:\n|\Z)", re.MULTILINE)
_NUMBER = re.compile(r"-?\d{1,15}(?:\.\d{1,17})?(?:[eE][+-]?\d{1,3})?", re.ASCII)


@dataclass(frozen=True, kw_only=True)
class FrontMatter:
    """The values before a document, and where the document starts."""

    values: dict[str, Any] = field(default_factory=dict)
    lines: dict[Path, int] = field(default_factory=dict)  # path → line in the file
    body: str = ""  # what follows
    body_line: int = 1  # the file's line on which it starts
    source: str = ""  # the YAML itself

    def line(self, loc: Path) -> int | None:
        """The line of a path, or of the nearest thing around it that has one."""
        while loc:
            if (found := self.lines.get(loc)) is not None:
                return found
            loc = loc[:-1]
        return None


class _Loader(yaml.BaseLoader):
    """Composes nodes; refuses aliases."""

    def compose_node(self, parent: yaml.Node | None, index: Any) -> yaml.Node | None:
        if self.check_event(yaml.AliasEvent):
            mark = self.peek_event().start_mark  # type: ignore[no-untyped-call]
            raise yaml.composer.ComposerError(None, None, "anchors and aliases are not allowed here", mark)
        return super().compose_node(parent, index)


def split(text: str, file: str, problems: list[Problem]) -> FrontMatter:
    """The front matter of a Markdown file. Without one, its values are empty and the body is the text."""
    opening = _OPEN.match(text)
    if opening is None:
        return FrontMatter(body=text)
    closing = _CLOSE.search(text, opening.end())
    if closing is None:
        problems.append(
            Problem(
                file=file, where="line 1", what="the front matter is not closed", todo="close it with ---"
            )
        )
        return FrontMatter(body=text[opening.end() :], body_line=2)
    source = text[opening.end() : closing.start()]
    body_line = text.count("\n", 0, closing.end()) + 1
    values: dict[str, Any] = {}
    builder = _Builder()
    try:
        node = yaml.compose(source, Loader=_Loader)
        if isinstance(node, yaml.MappingNode):
            values = builder.mapping(node, ())
            for twice, line in builder.twice:
                what = f"the key `{twice}` is there twice"
                problems.append(Problem(file=file, where=f"line {line}", what=what, todo="keep one of them"))
        elif node is not None:
            problems.append(
                Problem(file=file, where="line 2", what="the front matter must be `key: value` lines")
            )
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        where = f"line {mark.line + 2}, column {mark.column + 1}" if mark else "front matter"
        what = f"the front matter is not valid YAML: {error.problem or error.context}"
        problems.append(Problem(file=file, where=where, what=what))
    except yaml.YAMLError as error:  # characters that YAML does not take
        what = f"the front matter is not valid YAML: {getattr(error, 'reason', error)}"
        problems.append(Problem(file=file, where="front matter", what=what))
    except RecursionError:
        problems.append(Problem(file=file, where="front matter", what="is nested too deeply"))
    return FrontMatter(
        values=values, lines=builder.lines, body=text[closing.end() :], body_line=body_line, source=source
    )


def without(text: str, key: str) -> str:
    """The text with one key of the front matter taken out, and with it every comment in the front matter."""
    parts = split(text, "", [])
    if key not in parts.values:
        return text
    kept = {name: value for name, value in parts.values.items() if name != key}
    head = yaml.safe_dump(kept, sort_keys=False, allow_unicode=True, width=1000) if kept else ""
    return f"---\n{head}---\n{parts.body}" if head else parts.body


def number(value: Any) -> Any:
    """A text that is a number, as a number; anything else as it is."""
    if isinstance(value, str) and _NUMBER.fullmatch(value):
        return int(value) if value.lstrip("-").isdigit() else float(value)
    return value


class _Builder:
    """Makes plain values of YAML nodes, and notes where each stands."""

    def __init__(self) -> None:
        self.lines: dict[Path, int] = {}
        self.twice: list[tuple[str, int]] = []

    def mapping(self, node: yaml.MappingNode, path: Path) -> dict[str, Any]:
        result: dict[str, Any] = {}
        for key_node, value_node in node.value:
            if not isinstance(key_node, yaml.ScalarNode):
                what = "a key must be a plain text"
                raise yaml.composer.ComposerError(None, None, what, key_node.start_mark)
            key = str(key_node.value)
            self.lines[(*path, key)] = _line(key_node)
            if key in result:
                self.twice.append((key, _line(key_node)))
            result[key] = self.value(value_node, (*path, key))
        return result

    def value(self, node: yaml.Node, path: Path) -> Any:
        self.lines.setdefault(path, _line(node))
        if isinstance(node, yaml.MappingNode):
            return self.mapping(node, path)
        if isinstance(node, yaml.SequenceNode):
            return [self.value(entry, (*path, index)) for index, entry in enumerate(node.value)]
        return node.value


def _line(node: yaml.Node) -> int:
    """The node's line in the file: marks count from 0, and the file has a line `---` before them."""
    return int(node.start_mark.line) + 2
