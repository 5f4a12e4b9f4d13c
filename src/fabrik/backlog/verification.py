"""The commands of a spec's section Verification, and what in it nobody can run. Pure.

Blocks of shell are commands, and so is a list item, or a line, that is one command in backticks and nothing
else. Whatever else stands there is told: silence would look like a check that passed.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from fabrik.backlog.markdown import Fence, Part

SHELLS = ("", "sh", "bash", "shell", "zsh", "console", "shell-session", "sh-session", "terminal")
_ITEM = re.compile(r"[ \t]*(?:[-*+]|\d{1,4}[.)])[ \t]+(?:\[[ xX]\][ \t]+)?(.*)")
_SPAN = re.compile(r"(`++)(.+)(?<!`)\1[.;,]?")
_NOTHING = re.compile(r"[\W_]*+(?:none|n/?a)?[\W_]*+", re.I)
_SHOWN = 80  # characters of a line that is told


@dataclass(frozen=True, kw_only=True)
class Commands:
    """What is to be run, in order, and what is not."""

    checks: tuple[str, ...]  # shell scripts
    unread: tuple[str, ...]  # lines that nobody runs, as they are told


def commands_of(sections: Sequence[Part]) -> Commands:
    """Read the parts of a section. Never raises."""
    checks: list[str] = []
    unread: list[str] = []
    for part in sections:
        fences = iter(part.fences)
        fence = next(fences, None)
        for start, text in _texts(part):
            while fence is not None and fence.after <= start:
                _read_fence(fence, checks, unread)
                fence = next(fences, None)
            if command := command_in(text):
                checks.append(command)
            elif not (text.endswith(":") or _NOTHING.fullmatch(text)):  # "Run this:" leads to what follows
                unread.append(_cut(text))
        while fence is not None:
            _read_fence(fence, checks, unread)
            fence = next(fences, None)
    return Commands(checks=tuple(checks), unread=tuple(dict.fromkeys(unread)))


def command_in(text: str) -> str:
    """The command of a text that is nothing but one in backticks; "" for any other."""
    span = _SPAN.fullmatch(text.strip().strip("*_").strip())
    if span is None or span[1] in re.findall("`+", span[2]):
        return ""
    return span[2].strip().removeprefix("$ ").strip()


def _texts(part: Part) -> Iterator[tuple[int, str]]:
    """The list items and paragraphs of a part, of any depth, with the index of their first line."""
    parted = {fence.after for fence in part.fences}
    words: list[str] = []
    start = 0
    for index, line in enumerate([*part.lines, ""]):
        item = _ITEM.fullmatch(line)
        if words and (item or not line.strip() or index in parted):
            yield start, " ".join(words)
            words = []
        if text := (item[1] if item else line).strip():
            start = start if words else index
            words.append(text)


def _read_fence(fence: Fence, checks: list[str], unread: list[str]) -> None:
    if script := _script(fence):
        checks.append(script)
    elif fence.language not in SHELLS:
        unread.append(f"the block of {_cut(fence.language)}")


def _script(fence: Fence) -> str:
    """The commands of a block; "" when it has none: a placeholder, or another language."""
    if fence.language not in SHELLS:
        return ""
    lines = [line.rstrip() for line in fence.lines]
    if prompts := [line for line in lines if line.lstrip().startswith("$ ")]:
        lines = [line.lstrip()[2:] for line in prompts]  # the rest is output
    if not any(line.strip() and not line.lstrip().startswith("#") for line in lines):
        return ""
    while lines and not lines[0].strip():
        del lines[0]
    return "\n".join(lines).rstrip()


def _cut(text: str) -> str:
    line = " ".join(text.split())
    return line if len(line) <= _SHOWN else line[: _SHOWN - 1] + "…"
