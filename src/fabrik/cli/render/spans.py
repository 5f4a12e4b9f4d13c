"""Running text with tones, and how it is broken into lines. Pure."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

from markdown_it.tree import SyntaxTreeNode

from fabrik.cli.screen import Tone
from fabrik.manual.markdown import page_link, plain

Span = tuple[str, Tone]
Word = list[Span]  # spans without a space between them


def inline(node: SyntaxTreeNode, *, ticks: bool = False) -> list[Span]:
    """The text of a paragraph, a heading or a cell. ticks: around code, where no colour sets it apart."""
    spans = [span for child in node.children for span in _spans(child, "plain")]
    return [(f"`{text}`", tone) if ticks and tone == "code" else (text, tone) for text, tone in spans]


def _spans(node: SyntaxTreeNode, tone: Tone) -> Iterator[Span]:
    match node.type:
        case "text":
            yield node.content, tone
        case "softbreak" | "hardbreak":
            yield " ", tone
        case "code_inline":
            yield node.content, "code"
        case "strong" | "em":
            for child in node.children:
                yield from _spans(child, "strong")
        case "link":
            for child in node.children:
                yield from _spans(child, tone)
            if where := _destination(node):
                yield f" ({where})", "dim"
        case "html_inline":
            return
        case _:
            for child in node.children:
                yield from _spans(child, tone)


def _destination(node: SyntaxTreeNode) -> str:
    """Where a link leads, said in words; nothing where its text says so itself."""
    href = str(node.attrs.get("href", ""))
    if (page := page_link(href)) is None:
        return "" if plain(node) == href else href
    name = page[0]
    return f"fabrik docs {name}" if name and name not in plain(node).lower().replace(" ", "-") else ""


def wrap(spans: Sequence[Span], width: int) -> list[list[Span]]:
    """The text in lines of at most `width` columns. A single word that is wider is cut into pieces."""
    lines: list[list[Span]] = []
    line: list[Span] = []
    used = 0
    for word in _words(spans):
        size = length(word)
        if line and used + 1 + size <= width:
            line += [(" ", "plain"), *word]
            used += 1 + size
            continue
        if line:
            lines.append(line)
        *whole, rest = _pieces(word, width)
        lines += whole
        line, used = rest, length(rest)
    return [*lines, line] if line else lines or [[]]


def joined(line: Sequence[Span], paint: Callable[[str, Tone], str]) -> str:
    """A line as it is written."""
    merged: list[Span] = []
    for text, tone in line:
        if merged and (merged[-1][1] == tone or not text.strip()):
            merged[-1] = (merged[-1][0] + text, merged[-1][1])
        else:
            merged.append((text, tone))
    # A space at the end of a coloured word is not coloured: it would show where a terminal underlines.
    return "".join(_painted(text, tone, paint) for text, tone in merged)


def _painted(text: str, tone: Tone, paint: Callable[[str, Tone], str]) -> str:
    bare = text.rstrip(" ")
    return paint(bare, tone) + text[len(bare) :]


def length(spans: Sequence[Span]) -> int:
    """The columns of a text; the manual has no wide characters."""
    return sum(len(text) for text, _ in spans)


def longest_word(spans: Sequence[Span]) -> int:
    """The columns of the longest word."""
    return max((length(word) for word in _words(spans)), default=0)


def _words(spans: Sequence[Span]) -> Iterator[Word]:
    word: Word = []
    for text, tone in spans:
        for number, part in enumerate(text.split(" ")):
            if number and word:
                yield word
                word = []
            if part:
                word.append((part, tone))
    if word:
        yield word


def _pieces(word: Word, width: int) -> list[Word]:
    pieces: list[Word] = [[]]
    for text, tone in word:
        while text:
            room = width - length(pieces[-1])
            if room <= 0:
                pieces.append([])
                continue
            pieces[-1].append((text[:room], tone))
            text = text[room:]
    return pieces
