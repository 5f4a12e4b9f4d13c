"""`fabrik docs`: the manual, in the terminal; the same pages as a site."""

from __future__ import annotations

import os
from pathlib import Path

import click

from fabrik.cli.screen import Screen

# The Markdown parser takes 30 ms to import: only what shows text of the pages, or builds the site, needs it.

_LEAST = 30  # columns that a summary needs beside its topic; else it stands below


@click.command("docs")
@click.argument("topic", metavar="[TOPIC]", nargs=-1)
@click.option("--search", "word", metavar="WORD", help="The lines with this word or phrase, of all topics.")
@click.option(
    "--site",
    type=click.Path(path_type=Path, file_okay=False),
    metavar="DIR",
    help="Write all pages as a web site into DIR: a new or empty one, or one with such a site.",
)
def docs(topic: tuple[str, ...], word: str | None, site: Path | None) -> None:
    """Show the page about TOPIC; without one, list the topics.

    \b
    Examples:
      fabrik docs                     the topics, one line each
      fabrik docs quick-start
      fabrik docs --search budget
      fabrik docs --site build/site   to read it in a browser, also without a network

    A long page is shown in $PAGER on a terminal, by default in less with LESS=FRX; into a pipe or a file it
    goes without colours.
    """
    from fabrik.errors import UsageError
    from fabrik.manual.pages import text

    if sum((bool(topic), word is not None, site is not None)) > 1:
        raise UsageError("a topic, --search and --site exclude each other", todo="name one of them")
    if site is not None:
        from fabrik.manual.site.build import build

        written = build(site)
        Screen().line(f"wrote {written} pages: {site / 'index.html'}")
    elif word is not None:
        _found(word)
    elif topic:
        _shown(text(" ".join(topic)))
    else:
        _list()


def _list() -> None:
    import textwrap

    from fabrik.cli.paragraphs import paragraphs
    from fabrik.manual.pages import topics

    screen = Screen()
    section = None
    column = max(len(topic.name) for topic in topics()) + 2
    for topic in topics():
        if topic.section != section:
            if section is not None:
                screen.line()
            screen.line(topic.section, "strong")
            section = topic.section
        name = screen.paint(topic.name, "code")
        if screen.width - column - 2 < _LEAST:
            screen.line(f"  {name}")
            paragraphs(screen, topic.summary, by="    ")
            continue
        first, *more = textwrap.wrap(topic.summary, screen.width - column - 2, break_on_hyphens=False)
        screen.line(f"  {name}{' ' * (column - len(topic.name))}{first}")
        for line in more:
            screen.line(" " * (column + 2) + line)
    screen.line()
    paragraphs(screen, "Read one: fabrik docs TOPIC. Find one: fabrik docs --search WORD.", "dim")


def _shown(text: str) -> None:
    from fabrik.cli.render.markdown import page

    screen = Screen()
    lines = page(text, width=screen.width, paint=screen.paint)
    if screen.live and len(lines) >= screen.height:
        from fabrik.cli.pager import pager_settings

        settings, colours = pager_settings(os.environ)
        os.environ.update(settings)  # of this process, which ends with the page
        if screen.colour and not colours:
            screen.colour = False
            lines = page(text, width=screen.width, paint=screen.paint)
        click.echo_via_pager("\n".join(lines) + "\n", color=screen.colour)
        return
    for line in lines:
        screen.line(line)


def _found(word: str) -> None:
    from fabrik.cli.render.hits import hit, title
    from fabrik.cli.render.markdown import WIDEST
    from fabrik.errors import UsageError
    from fabrik.manual.pages import search

    if not word.strip():
        raise UsageError("which word?", where="--search", todo="fabrik docs --search budget")
    screen = Screen()
    width = max(20, min(screen.width, WIDEST) - 2)
    under: tuple[str, str] | None = None
    for found in search(word):
        if (found.topic, found.heading) != under:
            if under is not None:
                screen.line()
            under = (found.topic, found.heading)
            screen.line(f"{screen.paint(found.topic, 'code')}  {title(found.heading)}")
        for line in hit(found.line, code=found.code, width=width, paint=screen.paint):
            screen.line(f"  {line}")
    if under is None:
        raise UsageError("no page has this", where=word, todo="fabrik docs lists the topics")
