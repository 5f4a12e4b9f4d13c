"""Puts a Markdown body together: prose with the values of a spec in their places. Pure."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from fabrik.specs.converting.content import Entry
from fabrik.specs.documents import PlaceDocument
from fabrik.specs.markdown import Section, items, listed, sections
from fabrik.specs.markdown_spec import known_section
from fabrik.specs.markdown_tasks import tasks_in

_ITEM = re.compile(r"^\s*(?:[-*+]|\d{1,9}[.)])(?:\s+|$)")
_BOX = re.compile(r"\[[ xX]\]\s+$")
_HEADING = re.compile(r"^ {0,3}(#{1,6})[ \t]+(.*)$")
_NARROW, _WIDE = "- ", "-   "  # in an item of the second, a line `# so` is no heading


@dataclass(frozen=True, kw_only=True)
class Value:
    """One value of a field, as it stands in Markdown."""

    text: str
    name: str | None = None  # of a check: the comment above it


def body(
    prose: Sequence[Entry], values: Mapping[str, Sequence[Value]], leading: Mapping[str, int] | None = None
) -> str:
    """The text. Fields that stand in the front matter are not among the values; their places vanish.

    leading: how many first values of a field stand in the front matter all the same.
    Values without a place follow the last one of their field, or stand in a section of their own at the end.
    """
    entries = [*prose]
    if not values.get("tasks"):
        entries = _without_tasks(entries)
    out: list[str] = []
    named = {
        put: {entry.n for entry in entries if not isinstance(entry, str) and entry.put == put and entry.n}
        for put in values
    }
    last = {entry.put: at for at, entry in enumerate(entries) if not isinstance(entry, str)}
    done: set[str] = set()
    for at, entry in enumerate(entries):
        if isinstance(entry, str):
            out.append(entry)
            continue
        own = values.get(entry.put, ())
        if entry.n is not None and entry.n <= len(own):
            out += rendered(entry, own[entry.n - 1])
        if (entry.n is None and entry.put not in done) or (
            entry.n is not None and last[entry.put] == at and entry.put not in done
        ):
            above = (leading or {}).get(entry.put, 0)
            rest = (
                [value for n, value in enumerate(own, 1) if n > above and n not in named[entry.put]]
                if own
                else []
            )
            out += [line for value in rest for line in rendered(entry, value)]
            done.add(entry.put)
    missing = {put: own for put, own in values.items() if own and put not in last}
    out += [line for entry in canonical(missing) for line in _of(entry, missing)]
    return "\n".join(out).rstrip("\n") + "\n"


def _of(entry: Entry, values: Mapping[str, Sequence[Value]]) -> list[str]:
    if isinstance(entry, str):
        return [entry]
    return [line for value in values.get(entry.put, ()) for line in rendered(entry, value)]


def rendered(place: PlaceDocument, value: Value) -> list[str]:
    """The lines of one value in its place."""
    first, *rest = value.text.split("\n")
    lines = [place.before + first + ("" if rest else place.after)]
    marker = _ITEM.match(lines[0])
    if place.before.lstrip().startswith("#") and place.put == "tasks":
        indent = 0
    elif place.put == "checks":
        indent = 0
        if value.name is not None:
            lines.insert(0, f"{place.before[: len(place.before) - len(place.before.lstrip())]}# {value.name}")
    else:
        indent = marker.end() if marker and place.before.strip() else len(place.before)
    # Of an indented line the reader expands the tabs; one that goes on without indentation keeps them.
    lazy = place.put != "checks" and not any(line.startswith((" ", "\t")) for line in rest if "\t" in line)
    return [*lines, *(line if not line or (lazy and "\t" in line) else " " * indent + line for line in rest)]


def canonical(values: Mapping[str, Sequence[Value]]) -> list[Entry]:
    """The places of all values in a document without any prose."""
    found: list[Entry] = []
    if values.get("title"):
        found += [PlaceDocument(put="title", before="# ")]
    for put, heading in (("goals", "Goals"), ("nonGoals", "Non-Goals")):
        found += _section(put, f"## {heading}", values)
    if any(values.get(put) for put in ("api", "behavior", "obs")):
        found += ["", "## Requirements"]
        for put, heading in (("api", "API"), ("behavior", "Behavior"), ("obs", "Observability")):
            found += _section(put, f"### {heading}", values)
    for put, heading in (
        ("accept", "Acceptance Criteria"),
        ("assume", "Assumptions"),
        ("mayChange", "May Change"),
    ):
        found += _section(put, f"## {heading}", values)
    if tasks := values.get("tasks"):
        found += ["", "## Tasks", ""]
        found += [PlaceDocument(put="tasks", n=n, before=f"{n}. ") for n in range(1, len(tasks) + 1)]
    if values.get("checks"):
        found += ["", "## Verification", "", "```sh", PlaceDocument(put="checks"), "```"]
    return found


def _section(put: str, heading: str, values: Mapping[str, Sequence[Value]]) -> list[Entry]:
    own = values.get(put)
    if not own:
        return []
    quoted = put == "mayChange"
    wide = any("\n" in value.text for value in own) and not plain(_NARROW, own)
    before = "- `" if quoted else _WIDE if wide else _NARROW
    place = PlaceDocument(put=put, before=before, after="`" if quoted else "")  # type: ignore[arg-type]
    return ["", heading, "", place]


def plain(before: str, values: Sequence[Value]) -> bool:
    """Whether the texts are read again from a list as they are."""
    place = PlaceDocument(put="goals", before=before)
    text = "\n".join(line for value in values for line in rendered(place, value))
    found = sections(text)
    if "\r" in text or len(found) != 1 or any(not code.closed for code in found[0].codes):
        return False
    read = [item.text for item in items(found[0].lines)]
    return read == [value.text for value in values] and bool(listed(found[0].lines))


def tasks_survive(texts: Sequence[str], wanted: object) -> bool:
    """Whether tasks are read again from a numbered list as they are."""
    values = [Value(text=text) for text in texts]
    lines = [line for entry in canonical({"tasks": values})[3:] for line in _numbered(entry, values)]
    found = sections("\n".join(["## Tasks", "", *lines]))
    if (
        any("\r" in text for text in texts)
        or len(found) != 2
        or any(not code.closed for code in found[1].codes)
    ):
        return False
    return tasks_in([_section_of(found)], "", []) == wanted


def _section_of(found: Sequence[Section]) -> Section:
    return found[1]


def _numbered(entry: Entry, values: Sequence[Value]) -> list[str]:
    if isinstance(entry, str) or entry.n is None:
        return []
    return rendered(entry, values[entry.n - 1])


def _without_tasks(entries: list[Entry]) -> list[Entry]:
    """The prose without its tasks. A heading that announces them must not promise any."""
    found: list[Entry] = []
    inside = -1  # where the section of tasks begins among those found
    headings = _headings(entries)
    for at, entry in enumerate([*entries, "## "]):
        heading = _HEADING.match(entry) if isinstance(entry, str) and at in headings else None
        if heading and len(heading[1]) <= 2:
            if inside >= 0:
                rest = found[inside + 1 :]
                told = any(not isinstance(one, str) or one.strip() for one in rest)
                found[inside:] = ["## About the tasks", *rest] if told else []
            inside = len(found) if known_section(heading[2]) == "tasks" else -1
        if isinstance(entry, str) or entry.put != "tasks":
            found.append(entry)
    return found[:-1]


def _headings(entries: Sequence[Entry]) -> set[int]:
    """Which entries are headings, and the end: a line in a code block or a comment is none."""
    text = "\n".join(entry if isinstance(entry, str) else f"{entry.before}x" for entry in entries)
    return {section.number - 1 for section in sections(text) if section.level} | {len(entries)}
