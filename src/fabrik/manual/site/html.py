"""One page of the manual as HTML: headings can be linked to, commands are told from output. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from html import escape
from itertools import pairwise
from typing import Any

from markdown_it import MarkdownIt
from markdown_it.renderer import RendererHTML
from markdown_it.token import Token
from markdown_it.utils import EnvType, OptionsDict

from fabrik.manual.markdown import page_link, parser, slug

_WHOLE = 32  # characters of code that find room in a line of a phone


@dataclass(frozen=True, kw_only=True)
class Place:
    """A heading, and the words until the next one."""

    heading: str
    anchor: str  # empty for the page's title
    words: str


@dataclass(frozen=True, kw_only=True)
class Rendered:
    """A page of the site without what is around it."""

    title: str
    html: str
    places: tuple[Place, ...]


def render(text: str) -> Rendered:
    """The page as HTML."""
    markdown: MarkdownIt = parser()
    markdown.renderer = _Html(markdown)
    tokens = markdown.parse(text)
    _add_anchors(tokens)
    html = markdown.renderer.render(tokens, markdown.options, {})
    places = tuple(_places(tokens))
    return Rendered(title=places[0].heading if places else "", html=html, places=places)


def _add_anchors(tokens: Sequence[Token]) -> None:
    taken: list[str] = []
    for opening, content in pairwise(tokens):
        if opening.type == "heading_open" and opening.tag != "h1":
            anchor = slug(_words(content), taken)
            taken.append(anchor)
            opening.attrSet("id", anchor)


def _places(tokens: Sequence[Token]) -> list[Place]:
    places: list[Place] = []
    heading, anchor, words = "", "", list[str]()
    in_heading = False
    for token in tokens:
        if token.type == "heading_open":
            if heading:
                places.append(Place(heading=heading, anchor=anchor, words=" ".join(words)))
            heading, anchor, words = "", str(token.attrGet("id") or ""), []
            in_heading = True
        elif token.type == "heading_close":
            in_heading = False
        elif token.type in ("inline", "fence", "code_block"):
            said = " ".join(_words(token).split())
            if in_heading:
                heading = said
            else:
                words.append(said)
    return [*places, Place(heading=heading, anchor=anchor, words=" ".join(words))] if heading else places


def _words(token: Token) -> str:
    if token.children is None:
        return token.content
    return "".join(
        " " if part.type in ("softbreak", "hardbreak") else part.content for part in token.children
    )


class _Html(RendererHTML):
    """The parser's own renderer, but for links, headings, code, tables and comments."""

    def html_block(self, tokens: Sequence[Token], idx: int, *_: Any) -> str:  # noqa: ARG002
        """Comments speak to the tests."""
        return ""

    def code_inline(self, tokens: Sequence[Token], idx: int, *_: Any) -> str:
        """Options and short commands are not broken at their hyphens."""
        content = tokens[idx].content
        whole = ' class="whole"' if len(content) <= _WHOLE else ""
        return f"<code{whole}>{escape(content)}</code>"

    def link_open(self, tokens: Sequence[Token], idx: int, options: OptionsDict, env: EnvType) -> str:
        """A link to another page leads to its HTML."""
        if (page := page_link(str(tokens[idx].attrGet("href") or ""))) is not None:
            name, anchor = page
            tokens[idx].attrSet("href", (f"{name}.html" if name else "") + (f"#{anchor}" if anchor else ""))
        return self.renderToken(tokens, idx, options, env)

    def heading_close(self, tokens: Sequence[Token], idx: int, options: OptionsDict, env: EnvType) -> str:
        """A heading can be linked to."""
        anchor = tokens[idx - 2].attrGet("id")
        link = f'<a class="anchor" href="#{anchor}" aria-label="Link to this section">#</a>' if anchor else ""
        return link + self.renderToken(tokens, idx, options, env)

    def table_open(self, tokens: Sequence[Token], idx: int, options: OptionsDict, env: EnvType) -> str:
        """A wide table scrolls by itself, not the whole page."""
        return '<div class="table">' + self.renderToken(tokens, idx, options, env)

    def table_close(self, tokens: Sequence[Token], idx: int, options: OptionsDict, env: EnvType) -> str:
        """See table_open."""
        return self.renderToken(tokens, idx, options, env) + "</div>\n"

    def fence(self, tokens: Sequence[Token], idx: int, *_: Any) -> str:
        """In a block of commands with their output, the two look different."""
        token = tokens[idx]
        if token.info.split()[:1] != ["console"]:
            return f'<pre tabindex="0"><code>{escape(token.content)}</code></pre>\n'
        lines = []
        for line in token.content.rstrip("\n").split("\n"):
            typed = line.startswith("$ ")
            said = f"<b>{escape(line[2:])}</b>" if typed else f"<i>{escape(line)}</i>"
            lines.append(f'<span class="prompt">$ </span>{said}' if typed else said)
        return f'<pre tabindex="0" class="console"><code>{chr(10).join(lines)}</code></pre>\n'
