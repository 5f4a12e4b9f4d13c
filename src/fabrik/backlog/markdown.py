"""As much Markdown as a spec of a backlog needs: headings, bullets and fenced commands. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

_HEADING = re.compile(r" {0,3}(#{1,6})[ \t]+(.*)")
_FENCE = re.compile(r"[ \t]*(?:[-*+][ \t]+)?(`{3,}+|~{3,}+)([^`]*+)")
_BULLET = re.compile(r"([ \t]*)(?:[-*+]|\d{1,4}[.)])[ \t]+(?:\[[ xX]\][ \t]+)?(.*)")
_COMMENT = re.compile(r"<!--.*?(?:-->|\Z)", re.DOTALL)


@dataclass(frozen=True, kw_only=True)
class Fence:
    """A fenced block."""

    language: str  # in small letters; "" for none
    lines: tuple[str, ...]
    after: int = 0  # how many lines of its part stand before it


@dataclass(kw_only=True)
class Part:
    """A heading and what stands below it, up to the next one of any level."""

    level: int  # 0: what stands before the first heading
    title: str
    line: int  # of the heading, from 1
    lines: list[str] = field(default_factory=list)  # without those of fenced blocks
    fences: list[Fence] = field(default_factory=list)


def parts(text: str) -> list[Part]:
    """The parts of a document in order. What stands in a fenced block or a comment is no heading."""
    found = [Part(level=0, title="", line=0)]
    lines = enumerate(_COMMENT.sub(_blank, text).split("\n"), 1)
    for number, line in lines:
        if opening := _FENCE.fullmatch(line):
            after = len(found[-1].lines)
            found[-1].fences.append(_fence(opening[1], _first_word(opening[2]), lines, after))
        elif heading := _HEADING.fullmatch(line):
            found.append(Part(level=len(heading[1]), title=_title(heading[2]), line=number))
        else:
            found[-1].lines.append(line)
    return found


def _blank(comment: re.Match[str]) -> str:
    return "\n" * comment[0].count("\n")


def _first_word(text: str) -> str:
    return next(iter(text.split(maxsplit=1)), "")


def _title(text: str) -> str:
    """The words of a heading, without a closing row of hashes."""
    title = text.strip()
    bare = title.rstrip("#")
    return bare.rstrip() if bare[-1:] in ("", " ", "\t") else title


def _fence(ticks: str, language: str, rest: Iterator[tuple[int, str]], after: int) -> Fence:
    """Read to the closing line, or to the end of the document."""
    closing = re.compile(rf"[ \t]*{re.escape(ticks[0])}{{{len(ticks)},}}[ \t]*")
    inside = []
    for _, line in rest:
        if closing.fullmatch(line):
            break
        inside.append(line)
    return Fence(language=language.lower(), lines=tuple(inside), after=after)


def below(document: Sequence[Part], *titles: str) -> list[Part]:
    """The parts whose heading begins with one of these words, and the deeper ones below them."""
    found: list[Part] = []
    depth = 0
    for part in document:
        if part.level and any(_begins(part.title, title) for title in titles):
            depth = part.level
            found.append(part)
        elif depth and part.level > depth:
            found.append(part)
        else:
            depth = 0
    return found


def _begins(heading: str, title: str) -> bool:
    words = heading.strip("*_:` ").lower()
    return re.match(rf"(?:\d+[.)]?\s+)?{re.escape(title)}\b", words) is not None


def bullets(lines: Sequence[str]) -> list[str]:
    """The outermost list items, each as one text; what is indented below one belongs to it."""
    found: list[list[str]] = []
    margin = -1
    ended = True  # by a blank line
    for line in lines:
        bullet = _BULLET.fullmatch(line)
        indent = len(line) - len(line.lstrip())
        if bullet and (margin < 0 or len(bullet[1].expandtabs(4)) <= margin + 1):
            margin = len(bullet[1].expandtabs(4)) if margin < 0 else margin
            found.append([bullet[2].strip()])
            ended = False
        elif not line.strip():
            ended = True
        elif found and (indent > margin or not ended):
            found[-1].append(line.strip())
    return [text for item in found if (text := "\n".join(item))]
