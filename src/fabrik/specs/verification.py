"""The commands of a section Verification: those of its blocks, and items that are one in backticks. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from fabrik.problems import Problem
from fabrik.specs.commands import Command, command
from fabrik.specs.commands import commands as in_block
from fabrik.specs.markdown import Line, Section

_ITEM = re.compile(r"\s*(?:[-*+]|\d{1,9}[.)])\s+(?:\[[ xX]\]\s+)?(.*)")
_SPAN = re.compile(r"(`++)(.+)(?<!`)\1[.;,]?")
_NOTHING = re.compile(r"[\W_]*+(?:none|n/?a)?[\W_]*+", re.IGNORECASE)
_SHOWN = 80  # characters of an item that is told


@dataclass(frozen=True, kw_only=True)
class _Item:
    line: Line
    text: str


def commands_of(section: Section) -> list[Command]:
    """The section's commands, in the order of their lines."""
    listed = [
        command(item.line.number, run)
        for item in _items(section)
        if (run := command_in(item.text)) is not None
    ]
    blocks = [one for code in section.codes for one in in_block(code)]
    return sorted([*blocks, *listed], key=lambda one: one.number)


def command_in(text: str) -> str | None:
    """The command of a text that is nothing but one in backticks; None for any other."""
    span = _SPAN.fullmatch(text.strip())
    if span is None or span[1] in re.findall("`+", span[2]):
        return None
    return span[2].strip().removeprefix("$ ").strip() or None


def nobody_runs(section: Section, file: str) -> list[Problem]:
    """The items of the section that are no command, as warnings: their silence would look like a pass."""
    return [
        Problem(
            file=file,
            where=f"line {item.line.number}",
            what=f"nobody runs this: {_cut(item.text)}",
            todo="write the command in backticks and nothing else, or into the section's code block",
        )
        for item in _items(section)
        if command_in(item.text) is None and not _NOTHING.fullmatch(item.text) and not item.text.endswith(":")
    ]


def _items(section: Section) -> Iterator[_Item]:
    for line in section.lines:
        if line.kind == "text" and (match := _ITEM.fullmatch(line.text)) and match[1].strip():
            yield _Item(line=line, text=match[1].strip())


def _cut(text: str) -> str:
    return text if len(text) <= _SHOWN else text[: _SHOWN - 1] + "…"
