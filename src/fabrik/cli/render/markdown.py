"""A page of Markdown for a terminal: headings, lists, code and tables at the terminal's width. Pure.

Code is never wrapped, so that it can be copied. Only our own pages are rendered, so nothing is neutralised.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from markdown_it.tree import SyntaxTreeNode

from fabrik.cli.render.spans import Span, inline, joined, wrap
from fabrik.cli.render.tables import table
from fabrik.cli.screen import Tone
from fabrik.manual.markdown import tree

Paint = Callable[[str, Tone], str]

WIDEST = 100  # columns of running text: longer lines are hard to read
_BULLETS = "•-"


def page(text: str, *, width: int, paint: Paint) -> list[str]:
    """The page as lines. width: columns of the terminal. paint: gives a text its colour, or leaves it."""
    return _Page(paint).blocks(tree(text).children, max(20, min(width, WIDEST)))


@dataclass(frozen=True)
class _Page:
    paint: Paint

    def blocks(self, nodes: list[SyntaxTreeNode], width: int, *, tight: bool = False) -> list[str]:
        lines: list[str] = []
        for node in nodes:
            block = self.block(node, width)
            if block and lines and not tight:
                lines.append("")
            lines += block
        return lines

    def block(self, node: SyntaxTreeNode, width: int, depth: int = 0) -> list[str]:
        match node.type:
            case "heading":
                return self.heading(node, width)
            case "paragraph":
                return self.text(node, width)
            case "fence" | "code_block":
                return self.code(node)
            case "bullet_list" | "ordered_list":
                return self.list(node, width, depth)
            case "table":
                return table(node, width=width, paint=self.paint)
            case "blockquote":
                return [f"│ {line}".rstrip() for line in self.blocks(node.children, width - 2)]
            case "hr":
                return [self.paint("─" * width, "dim")]
            case _:  # comments, which speak to the tests
                return []

    def heading(self, node: SyntaxTreeNode, width: int) -> list[str]:
        words: list[Span] = [(text, "strong") for text, _ in inline(node.children[0])]
        room = width if node.tag in ("h1", "h2") else width - 2  # for the mark before it
        lines = [joined(line, self.paint) for line in wrap(words, room)]
        if node.tag == "h1":
            longest = max(sum(len(text) for text, _ in line) for line in wrap(words, width))
            return [*lines, self.paint("═" * longest, "dim")]
        return lines if node.tag == "h2" else [self.paint("· ", "dim") + line for line in lines]

    def text(self, node: SyntaxTreeNode, width: int) -> list[str]:
        ticks = self.paint("x", "code") == "x"
        spans = inline(node.children[0], ticks=ticks)
        return [joined(line, self.paint) for line in wrap(spans, width)]

    def code(self, node: SyntaxTreeNode) -> list[str]:
        lines = []
        for line in node.content.rstrip("\n").split("\n"):
            typed = node.info.split()[:1] == ["console"] and not line.startswith("$ ")
            lines.append(("    " + self.paint(line, "dim" if typed else "code")).rstrip())
        return lines

    def list(self, node: SyntaxTreeNode, width: int, depth: int) -> list[str]:
        number = int(node.attrs.get("start", 1))
        # A list whose items hold paragraphs of their own breathes; in a tight one they are marked as hidden.
        tight = not any(
            part.type == "paragraph" and not part.hidden for item in node.children for part in item.children
        )
        lines: list[str] = []
        for position, item in enumerate(node.children):
            mark = f"{number + position}. " if node.type == "ordered_list" else f"{_BULLETS[min(depth, 1)]} "
            inside: list[str] = []
            for part in item.children:
                block = self.block(part, width - len(mark), depth + 1)
                nested = part.type in ("bullet_list", "ordered_list")
                inside += ["", *block] if inside and not (tight and nested) else block
            if lines and not tight:
                lines.append("")
            space = " " * len(mark)
            lines += [(mark if n == 0 else space) + line if line else "" for n, line in enumerate(inside)]
        return lines
