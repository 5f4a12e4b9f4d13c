"""The commands of a fenced block, each able to run by itself. Pure.

Every check is run by its own `sh -c` from the top of the project, so what a block does once for all lines
below (`cd web`, `export CI=1`) is put before each of them.
"""

from __future__ import annotations

import posixpath
import re
import shlex
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from fabrik.playbook.blocks import Node

_SHELL = frozenset({"sh", "bash", "shell", "zsh", "fish", "bat"})
_SESSION = frozenset({"console", "shell-session", "shellsession", "terminal", "sh-session"})
_PROMPT = re.compile(r"^\s*[$%❯>]\s+(?=\S)")
_BLOCK = re.compile(r"^\s*(?:if|for|while|until|case|function)\b|\{\s*$|<<-?\s*['\"]?\w|^\s*\w+\s*\(\)")
_CD = re.compile(r"^cd\s+(?P<dir>[^\s;&|]+)$")
_SETS = re.compile(r"^(?:export\s+)?\w+=(?:\"[^\"]*\"|'[^']*'|[^\s;&|]*)(?:\s+\w+=\S*)*$")
_ACTIVATES = re.compile(r"^(?:source|\.)\s+(?P<file>[^\s;&|]+)$")
_IGNORED = re.compile(r"^set\s+[-+][\w ]+$")
_SCRIPT = 200  # lines: a longer block is a script, not a list of commands


@dataclass(frozen=True, kw_only=True)
class ShellLine:
    """One command of a block."""

    run: str
    number: int  # its first line in the file
    comment: str = ""  # what is written after it, or on the lines above it
    problem: str = ""  # why it cannot be run by itself


def read(node: Node) -> list[ShellLine]:
    """The commands of a block; none when it is not one of shell commands."""
    if node.language and node.language not in _SHELL | _SESSION:
        return []
    lines = list(node.lines)
    if any(_PROMPT.match(text) for _, text in lines):
        lines = [
            (number, _PROMPT.sub("", text))
            for number, text in lines
            if _PROMPT.match(text) or text.lstrip().startswith("#") or not text.strip()
        ]
    written = (line for line in lines if line[1].strip() and not line[1].lstrip().startswith("#"))
    spans = (line for line in written if len(lines) > _SCRIPT or _BLOCK.search(line[1]))
    if (first := next(spans, None)) is not None:
        return [ShellLine(run=first[1].strip(), number=first[0], problem="it spans several lines")]
    return list(_commands(lines))


def _commands(lines: Sequence[tuple[int, str]]) -> Iterator[ShellLine]:
    heading = ""  # the comment above, for all lines up to the next blank one
    directory, before = ".", ""
    for number, text in _joined(lines):
        stripped = text.strip()
        if not stripped:
            heading = ""
        elif stripped.startswith("#"):
            heading = stripped.lstrip("#! ").strip()
        elif match := _CD.match(stripped):
            directory = posixpath.normpath(posixpath.join(directory, match["dir"]))
        elif _IGNORED.match(stripped):
            continue
        elif _SETS.match(stripped):
            setting = stripped if stripped.startswith("export") else f"export {stripped}"
            before += f"{setting} && "
        elif match := _ACTIVATES.match(stripped):
            file = match["file"]
            before += f". {file if '/' in file else './' + file} && "
        else:
            run, comment = _uncommented(stripped)
            outside = directory.startswith(("..", "/", "~", "$"))
            step = "" if directory == "." else f"cd {shlex.quote(directory)} && "
            yield ShellLine(
                run=f"{step}{before}{run}",
                number=number,
                comment=comment or heading,
                problem="it runs outside of the project" if outside else "",
            )


def _joined(lines: Sequence[tuple[int, str]]) -> Iterator[tuple[int, str]]:
    """Lines that go on joined into one: after a backslash, `&&`, `||` or `|`."""
    start = 0
    parts: list[str] = []
    for number, text in lines:
        start = start if parts else number
        stripped = text.rstrip()
        goes_on = stripped.endswith("\\") and not stripped.endswith("\\\\")
        parts.append((stripped[:-1] if goes_on else stripped).strip() if parts or goes_on else text)
        if goes_on or (stripped.endswith(("&&", "||", "|")) and not stripped.lstrip().startswith("#")):
            continue
        yield start, " ".join(part for part in parts if part) if len(parts) > 1 else parts[0]
        parts = []
    if parts:
        yield start, " ".join(part for part in parts if part)


def _uncommented(text: str) -> tuple[str, str]:
    """A command without the comment after it, and the comment. A `#` in quotes is no comment."""
    before, quoted = 0, {"'": 0, '"': 0}
    for match in re.finditer(r"(?<=\s)#", text):
        for quote in quoted:
            quoted[quote] += text.count(quote, before, match.start())
        before = match.start()
        if all(number % 2 == 0 for number in quoted.values()):
            return text[:before].strip(), text[before:].strip(" #")
    return text, ""
