"""Compares tests of languages other than Python: the same, merely extended by whole tests, or changed?"""

from __future__ import annotations

import bisect
from dataclasses import dataclass

from fabrik.tampering.line_notes import line_notes
from fabrik.tampering.notes import SAME, Compared, Note
from fabrik.tampering.source_lines import MAX_SOURCE, Line, curly_lines, flat, hash_lines, is_curly
from fabrik.tampering.test_words import (
    ASSERTION,
    CONTAINER,
    HASH_TEST,
    HELPER,
    IMPORT,
    ONLY,
    REACHING,
    SKIP,
    TEST,
)
from fabrik.tampering.text import MAX_LINE, named, quoted

MAX_DEPTH = 30  # of blocks within blocks


def compare_lines(path: str, before: str, after: str) -> Compared:
    """Compare two versions of a test file by its lines."""
    if before == after:
        return SAME
    if len(before) > MAX_SOURCE or len(after) > MAX_SOURCE:
        return Compared(
            standing="changed",
            notes=(Note(kind="changed", line=None, what="it was changed, and is too large to be compared"),),
        )
    if is_curly(path):
        rust = path.endswith(".rs")
        base, candidate = curly_lines(before, rust=rust), curly_lines(after, rust=rust)
        if flat(base) == flat(candidate):
            return SAME
        grown = _Growth(base).of(base, candidate)
    else:
        lines, others = hash_lines(before), hash_lines(after)
        if [line for _, line in lines] == [line for _, line in others]:
            return SAME
        grown = _indented_growth(lines, others)
    if grown is None:
        return Compared(standing="changed", notes=tuple(line_notes(before, after)))
    skipping = tuple(_new_and_skipped(line, text) for line, text in grown if SKIP.search(text))
    return Compared(standing="extended", notes=skipping)


def _new_and_skipped(line: int, text: str) -> Note:
    what = f"a new test is skipped: {quoted(text)}"
    return Note(kind="skipped", line=line, what=what, holds=False)


@dataclass(frozen=True, kw_only=True)
class _Item:
    lines: tuple[Line, ...]
    head: int  # which of the lines is the first after attributes

    @property
    def text(self) -> str:
        return "\n".join(line.text for line in self.lines)

    @property
    def first(self) -> str:
        return "\n".join(line.text for line in self.lines[: self.head + 1])

    @property
    def inner(self) -> list[Line]:
        return list(self.lines[self.head + 1 : -1])

    @property
    def nests(self) -> bool:
        """A first line that opens, a last that closes exactly that."""
        lines = self.lines[self.head :]
        return len(lines) > 1 and lines[0].net > 0 and lines[-1].net == -lines[0].net and lines[0].low == 0


def _items(lines: list[Line]) -> list[_Item] | None:
    """Cut into blocks at this level. None: brackets do not fit."""
    found: list[_Item] = []
    waiting: list[Line] = []
    depth = head = 0
    for number, line in enumerate(lines):
        fresh = depth == 0 and head == len(waiting)
        if depth + line.low < 0:
            if depth or waiting or line.net:
                return None
            found.append(
                _Item(lines=(line,), head=0)
            )  # `])("each %i", (a, b) => {` between two parts of a call
            continue
        waiting.append(line)
        depth += line.net
        if depth:
            continue
        if fresh and (line.tokens[0] == "@" or line.tokens[:2] == ("#", "[") or _is_csharp_attribute(line)):
            head = len(waiting)
            continue
        following = lines[number + 1].tokens[0] if number + 1 < len(lines) else ""
        if following in ("{", "else", "catch", "finally", ".") and line.tokens[-1] not in ("}", ";", ","):
            continue
        found.append(_Item(lines=tuple(waiting), head=min(head, len(waiting) - 1)))
        waiting, head = [], 0
    if depth:
        return None
    if waiting:
        found.append(_Item(lines=tuple(waiting), head=len(waiting) - 1))
    return found


def _is_csharp_attribute(line: Line) -> bool:
    return line.tokens[0] == "[" and line.tokens[-1] == "]"


_NO_NAMES = named("import use using from as type static self super crate std const require pub")


