"""Takes Markdown apart as far as AGENTS.md and a plan need it: headings, nested list items, code, tables.

Not a Markdown renderer: inline markup stays as it is written. HTML comments outside of code are blank.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Literal

Kind = Literal["item", "text", "code", "row"]

_NEWLINE = re.compile(r"\r\n|\n|\r")
_FENCE = re.compile(r"^[ \t]*(?P<ticks>`{3,}+|~{3,}+)(?P<info>[^`]*)$")
_HEADING = re.compile(r"^ {0,3}(?P<marks>#{1,6})(?=[ \t]|$)(?P<title>.*)$")
_CLOSING = re.compile(r"(?:^|(?<=[ \t]))#+$")  # marks at the end of a heading
_UNDERLINE = re.compile(r"^ {0,3}(?:=+|-{2,})[ \t]*$")
_ITEM = re.compile(r"^(?P<indent>[ \t]*)(?P<marker>[-*+•]|\(?\d{1,9}[.)])(?:[ \t]+(?P<text>.*)|$)")
_BOX = re.compile(r"^\\?\[(?P<mark>[ xX✓✔✅~/-]?)\\?\](?=[ \t]|$)[ \t]*")
_RULE = re.compile(r"^ {0,3}(?:(?:\*[ \t]*){3,}|(?:-[ \t]*){3,}|(?:_[ \t]*){3,})$")
_TABLE_LINE = re.compile(r"^\|?[ \t]*:?-+:?[ \t]*(?:\|[ \t]*:?-+:?[ \t]*)*\|?$")

# What nobody writes for people to read costs no more than this, whoever wrote it.
_LONGEST, _END = 4_000, 1_000  # characters of a line, and of its end when it is longer
_PARAGRAPH = 20_000  # characters of a paragraph: the lines after them are left out
_DEEPEST = 40  # list items within each other: what is deeper stands beside the deepest


@dataclass(kw_only=True)
class Node:
    """One block of a section: a list item with what belongs to it, a paragraph, a code block, a table row."""

    kind: Kind
    number: int  # its first line in the file, from 1
    text: str = ""  # an item's or a paragraph's own text, lines joined with "\n"; of a row, its line
    indent: int = 0  # columns before it
    numbered: bool = False  # an item begins with a number
    box: str | None = None  # what stands in an item's checkbox: " ", "x", …; None: it has none
    language: str = ""  # of a code block, in small letters
    lines: tuple[tuple[int, str], ...] = ()  # of a code block: number and text
    closed: bool = True  # a code block has its closing fence
    cells: tuple[str, ...] = ()  # of a row
    header: bool = False  # the row names the columns
    children: list[Node] = field(default_factory=list)  # of an item


@dataclass(kw_only=True)
class Section:
    """A heading and what stands below it, up to the next heading of any level."""

    number: int  # line of the heading; 0 for what stands before the first
    level: int  # 1 to 6; 0 for what stands before the first
    title: str
    parents: tuple[str, ...] = ()  # titles of the headings above it, outermost first
    nodes: list[Node] = field(default_factory=list)


def sections(text: str) -> list[Section]:
    """The sections of a document in order; the first is what stands before any heading.

    Of a line that is longer than anybody writes one, the middle is an ellipsis, which no command has.
    """
    lines = _NEWLINE.split(without_comments(text.removeprefix("\ufeff")))
    return _Reader([_bounded(line) for line in lines]).read()


def _bounded(line: str) -> str:
    return line if len(line) <= _LONGEST else f"{line[: _LONGEST - _END]} … {line[-_END:]}"


def walk(nodes: list[Node]) -> Iterator[Node]:
    """All nodes, each before what belongs to it."""
    for node in nodes:
        yield node
        yield from walk(node.children)


def without_comments(text: str) -> str:
    """The text with HTML comments outside of code blocks blanked out; every line keeps its number."""
    out: list[str] = []
    fence, inside = "", False
    for line in _NEWLINE.split(text):
        if inside:
            _, closing, line = line.partition("-->")
            inside = not closing
            if inside:
                out.append("")
                continue
        if fence:
            if _closes(line, fence):
                fence = ""
        elif match := _FENCE.match(_after_marker(line)):
            fence = match["ticks"]
        else:
            line = _without_whole_comments(line)
            before, opening, _ = line.partition("<!--")
            # An opening that stands in backticks is text about comments, not a comment.
            if opening and before.count("`") % 2 == 0:
                line, inside = before, True
        out.append(line)
    return "\n".join(out)


def _without_whole_comments(line: str) -> str:
    # A pattern would try every opening up to the end of the line: a hostile line would take minutes.
    kept, at = [], 0
    while (start := line.find("<!--", at)) >= 0 and (end := line.find("-->", start + 4)) >= 0:
        kept.append(line[at:start])
        at = end + 3
    return "".join(kept) + line[at:]


class _Reader:
    """Reads lines into sections, with a stack of the list items that are open."""

    def __init__(self, lines: list[str]) -> None:
        self._lines = lines
        self._sections = [Section(number=0, level=0, title="")]
        self._open: list[Node] = []  # list items, outermost first
        self._above: list[tuple[int, str]] = []  # levels and titles of the headings that are open
        self._blank = True  # the line above is blank, or ends a block

    def read(self) -> list[Section]:
        at = 0
        while at < len(self._lines):
            line = self._lines[at]
            if fence := _FENCE.match(_after_marker(line)):
                at = self._code(at, fence)
                continue
            if not line.strip():
                self._blank = True
            elif heading := _HEADING.match(line):
                title = _CLOSING.sub("", heading["title"].strip(" \t"))
                self._heading(at + 1, len(heading["marks"]), title)
            elif _UNDERLINE.match(line) and (above := self._paragraph_above()) is not None:
                self._heading(above.number, 1 if "=" in line else 2, above.text)
            elif _RULE.match(line):
                self._open, self._blank = [], True
            elif item := _ITEM.match(line):
                self._item(at + 1, item)
            elif line.lstrip().startswith("|"):
                self._row(at + 1, line)
            else:
                self._text(at + 1, line)
            at += 1
        return self._sections

    def _heading(self, number: int, level: int, title: str) -> None:
        self._above = [entry for entry in self._above if entry[0] < level]
        parents = tuple(name for _, name in self._above)
        self._above.append((level, title.strip()))
        self._sections.append(Section(number=number, level=level, title=title.strip(), parents=parents))
        self._open, self._blank = [], True

    def _paragraph_above(self) -> Node | None:
        """The paragraph of one line that an underline makes a heading; it is taken away."""
        nodes = self._sections[-1].nodes
        if self._blank or self._open or not nodes or nodes[-1].kind != "text" or "\n" in nodes[-1].text:
            return None
        return nodes.pop()

    def _item(self, number: int, match: re.Match[str]) -> None:
        indent, text, box = _columns(match["indent"]), match["text"] or "", None
        if found := _BOX.match(text):
            box, text = found["mark"] or " ", text[found.end() :]
        self._close(indent - 2)
        del self._open[_DEEPEST:]
        numbered = any(char.isdigit() for char in match["marker"])
        node = Node(kind="item", number=number, text=text.strip(), indent=indent, numbered=numbered, box=box)
        self._add(node)
        self._open.append(node)
        self._blank = False

    def _row(self, number: int, line: str) -> None:
        self._leave(line)
        siblings = self._open[-1].children if self._open else self._sections[-1].nodes
        if _TABLE_LINE.match(line.strip()):
            if siblings and siblings[-1].kind == "row":
                siblings[-1].header = True
        else:
            self._add(Node(kind="row", number=number, text=line.strip(), cells=_cells(line)))
        self._blank = True

    def _text(self, number: int, line: str) -> None:
        siblings = self._open[-1].children if self._open else self._sections[-1].nodes
        if not self._blank:
            goes_on = siblings[-1] if siblings and siblings[-1].kind == "text" else None
            if self._open and not siblings:
                goes_on = self._open[-1]
            if goes_on is not None:
                if len(goes_on.text) < _PARAGRAPH:
                    goes_on.text += "\n" + line.strip()
                return
        self._leave(line)
        self._add(Node(kind="text", number=number, text=line.strip(), indent=_columns(line)))
        self._blank = False

    def _code(self, at: int, fence: re.Match[str]) -> int:
        """Take in the code block that starts at a line; the index of the line after it."""
        first = self._lines[at]
        item = None if _FENCE.match(first) else _ITEM.match(first)  # an item may begin with a block
        if item:
            self._item(at + 1, item)
            self._open[-1].text = ""
        else:
            self._leave(first)
        margin, end, closed = _columns(first), at + 1, False
        while end < len(self._lines) and not closed:
            closed = _closes(self._lines[end], fence["ticks"])
            end += 1
        body = self._lines[at + 1 : end - 1 if closed else end]
        words = fence["info"].split()
        self._add(
            Node(
                kind="code",
                number=at + 1,
                indent=margin,
                language=words[0].lower().strip("{}.") if words else "",
                lines=tuple((at + 2 + offset, _dedent(line, margin)) for offset, line in enumerate(body)),
                closed=closed,
            )
        )
        self._blank = True
        return end

    def _leave(self, line: str) -> None:
        """Close the items that a line is not indented under."""
        self._close(_columns(line) - 2)

    def _close(self, most: int) -> None:
        while self._open and self._open[-1].indent > most:
            self._open.pop()

    def _add(self, node: Node) -> None:
        (self._open[-1].children if self._open else self._sections[-1].nodes).append(node)


def _after_marker(line: str) -> str:
    """The line without a list marker before a code fence: `- ```sh`."""
    match = _ITEM.match(line)
    return match["text"] or "" if match and (match["text"] or "").startswith(("```", "~~~")) else line


def _closes(line: str, ticks: str) -> bool:
    stripped = line.strip()
    return len(stripped) >= len(ticks) and not stripped.strip(ticks[0])


def _columns(text: str) -> int:
    expanded = text.expandtabs(4)
    return len(expanded) - len(expanded.lstrip())


def _dedent(line: str, most: int) -> str:
    expanded = line.expandtabs(4) if line[:1] == "\t" or "\t" in line[:most] else line
    return expanded[min(most, _columns(expanded)) :]


def _cells(line: str) -> tuple[str, ...]:
    """The cells of a table row; a `|` in backticks or after a backslash belongs to its cell."""
    cells, cell, ticked, escaped = [], "", False, False
    for char in line.strip().removeprefix("|"):
        if char == "|" and not ticked and not escaped:
            cells.append(cell)
            cell = ""
        else:
            cell = cell[:-1] + char if char == "|" and escaped else cell + char
        ticked ^= char == "`"
        escaped = char == "\\" and not escaped
    if cell.strip():
        cells.append(cell)
    return tuple(part.strip() for part in cells)
