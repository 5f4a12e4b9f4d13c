"""How a page of the manual is read: CommonMark with tables. Pure.

The parser is markdown-it-py: pure Python with one small dependency, kept up by the people of MyST and used by
rich and Jupyter. One parse serves the terminal and the site, so that both always show the same.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

from markdown_it import MarkdownIt
from markdown_it.tree import SyntaxTreeNode

_PAGE = re.compile(r"(?P<name>[a-z0-9-]+)\.md(?:#(?P<anchor>.*))?")


def parser() -> MarkdownIt:
    """The parser of all pages."""
    return MarkdownIt("commonmark").enable("table")


def tree(text: str) -> SyntaxTreeNode:
    """A page as a tree of its blocks and their parts."""
    return SyntaxTreeNode(parser().parse(text))


def plain(node: SyntaxTreeNode) -> str:
    """The words of a node, without any markup."""
    if node.type in ("softbreak", "hardbreak"):
        return " "
    if node.children:
        return "".join(plain(child) for child in node.children)
    return "" if node.type == "html_inline" else node.content


def slug(title: str, taken: Iterable[str] = ()) -> str:
    """The anchor of a heading, as GitHub makes it: the same links work there and on the site."""
    base = re.sub(r"[^\w\- ]", "", title.strip().lower()).replace(" ", "-")
    name, number, others = base, 0, set(taken)
    while name in others:
        number += 1
        name = f"{base}-{number}"
    return name


def page_link(href: str) -> tuple[str, str] | None:
    """The page and the anchor ('': none) that a link leads to; None where it leads elsewhere."""
    if href.startswith("#"):
        return "", href[1:]
    if (found := _PAGE.fullmatch(href)) is None:
        return None
    return found["name"], found["anchor"] or ""
