"""Takes Markdown apart as far as specs need it: headings, list items, paragraphs and code blocks, with lines.

Not a Markdown renderer: inline markup stays as it is written. What stands in a code block or in an HTML
comment is never taken for a heading or a list item.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Literal

Kind = Literal["text", "code"]

_FENCE = re.compile(r"^(?P<indent>\s*(?:(?:[-*+]|\d{1,9}[.)])\s+)?)(?P<ticks>`{3,}+|~{3,}+)(?P<info>[^`]*+)$")
_ATX = re.compile(r"^ {0,3}(#{1,6})(?:[ \t]+(.*?))?(?:[ \t]+#+)?[ \t]*$")
_SETEXT = re.compile(r"^ {0,3}(=+|-+)[ \t]*$")
_ITEM = re.compile(r"^(?P<indent>\s*)(?P<marker>[-*+]|(?P<number>\d{1,9})[.)])(?:\s+(?P<text>.*)|$)")
_BOX = re.compile(r"^\[[ xX]\]\s+")
_RULE = re.compile(r"^ {0,3}(?:(?:\*[ \t]*){3,}|(?:-[ \t]*){3,}|(?:_[ \t]*){3,})$")
_TABLE = re.compile(r"^\s*\|")


@dataclass(frozen=True, kw_only=True)
class Line:
    """One line of a section."""

    number: int  # in the file, from 1
    text: str
    kind: Kind = "text"


@dataclass(frozen=True, kw_only=True)
class Code:
    """A fenced code block."""

    number: int  # line of the opening fence
    language: str  # the first word after the fence, in small letters
    lines: tuple[Line, ...]
    closed: bool


@dataclass(kw_only=True)
class Section:
    """A heading and what stands below it, up to the next heading of any level."""

    number: int  # line of the heading; 0 for what stands before the first
    level: int
    title: str
    lines: list[Line] = field(default_factory=list)
    codes: list[Code] = field(default_factory=list)


@dataclass(frozen=True, kw_only=True)
class Item:
    """A list item, or a paragraph where there is no list."""

    number: int  # its first line
    text: str
    lines: tuple[Line, ...]


def sections(text: str, first_line: int = 1) -> list[Section]:
    """The sections of a document, in order; the first one is what stands before any heading."""
    found = [Section(number=0, level=0, title="")]
    lines = without_comments(text).split("\n")
    index = 0
    while index < len(lines):
        number, line = first_line + index, lines[index]
        if fence := _FENCE.match(line):
            code, end = _code(lines, index, fence, first_line)
            found[-1].codes.append(code)
            found[-1].lines += [
                Line(number=first_line + at, text=lines[at], kind="code") for at in range(index, end)
            ]
            index = end
            continue
        if atx := _ATX.match(line):
            found.append(Section(number=number, level=len(atx[1]), title=_title(atx[2] or "")))
        elif (setext := _SETEXT.match(line)) and _is_title(found[-1].lines):
            title = found[-1].lines.pop()
            level = 1 if setext[1].startswith("=") else 2
            found.append(Section(number=title.number, level=level, title=_title(title.text)))
        else:
            found[-1].lines.append(Line(number=number, text=line))
        index += 1
    return found


def items(lines: Sequence[Line]) -> list[Item]:
    """The outermost list items of a section; its paragraphs where it has no list."""
    return listed(lines) or [_paragraph(group) for group in _paragraphs(lines)]


def listed(lines: Sequence[Line]) -> list[Item]:
    """The outermost list items of a section."""
    return [_item(group) for group in _groups(lines)]


def _code(lines: list[str], start: int, fence: re.Match[str], first_line: int) -> tuple[Code, int]:
    """The code block that starts at a line, and the index of the line after it."""
    ticks = fence["ticks"]
    closing = re.compile(rf"^\s*{re.escape(ticks[0])}{{{len(ticks)},}}\s*$")
    indent = len(fence["indent"])
    end, closed = len(lines), False
    for at in range(start + 1, len(lines)):
        if closing.match(lines[at]):
            end, closed = at, True
            break
    body = tuple(
        Line(number=first_line + at, text=_dedent(lines[at], indent), kind="code")
        for at in range(start + 1, end)
    )
    words = fence["info"].split()
    language = words[0].lower().strip("{}.") if words else ""
    return Code(number=first_line + start, language=language, lines=body, closed=closed), end + closed


def _groups(lines: Sequence[Line]) -> Iterator[list[Line]]:
    """The lines of each outermost list item: the marker's line and what is indented below it."""
    group: list[Line] = []
    margin = 0  # a marker that is indented further belongs to the item above
    after_blank = False
    for line in lines:
        blank = line.kind == "text" and not line.text.strip()
        indent = _indent(line.text)
        match = None if line.kind == "code" or _RULE.match(line.text) else _ITEM.match(line.text)
        # An item may begin with a code block: `- ```sh`.
        fenced = line.kind == "code" and not group and _FENCE.match(line.text) and _ITEM.match(line.text)
        opens = match is not None or bool(fenced)
        if opens and (not group or indent < margin + 2):
            if group:
                yield group
            group, margin = [line], indent
        elif group:
            lazy = not after_blank and not _RULE.match(line.text) and not _TABLE.match(line.text)
            if blank or indent >= margin + 2 or (lazy and line.kind == "text"):
                group.append(line)
            else:
                yield group
                group = []
        after_blank = blank
    if group:
        yield group


