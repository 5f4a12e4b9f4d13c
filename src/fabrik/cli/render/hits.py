"""What the search in the manual found, at the terminal's width. Pure."""

from __future__ import annotations

import re
from collections.abc import Callable

from markdown_it.tree import SyntaxTreeNode

from fabrik.cli.render.spans import Span, inline, joined, wrap
from fabrik.cli.screen import Tone
from fabrik.manual.markdown import parser, plain

Paint = Callable[[str, Tone], str]

_MARK = re.compile(r"\s*(?:#{1,6} |[-*] |\d+\. |> )")  # of a heading, an item, a quotation
_CELLS = re.compile(r"(?<!\\)\|")


def hit(line: str, *, code: bool, width: int, paint: Paint) -> list[str]:
    """A line of a page without its markup, wrapped at words; code as it is, so that it can be copied."""
    if code:
        return [paint(line, "code")]
    ticks = paint("x", "code") == "x"
    row = line.startswith("|")
    parts = _CELLS.split(line.strip("|")) if row else [_MARK.sub("", line, count=1)]
    spans: list[Span] = []
    for part in parts:
        found = inline(_parsed(part.strip().replace("\\|", "|")), ticks=ticks)
        spans += [(" · ", "dim"), *found] if spans and found else found
    return [joined(words, paint) for words in wrap(spans, width)]


def title(heading: str) -> str:
    """A heading without its markup."""
    return plain(_parsed(heading))


def _parsed(text: str) -> SyntaxTreeNode:
    return SyntaxTreeNode(parser().parseInline(text)).children[0]
