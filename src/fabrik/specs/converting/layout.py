"""Takes a Markdown document apart: its lines, with places where the values of the spec stood. Pure."""

from __future__ import annotations

import re
from collections.abc import Sequence
from itertools import groupby

from fabrik.specs.commands import Command
from fabrik.specs.converting import comments
from fabrik.specs.converting.content import LISTS, Entry
from fabrik.specs.documents import PlaceDocument
from fabrik.specs.markdown import Item, Section, items, listed, without_comments
from fabrik.specs.markdown_spec import Contents
from fabrik.specs.verification import command_in, commands_of

_MARKER = re.compile(r"^\s*(?:[-*+]|\d{1,9}[.)])(?:\s+(?:\[[ xX]\]\s+)?|$)")
_HEADING = re.compile(r"^\s{0,3}#+\s+(?:\d+(?:\.\d+)*[.):]?\s+)?")
_INSIDE = {"nonGoals": "non_goals"}


class _Layout:
    """The lines of a body, and what is put instead of some of them."""

    def __init__(self, body: str, first: int) -> None:
        self.first = first
        self.raw = body.split("\n")
        self.clean = without_comments(body).split("\n")
        self.put: dict[int, PlaceDocument] = {}
        self.gone: set[int] = set()

    def at(self, number: int) -> str:
        """A line of the file without comments."""
        return self.clean[number - self.first]

    def place(self, numbers: Sequence[int], put: PlaceDocument) -> None:
        """Let a place stand for lines of the file."""
        self.put[numbers[0] - self.first] = put
        self.gone.update(number - self.first for number in numbers)

    def entries(self) -> list[Entry]:
        """The lines and places, in order. A comment that ran through a place stands below it."""
        moved: dict[int, list[str]] = {}
        cleaned: set[int] = set()
        for comment in comments.in_text(self.raw, self.clean):
            lines = range(comment.first, comment.last + 1)
            touched = [line for line in lines if line in self.gone]
            if touched:
                cleaned.update(lines)
                end = touched[-1]
                while end + 1 in self.gone and end + 1 not in self.put:
                    end += 1
                moved.setdefault(end, []).extend(comments.as_lines([comment]))
        found: list[Entry] = []
        for index, line in enumerate(self.raw):
            if index in self.put:
                found.append(self.put[index])
            elif index not in self.gone:
                found.append(self.clean[index] if index in cleaned else line)
            found += moved.get(index, [])
        return found


def layout(
    body: str, first: int, contents: Contents, above: dict[str, int], globs: Sequence[str]
) -> list[Entry]:
    """The lines of a body with places in it.

    first: the file's line on which the body starts. above: how many values of a field stand in the front
    matter, and so come before those in the body. globs: all that may change, each once.
    """
    made = _Layout(body, first)
    _title(made, contents, in_front="title" in above)
    for name in LISTS:
        number = above.get(name, 0)
        for item in contents.lists.get(_INSIDE.get(name, name), ()):
            if item.text:
                number += 1
                made.place(_numbers(item), PlaceDocument(put=name, n=number, before=_before(made, item)))  # type: ignore[arg-type]
    _checks(made, contents.verification, above.get("checks", 0))
    _tasks(made, contents.tasks)
    _globs(made, contents.may_change, globs)
    return _together(made.entries())


def _title(made: _Layout, contents: Contents, *, in_front: bool) -> None:
    if not contents.title or in_front:
        return
    line = made.at(contents.title_line)
    before, found, after = line.rpartition(contents.title)
    if found and "<!--" not in made.raw[contents.title_line - made.first]:
        made.place([contents.title_line], PlaceDocument(put="title", before=before, after=after.rstrip()))


def _numbers(item: Item) -> list[int]:
    """The lines of an item, without the blank ones below it."""
    lines = list(item.lines)
    while len(lines) > 1 and not lines[-1].text.strip():
        lines.pop()
    return [line.number for line in lines]


def _before(made: _Layout, item: Item) -> str:
    """What stands before the text of an item: a marker, with a box, or white space."""
    line = made.at(item.number)
    marker = _MARKER.match(line) if listed(item.lines) else None
    return marker[0] if marker else line[: len(line) - len(line.lstrip())]


def _checks(made: _Layout, sections: Sequence[Section], number: int) -> None:
    for section in sections:
        for command in commands_of(section):
            number += 1
            line = made.at(command.number)
            before, after = _around(line, command)
            lines = [
                *([command.named] if command.named else []),
                *range(command.number, command.last + 1),
            ]
            made.place(lines, PlaceDocument(put="checks", n=number, before=before, after=after))
            made.gone.difference_update(
                at - made.first for at in range(lines[0] + 1, command.number) if command.named
            )


def _around(line: str, command: Command) -> tuple[str, str]:
    """What stands around a command on its line: a prompt or white space, or a list's marker and backticks."""
    if (marker := _MARKER.match(line)) and command_in(line[marker.end() :]) == command.run:
        before, _, after = line.partition(command.run)
        return before, after
    prompt = re.match(r"\s*(?:\$\s+)?", line)
    return prompt[0] if prompt else "", ""


def _tasks(made: _Layout, sections: Sequence[Section]) -> None:
    headed = [section for section in sections if section.level == 3]
    number = 0
    if headed:
        for start, section in enumerate(sections):
            if section.level != 3:
                continue
            number += 1
            lines = [section.number, *(line.number for line in section.lines)]
            for other in sections[start + 1 :]:
                if other.level <= 3:
                    break
                lines += [other.number, *(line.number for line in other.lines)]
            while len(lines) > 1 and not made.at(lines[-1]).strip():
                lines.pop()
            before = _HEADING.match(made.at(section.number))
            if before:  # an underlined heading stays as it is, and its task goes to the todo
                made.place(lines, PlaceDocument(put="tasks", n=number, before=before[0]))
        return
    for section in sections:
        for item in listed(section.lines):
            number += 1
            made.place(_numbers(item), PlaceDocument(put="tasks", n=number, before=_before(made, item)))


def _globs(made: _Layout, sections: Sequence[Section], globs: Sequence[str]) -> None:
    for section in sections:
        for item in items(section.lines):
            line = made.at(item.number)
            match = re.search(r"(`+)\s*(.+?)\s*\1", line)
            glob = match[2] if match else item.text.strip()
            before, found, after = line.partition(glob)
            if found and glob in globs:
                place = PlaceDocument(put="mayChange", n=globs.index(glob) + 1, before=before, after=after)
                made.place([item.number], place)


def _together(entries: list[Entry]) -> list[Entry]:
    """One place for all values of a field where they stand below each other, each after the same marker."""
    runs: dict[str, list[list[PlaceDocument]]] = {}
    for (put, _), group in groupby(
        entries, key=lambda entry: ("", "") if isinstance(entry, str) else (entry.put, entry.before)
    ):
        places = [entry for entry in group if not isinstance(entry, str)]
        if places and put not in ("title", "mayChange"):
            runs.setdefault(put, []).append(places)
    whole = {
        put: groups[0][0]
        for put, groups in runs.items()
        if len(groups) == 1
        and [place.n for place in groups[0]] == list(range(1, len(groups[0]) + 1))
        and not re.match(r"\s*\d", groups[0][0].before)
    }
    found: list[Entry] = []
    for entry in entries:
        if isinstance(entry, str) or entry.put not in whole:
            found.append(entry)
        elif entry is whole[entry.put]:
            found.append(entry.model_copy(update={"n": None}))
    return found
