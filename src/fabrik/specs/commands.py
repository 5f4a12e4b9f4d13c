"""Checks out of the code blocks of a Markdown spec: one command per line, each run on its own. Pure."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from dataclasses import dataclass

from fabrik.specs.markdown import Code, Line

LANGUAGES = frozenset(
    {"", "sh", "bash", "shell", "zsh", "console", "shell-session", "shellsession", "terminal"}
)
_WITH_OUTPUT = frozenset({"console", "shell-session", "shellsession", "terminal"})

_PROMPT = re.compile(r"^\s*\$\s+")
_GOES_ON = re.compile(r"(?:&&|\|\|?)$")
_HEREDOC = re.compile(r"(?<!<)<<-?\s*[\"'\\]?\w")
_BLOCKS = {"if": "fi", "for": "done", "while": "done", "until": "done", "case": "esac", "{": "}"}
_INNER = frozenset({"then", "else", "elif", "fi", "do", "done", "esac", "}", ")"})
_LOST = re.compile(
    r"^(?:cd|pushd|export|source|\.|set|shopt|alias|unset)(?:\s[^;&|]*)?$|^\w+=(?:\S*|'[^']*'|\"[^\"]*\")$"
)


@dataclass(frozen=True, kw_only=True)
class Command:
    """One line of a code block, as a check."""

    number: int  # its first line in the file
    name: str | None  # from the comment above it
    run: str
    last: int  # its last line
    named: int | None = None  # the line of the comment
    problem: str = ""  # why it cannot work as a check of its own


def commands(code: Code) -> list[Command]:
    """The checks in a code block; none when it is not one of shell commands."""
    if code.language not in LANGUAGES:
        return []
    lines = list(code.lines)
    if code.language in _WITH_OUTPUT and any(_PROMPT.match(line.text) for line in lines):
        lines = list(_prompted(lines))
    return list(_read(lines))


def command(number: int, run: str) -> Command:
    """A command that stands on a line of its own, outside of a block."""
    goes_on = "the command goes on after the end of its line" if _continues(run) else ""
    return Command(number=number, name=None, run=run, last=number, problem=goes_on or _problem(run))


def _prompted(lines: list[Line]) -> Iterator[Line]:
    """Only what was typed: lines with a prompt, what continues them, and comments between them."""
    goes_on = False
    for line in lines:
        typed = _PROMPT.match(line.text) is not None
        if typed or goes_on or line.text.lstrip().startswith("#"):
            yield line
            goes_on = (typed or goes_on) and _continues(line.text)


def _read(lines: list[Line]) -> Iterator[Command]:
    name: str | None = None
    parts: list[str] = []
    start, last = 0, 0
    named: int | None = None
    for line in lines:
        text = line.text.strip() if parts else _PROMPT.sub("", line.text).strip()
        if not parts and (not text or text.startswith("#")):
            name = text.lstrip("#").strip() or None if text and not text.startswith("#!") else None
            named = line.number if name else None
            continue
        start, last = (start if parts else line.number), line.number
        parts.append(text.removesuffix("\\").rstrip() if text.endswith("\\") else text)
        if _continues(text):
            continue
        yield _command(start, name, parts, last, named)
        name, named, parts = None, None, []
    if parts:
        yield _command(start, name, parts, last, named, unfinished=True)


def _command(
    start: int, name: str | None, parts: list[str], last: int, named: int | None, *, unfinished: bool = False
) -> Command:
    run = " ".join(part for part in parts if part)
    problem = "the command goes on after the end of the block" if unfinished else _problem(run)
    return Command(number=start, name=name, run=run, last=last, named=named, problem=problem)


def _continues(text: str) -> bool:
    stripped = text.rstrip()
    odd = len(stripped) - len(stripped.rstrip("\\"))
    return odd % 2 == 1 or _GOES_ON.search(stripped) is not None


def _problem(run: str) -> str:
    """Why a line is no command of its own, or "". Every line is run by its own `sh -c`."""
    if _LOST.match(run):
        return f"`{run[:60]}` has no effect on the lines below it: every line runs in a shell of its own"
    words = run.split()
    first = words[0]
    if first in _INNER:
        return f"`{first}` belongs to a command that spans several lines"
    closing = _BLOCKS.get(first)
    if _HEREDOC.search(run) or run.endswith("{") or (closing and closing not in re.split(r"[\s;]+", run)):
        return "the command spans several lines"
    try:
        shlex.split(run, comments=True)
    except ValueError:
        return "a quote is not closed on its line"
    return ""