class _Growth:
    """Is everything of the base still there, in order and unchanged, with whole tests added?"""

    def __init__(self, base: list[Line]) -> None:
        self.words = {token for line in base for token in line.tokens}

    def of(
        self, base: list[Line], after: list[Line], depth: int = 0, within: _Item | None = None
    ) -> list[tuple[int, str]] | None:
        """What was added (line, text), or None."""
        items, others = _items(base), _items(after)
        if items is None or others is None or depth > MAX_DEPTH:
            return None
        places: dict[str, list[int]] = {}
        heads: dict[str, list[int]] = {}
        for number, item in enumerate(others):
            places.setdefault(item.text, []).append(number)
            heads.setdefault(item.first, []).append(number)
        grown: list[tuple[int, str]] = []
        position = 0
        for item in items:
            at = _next(places.get(item.text), position)
            if at is None:
                at = _next(heads.get(item.first), position)
                if at is None:
                    return None
                inside = self._inside(item, others[at], depth)
                if inside is None:
                    return None
                grown += inside
            for added in range(position, at):
                if not self._may_add(others, added, within):
                    return None
                grown.append((others[added].lines[0].number, others[added].text[:MAX_LINE]))
            position = at + 1
        for added in range(position, len(others)):
            if not self._may_add(others, added, within):
                return None
            grown.append((others[added].lines[0].number, others[added].text[:MAX_LINE]))
        return grown

    def _inside(self, base: _Item, after: _Item, depth: int) -> list[tuple[int, str]] | None:
        if not (base.nests and after.nests) or base.lines[-1].text != after.lines[-1].text:
            return None
        return self.of(base.inner, after.inner, depth + 1, base)

    def _may_add(self, items: list[_Item], number: int, within: _Item | None) -> bool:
        item = items[number]
        text = item.text[:MAX_LINE]
        plain = text.replace(" ", "")
        if len(item.text) > MAX_SOURCE or ONLY.search(plain) or REACHING.search(item.text):
            return False
        if within is not None and not CONTAINER.match(within.first):
            row = _is_row(item) and any(
                _is_row(other) and other.lines[0].tokens[0] == item.lines[0].tokens[0]
                for other in items[max(number - 1, 0) : number + 2]
                if other is not item
            )
            imported = within.first.startswith("import")
            asserting = ASSERTION.match(text) is not None and "=" not in _outer(item)
            return (
                row or asserting or (imported and len(item.lines) == 1 and not (_imported(item) & self.words))
            )
        if not _one_statement(item):
            return False
        if TEST.match(text) or TEST.match(item.lines[item.head].text):
            return True
        if IMPORT.match(text):
            return len(item.lines) == 1 and not (_imported(item) & self.words)
        helper = HELPER.match(item.lines[item.head].text)
        return helper is not None and helper["name"] not in self.words


def _next(numbers: list[int] | None, position: int) -> int | None:
    at = bisect.bisect_left(numbers or [], position)
    return numbers[at] if numbers and at < len(numbers) else None


def _is_row(item: _Item) -> bool:
    tokens = item.lines[-1].tokens
    return item.lines[0].tokens[0] in ("{", "[", "(") and tokens[-1] in (",", "}", "]", ")")


def _outer(item: _Item) -> list[str]:
    """The tokens that stand in no brackets."""
    depth = 0
    outer = []
    for line in item.lines[item.head :]:
        for token in line.tokens:
            depth -= token in (")", "]", "}")
            if depth == 0:
                outer.append(token)
            depth += token in ("(", "[", "{")
    return outer


def _one_statement(item: _Item) -> bool:
    """Nothing else stands beside the statement on its line."""
    outer = _outer(item)
    while outer and outer[-1] in (";", ","):
        outer.pop()
    return not {";", ",", "&", "|", "?"} & set(outer)


def _imported(item: _Item) -> set[str]:
    """The names that an import binds, as far as they are not part of a path."""
    words = [token for token in item.lines[0].tokens if token[:1].isalpha() or token[:1] in "_$"]
    return set(words) - _NO_NAMES


def _indented_growth(
    base: list[tuple[int, str]], after: list[tuple[int, str]]
) -> list[tuple[int, str]] | None:
    """The same for languages without brackets: blocks by indentation, each with the line that closes it."""
    items, others = _indented(base), _indented(after)
    grown: list[tuple[int, str]] = []
    position = 0
    for _, text in items:
        while position < len(others) and others[position][1] != text:
            if not _may_add_indented(others[position][1]):
                return None
            grown.append(others[position])
            position += 1
        if position == len(others):
            return None
        position += 1
    for number, text in others[position:]:
        if not _may_add_indented(text):
            return None
        grown.append((number, text))
    return grown


_CLOSERS = ("end", "}", "done", "fi", "});", "end)", "esac")


def _indented(lines: list[tuple[int, str]]) -> list[tuple[int, str]]:
    items: list[tuple[int, list[str]]] = []
    for number, line in lines:
        inner = line[:1] in (" ", "\t")
        if items and (inner or line in _CLOSERS):
            items[-1][1].append(line)
        else:
            items.append((number, [line]))
    return [(number, "\n".join(block)) for number, block in items]


def _may_add_indented(text: str) -> bool:
    return HASH_TEST.match(text) is not None and not ONLY.search(text) and not REACHING.search(text)
