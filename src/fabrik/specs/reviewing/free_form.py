"""Specs without headings: lines such as `Verification:` announce a part, prose says what must hold. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from fabrik.specs.markdown import Line, Section, items
from fabrik.specs.reviewing.headings import Part, part_of
from fabrik.specs.reviewing.outline import Outline, Said
from fabrik.specs.reviewing.words import CODE, NUMBER, observables

INDENTED = re.compile(r"(?: {4}|\t)\s*\S")  # a block of code without a fence

_LABEL = re.compile(r"(?:\*\*)?([A-Za-z][\w ]{2,30}):(?:\*\*)?\s*")
_COMMANDS = re.compile(r"(?:commands?|run)", re.IGNORECASE)
_SENTENCE = re.compile(r"(?<=[.!])\s+(?=[A-Z`])")
_ASKED = re.compile(
    r"\b(?:returns?|prints?|shows?|gets?|exits?|responds?|answers?|raises?|contains?|must|writes?)\b",
    re.IGNORECASE,
)
_TO_DO = re.compile(
    r"^(?:please )?(?:add|write|create|implement|build|make|improve|fix|use)\b", re.IGNORECASE
)
_FEWEST = 2  # codes and numbers that make prose exact enough to be checked


def labelled(found: Sequence[Section]) -> Iterator[Section]:
    """The sections, parted where a line of its own such as `Verification:` announces commands."""
    for section in found:
        yield from _parted(section)


def _parted(section: Section) -> Iterator[Section]:
    starts = [at for at, line in enumerate(section.lines) if section.level <= 1 and _announces(line)]
    if not starts:
        yield section
        return
    ends = [*starts[1:], len(section.lines)]
    yield _part(section, section.number, section.level, section.title, section.lines[: starts[0]])
    for start, end in zip(starts, ends, strict=True):
        yield _part(section, section.lines[start].number, 2, "Verification", section.lines[start + 1 : end])


def _announces(line: Line) -> bool:
    label = _LABEL.fullmatch(line.text) if line.kind == "text" else None
    return label is not None and bool(_COMMANDS.fullmatch(label[1]) or part_of(label[1]) == "verification")


def _part(section: Section, number: int, level: int, title: str, lines: list[Line]) -> Section:
    numbers = {line.number for line in lines}
    codes = [code for code in section.codes if code.number in numbers]
    return Section(number=number, level=level, title=title, lines=lines, codes=codes)


def promote_prose(parts: Sequence[tuple[Part, Section]], found: Outline) -> None:
    """Take the sentences that can be observed as criteria, where some say an outcome exactly."""
    sentences = [
        Said(text=sentence, line=item.number)
        for part, section in parts
        if part in ("overview", "prose", "requirements")
        for item in items(section.lines)
        if not INDENTED.match(item.lines[0].text)
        for sentence in _SENTENCE.split(" ".join(item.text.split()))
    ]
    said = [one for one in sentences if not _TO_DO.match(one.text) and observables(one.text) >= 1]
    exact = [one for one in said if _ASKED.search(one.text)]
    marks = sum(len(CODE.findall(one.text)) + len(NUMBER.findall(one.text)) for one in exact)
    if marks >= _FEWEST:
        found.criteria = said
