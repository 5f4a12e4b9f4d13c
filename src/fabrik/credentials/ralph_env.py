"""Reads `~/.config/ralph/ralph.env`, and files like it, as a shell would: with or without `export`. Pure.

A line is `[export ]NAME=VALUE`; the value is bare, in 'single' or in "double" quotes; `#` begins a comment at
the beginning of a line or after a space. Nothing is expanded and nothing is run: a line that asks for it is
wrong, and says so. Values are never quoted in a message.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

from fabrik.problems import Problem

_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*\Z")
_SINGLE = re.compile(r"'([^']*)'")
_DOUBLE = re.compile(r'"((?:[^"\\]|\\.)*)"')
_BARE = re.compile(r"(?:[^\s'\"\\]|\\.)*")
_COMMENT = re.compile(r"\s*(?:\s#.*)?\Z")
_ASKS = re.compile(r"(?<!\\)(?:\$[\w({]|`)")


@dataclass(frozen=True, kw_only=True)
class EnvFile:
    """What such a file says. Its repr shows no value."""

    values: Mapping[str, str]
    problems: tuple[Problem, ...]

    def __repr__(self) -> str:
        return f"EnvFile({', '.join(self.values)}; {len(self.problems)} problems)"


def read_env_file(text: str, file: str) -> EnvFile:
    """All its variables, and every line that is wrong, by number. file: its name for messages."""
    values: dict[str, str] = {}
    problems: list[Problem] = []
    first: dict[str, int] = {}
    for number, line in enumerate(text.removeprefix("\ufeff").splitlines(), 1):
        stripped = line.strip()
        if not stripped or stripped.startswith("#"):
            continue
        found = _assignment(stripped)
        if isinstance(found, tuple) and found[0] in values:
            what, todo = f"{found[0]} is set again, after line {first[found[0]]}", "keep one of the two"
            problems.append(Problem(file=file, where=f"line {number}", what=what, todo=todo))
        if isinstance(found, tuple):
            values[found[0]] = found[1]
            first.setdefault(found[0], number)
        else:
            problems.append(Problem(file=file, where=f"line {number}", what=found.what, todo=found.todo))
    return EnvFile(values=values, problems=tuple(problems))


@dataclass(frozen=True, kw_only=True)
class _Wrong:
    what: str
    todo: str


def _assignment(line: str) -> tuple[str, str] | _Wrong:
    if line.split(None, 1)[0] == "export":
        line = line[len("export") :].strip()
    name, equals, rest = line.partition("=")
    if not equals:
        return _Wrong(what="no assignment", todo="write NAME=VALUE, or `#` in front of a comment")
    if name != name.rstrip() or (rest[:1].isspace() and rest.strip() and not rest.strip().startswith("#")):
        return _Wrong(what="spaces around =", todo="a shell wants none: NAME=VALUE")
    if not _NAME.match(name):
        return _Wrong(what="what stands before = is no name", todo="names have letters, digits and _")
    return _value(name, rest)


def _value(name: str, rest: str) -> tuple[str, str] | _Wrong:
    """The value, of parts in quotes and bare ones, one directly after the other."""
    parts: list[str] = []
    while rest and not rest[0].isspace():
        if rest[0] == "'":
            found = _SINGLE.match(rest)
            text = found[1] if found else ""
        elif rest[0] == '"':
            found = _DOUBLE.match(rest)
            text = re.sub(r'\\(["\\$`])', r"\1", found[1]) if found else ""
        else:
            found = _BARE.match(rest)
            text = re.sub(r"\\(.)", r"\1", found[0]) if found else ""
        if found is None or not found[0]:
            return _Wrong(what=f"the value of {name} has a quote that is not closed", todo="close it")
        if rest[0] != "'" and _ASKS.search(found[0]):
            return _Wrong(
                what=f"the value of {name} asks for a variable or a command; nothing is expanded here",
                todo="write the value itself, in 'single' quotes where it has a $",
            )
        parts.append(text)
        rest = rest[found.end() :]
    if not _COMMENT.match(rest):
        return _Wrong(
            what=f"there is more after the value of {name}", todo="put a value with spaces in quotes"
        )
    return name, "".join(parts)
