"""Writes the site: one HTML file for each page, a style sheet, and an index for the search.

Everything is relative, so that the site can be opened from a folder (file://) as well as from a server.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from html import escape
from importlib import resources
from pathlib import Path
from string import Template

from fabrik.errors import FabrikError, UsageError
from fabrik.manual.pages import INDEX, Topic, text, topics
from fabrik.manual.site.html import Rendered, render

MARKER = ".fabrik-site"  # in a directory whose pages we may replace
ASSETS = ("style.css", "search.js")


def build(directory: Path) -> int:
    """Write the site into the directory, which is made; the number of pages.

    Files that an earlier build wrote are replaced, and others are left alone.
    Raises UsageError for a directory that holds something and no site of ours, FabrikError where it cannot be
    written.
    """
    try:
        directory.mkdir(parents=True, exist_ok=True)
        if not (directory / MARKER).is_file() and any(directory.iterdir()):
            raise UsageError(
                "this directory holds other things, and no site that fabrik wrote",
                where=str(directory),
                todo="name a new or an empty directory. Nothing was written",
            )
        (directory / MARKER).write_text("Written by fabrik, which may replace the pages here.\n")
        for name, content in files():
            (directory / name).write_text(content, "utf-8")
    except OSError as error:
        reason = error.strerror or str(error)
        raise FabrikError(f"the site cannot be written: {reason}", where=str(directory)) from error
    return len(topics()) + 1


def files() -> Iterator[tuple[str, str]]:
    """Every file of the site: its name and its content."""
    for name in ASSETS:
        yield name, _asset(name)
    template = Template(_asset("page.html"))
    pages = [(INDEX, render(text(INDEX))), *((topic.name, render(text(topic.name))) for topic in topics())]
    for name, page in pages:
        yield (
            f"{name}.html",
            template.substitute(
                title=escape(page.title),
                navigation=_navigation(name),
                content=page.html,
                around=_around(name),
            ),
        )
    yield "search-index.js", f"window.MANUAL = {json.dumps(list(_places(pages)), ensure_ascii=False)};\n"


def _asset(name: str) -> str:
    return (resources.files(__package__) / name).read_text("utf-8")


def _navigation(current: str) -> str:
    parts, section = [], None
    for topic in topics():
        if topic.section != section:
            parts.append(f"{'</ul>' if section else ''}<h2>{escape(topic.section)}</h2><ul>")
            section = topic.section
        here = ' aria-current="page"' if topic.name == current else ""
        parts.append(f'<li><a href="{topic.name}.html"{here}>{escape(topic.title)}</a></li>')
    return "\n".join([*parts, "</ul>"])


def _around(current: str) -> str:
    """Links to the page before and the page after."""
    names = [None, *topics(), None]
    at = next((n for n, topic in enumerate(names) if topic and topic.name == current), 0)
    before, after = (names[at - 1] if at else None), names[at + 1]

    def link(topic: Topic | None, rel: str, form: str) -> str:
        if topic is None:
            return "<span></span>"
        return f'<a rel="{rel}" href="{topic.name}.html">{form.format(escape(topic.title))}</a>'

    return link(before, "prev", "← {}") + link(after, "next", "{} →")


def _places(pages: list[tuple[str, Rendered]]) -> Iterator[dict[str, str]]:
    """What the search looks through: every heading with the words below it."""
    for name, page in pages:
        if name == INDEX:
            continue
        for place in page.places:
            href = f"{name}.html" + (f"#{place.anchor}" if place.anchor else "")
            yield {"page": page.title, "heading": place.heading, "href": href, "text": place.words}
