"""The topics of the manual: pages/index.md names them, in order, each with its section and one line.

That page is the only table of contents: `fabrik docs`, the navigation of the site and the order of its pages
are read from it. Pure but for reading the pages, which never change while a program runs.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from importlib import resources

from fabrik.errors import UsageError
from fabrik.problems import closest

INDEX = "index"

_ENTRY = re.compile(r"- \[(?P<title>[^]]+)\]\((?P<name>[a-z0-9-]+)\.md\): (?P<summary>.+)")
_COMMENT = re.compile(r"^<!--.*?-->\n?", re.MULTILINE | re.DOTALL)
_FENCE = re.compile(r"\s*(`{3,})")
_RULE = re.compile(r"[|:\s-]+")  # below the head of a table, or between paragraphs
_HEADING = re.compile(r"#{1,6} (.+)")


@dataclass(frozen=True, kw_only=True)
class Topic:
    """One page, as the table of contents has it."""

    name: str  # as `fabrik docs NAME` takes it; the file is pages/NAME.md
    title: str
    summary: str  # one line
    section: str


@dataclass(frozen=True, kw_only=True)
class Found:
    """A line of a page with the word that was looked for."""

    topic: str
    heading: str  # the heading that it stands under
    line: str  # as it is written
    code: bool  # it stands in a block of code


@cache
def topics() -> tuple[Topic, ...]:
    """Every topic, in the order of the table of contents."""
    section, found = "", []
    for line in text(INDEX).splitlines():
        if line.startswith("## "):
            section = line[3:].strip()
        elif entry := _ENTRY.fullmatch(line.strip()):
            found.append(Topic(section=section, **entry.groupdict()))
    return tuple(found)


@cache
def text(name: str) -> str:
    """A page in Markdown, without its comments, which are for the tests. `index` is the table of contents.

    Raises UsageError for a topic that does not exist, with the one that was probably meant.
    """
    try:
        page = source(name)
    except FileNotFoundError:
        known = [topic.name for topic in topics()]
        # `config` and `json output` mean something, too: a beginning is enough, spaces are no matter.
        asked = "-".join(name.lower().split())
        begun = [topic for topic in known if asked and topic.startswith(asked)]
        meant = begun[0] if len(begun) == 1 else closest(asked, known)
        todo = f"did you mean `fabrik docs {meant}`?" if meant else "fabrik docs lists the topics"
        raise UsageError("there is no such topic", where=name, todo=todo) from None
    return _COMMENT.sub("", page)


def source(name: str) -> str:
    """A page as it is on disk, with its comments. Raises FileNotFoundError."""
    if not re.fullmatch(r"[a-z0-9-]+", name):
        raise FileNotFoundError(name)
    return (resources.files(__package__) / "pages" / f"{name}.md").read_text("utf-8")


def search(word: str) -> Iterator[Found]:
    """Every line of every page that has the word, in upper or lower case, in the order of the pages."""
    wanted = " ".join(word.lower().split())
    for topic in topics():
        heading, fence = topic.title, ""  # fence: what began the block of code that we are in
        for line in text(topic.name).splitlines():
            mark = _FENCE.match(line)
            if mark and (not fence or (mark[1].startswith(fence) and line.strip() == mark[1])):
                fence = "" if fence else mark[1]
                continue
            if not fence and (title := _HEADING.fullmatch(line)):
                heading = title[1]
            if wanted in line.lower() and not _RULE.fullmatch(line):
                yield Found(topic=topic.name, heading=heading, line=line.strip(), code=bool(fence))
