"""Tables for a terminal: columns as narrow as they must be, and lists where even that is too wide. Pure."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import zip_longest

from markdown_it.tree import SyntaxTreeNode

from fabrik.cli.render.spans import Span, inline, joined, length, longest_word, wrap
from fabrik.cli.screen import Tone

Paint = Callable[[str, Tone], str]
Cell = list[Span]

_GAP = 2
_WORD = 24  # columns: a longer word does not keep its column from becoming narrower


def table(node: SyntaxTreeNode, *, width: int, paint: Paint) -> list[str]:
    """A table as lines of at most `width` columns."""
    head, rows = _cells(node, ticks=paint("x", "code") == "x")
    widths = _widths([head, *rows], width)
    if widths is None:
        return _as_lists(head, rows, width=width, paint=paint)
    lines: list[str] = []
    if any(head):
        bold: list[Cell] = [[(text, "strong") for text, _ in cell] for cell in head]
        lines += _row(bold, widths, paint)
    lines.append(paint((" " * _GAP).join("─" * size for size in widths), "dim"))
    for row in rows:
        lines += _row(row, widths, paint)
    return lines


def _cells(node: SyntaxTreeNode, *, ticks: bool) -> tuple[list[Cell], list[list[Cell]]]:
    rows = [
        [inline(cell.children[0], ticks=ticks) if cell.children else [] for cell in row.children]
        for part in node.children
        for row in part.children
    ]
    return rows[0], rows[1:]


def _widths(rows: Sequence[Sequence[Cell]], width: int) -> list[int] | None:
    """A width for each column; None where the terminal is too narrow for columns."""
    columns = list(zip_longest(*rows, fillvalue=list[Span]()))
    wanted = [max(1, *(length(cell) for cell in column)) for column in columns]
    least = [
        min(size, max(8, min(_WORD, max(longest_word(cell) for cell in column))))
        for size, column in zip(wanted, columns, strict=True)
    ]
    room = width - _GAP * (len(columns) - 1)
    if sum(least) > room:
        return None
    while sum(wanted) > room:
        # The widest column that can still give gives: short columns keep their lines whole.
        widest = max((n for n in range(len(wanted)) if wanted[n] > least[n]), key=lambda n: wanted[n])
        wanted[widest] -= 1
    return wanted


def _row(row: Sequence[Cell], widths: Sequence[int], paint: Paint) -> list[str]:
    wrapped = [wrap(cell, size) for cell, size in zip(row, widths, strict=False)]
    lines = []
    for parts in zip_longest(*wrapped, fillvalue=list[Span]()):
        padded = [
            joined(part, paint) + " " * (size - length(part))
            for part, size in zip(parts, widths, strict=False)
        ]
        lines.append((" " * _GAP).join(padded).rstrip())
    return lines


def _as_lists(head: Sequence[Cell], rows: Sequence[Sequence[Cell]], *, width: int, paint: Paint) -> list[str]:
    """Each row as its first cell, and the others below it with the names of their columns."""
    lines: list[str] = []
    for row in rows:
        first, *others = row
        lines += ["", *(joined([(text, "strong") for text, _ in line], paint) for line in wrap(first, width))]
        for name, cell in zip(head[1:], others, strict=False):
            if cell:
                label: Cell = [*name, (": ", "plain")] if name else []
                lines += ["  " + joined(line, paint) for line in wrap([*label, *cell], width - 2)]
    return lines[1:]