def _item(group: list[Line]) -> Item:
    match = _ITEM.match(group[0].text)
    first = (match["text"] or "") if match else group[0].text
    margin = match.start("text") if match and match["text"] else _indent(group[0].text) + 2
    rest = [_dedent(line.text, margin) for line in group[1:]]
    text = "\n".join([_BOX.sub("", first.strip()), *rest]).strip()
    return Item(number=group[0].number, text=text, lines=tuple(group))


def _paragraphs(lines: Sequence[Line]) -> Iterator[list[Line]]:
    group: list[Line] = []
    for line in lines:
        if line.kind == "text" and line.text.strip() and not _RULE.match(line.text):
            group.append(line)
        elif group:
            yield group
            group = []
    if group:
        yield group


def _paragraph(group: list[Line]) -> Item:
    text = "\n".join(line.text.strip() for line in group)
    return Item(number=group[0].number, text=text, lines=tuple(group))


def _is_title(lines: list[Line]) -> bool:
    """Whether the last line is a paragraph of one line, which an underline makes a heading."""
    if not lines or lines[-1].kind == "code" or not lines[-1].text.strip() or _indent(lines[-1].text) > 3:
        return False
    alone = len(lines) == 1 or not lines[-2].text.strip() or lines[-2].kind == "code"
    return alone and not _ITEM.match(lines[-1].text) and not _TABLE.match(lines[-1].text)


def _title(text: str) -> str:
    return text.strip().strip("*_").strip()


def _indent(text: str) -> int:
    expanded = text.expandtabs(4)
    return len(expanded) - len(expanded.lstrip())


def _dedent(text: str, most: int) -> str:
    """The line without up to `most` columns of white space before it."""
    return text.expandtabs(4)[min(most, _indent(text)) :] if text[:1] in (" ", "\t") else text


def without_comments(text: str) -> str:
    """The text with HTML comments outside of code blocks blanked out; every line keeps its number."""
    out: list[str] = []
    fence: str | None = None
    inside = False
    for line in text.split("\n"):
        if inside:
            _, closing, after = line.partition("-->")
            inside = not closing
            out.append(after if closing else "")
            continue
        if fence is not None:
            stripped = line.strip()
            if stripped.startswith(fence) and not stripped.strip(fence[0]):
                fence = None
        elif match := _FENCE.match(line):
            fence = match["ticks"]
        elif "<!--" in line and "`" not in line.partition("<!--")[0]:
            line = re.sub(r"<!--.*?-->", "", line)
            if "<!--" in line:
                line, inside = line.partition("<!--")[0], True
        out.append(line)
    return "\n".join(out)
