"""The verifier's report, validated: it counts only when everything that it names is really there.

The format, version 1: {"v": 1, "reviewer": "verifier", "commit": id, "criteria": [{"n": 1, "met": true,
"kind": "check|test|code|none", "where": name of a check | path | path:line | path:line-line, "why": text}],
"protected": [{"path": path, "asked": true, "quote": words of the spec}], "issues": [texts]}. Other keys are
not looked at.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, cast

from fabrik.workflows.context import VERIFIER
from fabrik.workflows.review.document import Document, excerpt, read_document, short, shown
from fabrik.workflows.review.model import Asked, Criterion, EvidenceKind, Verified
from fabrik.workflows.review.text import plain, readable

KINDS = ("check", "test", "code", "none")
QUOTE_CHARACTERS = 12  # at least, so that a quote says something

_PLACE = re.compile(r"(.+?)(?::([0-9]{1,9})(?:-([0-9]{1,9}))?)?", re.DOTALL)


def read_verified(
    data: bytes | None,
    *,
    commit: str,
    criteria: Sequence[str],
    checks: Mapping[str, bool],
    lines: Callable[[str], int | None],
    spec_text: str,
    protected: Collection[str],
) -> Verified | str:
    """The report, or everything that is wrong with it in one line, for its author's repair and for humans.

    criteria: those of the spec, in its order. checks: every check that the verifier may name → whether it
    passed. lines: the number of lines of a file of the candidate, None when there is no such file;
    `paths_named` says beforehand which files it may be asked for. protected: the protected files that were
    changed; each must be answered, and what is said about others is left out. Never raises but what `lines`
    raises.
    """
    document = read_document(data)
    if isinstance(document, str):
        return document
    document.head(reviewer=VERIFIER, commit=commit)
    evidence = _Evidence(checks=checks, lines=lines)
    found = _criteria(document, criteria, evidence)
    asked = _asked(document, " ".join(plain(spec_text).split()), protected)
    issues, fewer = document.texts("issues")
    if problems := document.told():
        return problems
    return Verified(criteria=found, asked=asked, issues=(*issues, fewer) if fewer else issues)


def paths_named(data: bytes | None) -> frozenset[str]:
    """The paths that `read_verified` may ask `lines` for when it reads this report. Never raises."""
    document = read_document(data)
    if isinstance(document, str):
        return frozenset()
    entries = document.values.get("criteria")
    if not isinstance(entries, list):
        return frozenset()
    places = [entry.get("where") for entry in entries if isinstance(entry, dict)]
    return frozenset(path for place in places if isinstance(place, str) for path, _, _ in _readings(place))


@dataclass(frozen=True, kw_only=True)
class _Evidence:
    """What there is, to compare with what is named."""

    checks: Mapping[str, bool]
    lines: Callable[[str], int | None]

    def wrong(self, kind: str, where: str) -> str:
        """Why this is no evidence that a criterion is met; "" when it is."""
        if kind == "none":
            return "is met, but its kind of evidence is none"
        if kind == "check":
            name = self.check(where)
            if name is None:
                return f"names the check {shown(where)}, which is none of those that were run"
            return "" if self.checks[name] else f"names the check {shown(name)}, which failed"
        return "" if self.place(where) else f"names {shown(where)}, {self._missing(where)}"

    def check(self, where: str) -> str | None:
        """The check that is named, also in Markdown's ticks."""
        name = where.strip()
        return next((known for known in (name, name.strip("`")) if known in self.checks), None)

    def place(self, where: str) -> str:
        """The place as it is written best, "" when the candidate does not have it."""
        for path, first, last in _readings(where):
            count = self.lines(path)
            if count is None or (first is not None and not 1 <= first <= (last or first) <= count):
                continue
            if first is None:
                return path
            return f"{path}:{first}" if last in (None, first) else f"{path}:{first}-{last}"
        return ""

    def _missing(self, where: str) -> str:
        for path, first, _ in _readings(where):
            if first is not None and (count := self.lines(path)) is not None:
                return f"but that file has {count} lines"
        return "which is no file of the commit (a place is path, path:line or path:line-line)"


def _criteria(document: Document, texts: Sequence[str], evidence: _Evidence) -> tuple[Criterion, ...]:
    found: dict[int, Criterion] = {}
    for place, entry in _entries(document, "criteria"):
        number = entry.get("n")
        if type(number) is not int or not 1 <= number <= len(texts):
            wrong = (
                f"n is not 1 to {len(texts)} but {excerpt(number)}" if texts else "the spec has no criteria"
            )
            document.problems.append(f"{place}: {wrong}")
            continue
        if number in found:
            document.problems.append(f"criterion {number} is answered twice")
            continue
        found[number], problems = _criterion(entry, number, texts[number - 1], evidence)
        document.problems += (f"criterion {number} {problem}" for problem in problems)
    missing = [number for number in range(1, len(texts) + 1) if number not in found]
    if missing:
        document.problems.append(f"{_numbers(missing)} not answered")
    return tuple(found[number] for number in sorted(found))


def _criterion(
    entry: Mapping[str, Any], number: int, text: str, evidence: _Evidence
) -> tuple[Criterion, list[str]]:
    problems = []
    met, kind, where, why = (entry.get(key) for key in ("met", "kind", "where", "why"))
    if not isinstance(met, bool):
        problems.append(f"has no met that is true or false but {excerpt(met)}")
    if kind not in KINDS:
        problems.append(f"has a kind that is none of {', '.join(KINDS)} but {excerpt(kind)}")
    if where is not None and not isinstance(where, str):
        problems.append(f"has a where that is no text but {excerpt(where)}")
    if why is not None and not isinstance(why, str):
        problems.append(f"has a why that is no text but {excerpt(why)}")
    if met is False and (not isinstance(why, str) or not plain(why)):
        problems.append("is not met, and no text says why")
    if not problems:
        named = str(where or "")
        if met and (wrong := evidence.wrong(str(kind), named)):
            problems.append(wrong)
        kind, where = _named(str(kind), named, evidence)
    if problems:
        kind, where = "none", ""
    criterion = Criterion(
        number=number,
        text=text,
        met=met is True and not problems,
        kind=cast("EvidenceKind", kind),
        where=str(where),
        why=short(plain(why)) if isinstance(why, str) else "",
    )
    return criterion, problems


def _named(kind: str, where: str, evidence: _Evidence) -> tuple[str, str]:
    """Kind and place as the table shows them. What is not there is not shown, also of a criterion not met."""
    if kind == "check":
        name = evidence.check(where)
        return ("none", "") if name is None else (kind, name)
    place = "" if kind == "none" else evidence.place(where)
    return (kind, place) if place else ("none", "")


def _asked(document: Document, spec: str, protected: Collection[str]) -> tuple[Asked, ...]:
    # A hostile name can look like the readable form of another. Then the other is not answered.
    by_name = {readable(path): path for path in protected} | {path: path for path in protected}
    found: dict[str, Asked] = {}
    for _, entry in _entries(document, "protected"):
        given = entry.get("path")
        path = by_name.get(given, by_name.get(given.strip())) if isinstance(given, str) else None
        if path is None:
            continue  # not one that anybody asked about
        if path in found:
            document.problems.append(f"the protected file {shown(path)} is answered twice")
            continue
        asked, quote = entry.get("asked"), entry.get("quote")
        if not isinstance(asked, bool):
            document.problems.append(f"{shown(path)}: asked is not true or false but {excerpt(asked)}")
        words = " ".join(plain(quote).split()) if isinstance(quote, str) else ""
        if asked is True and (wrong := _not_quoted(words, spec)):
            document.problems.append(f"{shown(path)}: {wrong}")
        found[path] = Asked(path=path, asked=asked is True, quote=words if asked is True else "")
    for path in protected:
        if path not in found:
            document.problems.append(f"the protected file {shown(path)} is not answered")
    return tuple(found[path] for path in protected if path in found)


def _not_quoted(words: str, spec: str) -> str:
    if len(words) < QUOTE_CHARACTERS:
        return f"asked for, but the quote has fewer than {QUOTE_CHARACTERS} characters"
    return "" if words in spec else f"the specification does not say {shown(words)}"


def _entries(document: Document, key: str) -> list[tuple[str, Mapping[str, Any]]]:
    """The objects of a list, each with its place in the document; what is no object is told."""
    entries = document.values.get(key)
    if entries is None:
        return []
    if not isinstance(entries, list):
        document.problems.append(f"{key} is not a list but {excerpt(entries)}")
        return []
    found: list[tuple[str, Mapping[str, Any]]] = []
    for index, entry in enumerate(entries):
        if isinstance(entry, dict):
            found.append((f"{key}[{index}]", entry))
        else:
            document.problems.append(f"{key}[{index}] is not an object but {excerpt(entry)}")
    return found


def _readings(where: str) -> list[tuple[str, int | None, int | None]]:
    """The ways to read a place: path and lines first; a path may hold a colon itself."""
    text = where.strip()
    if text.startswith("`") and text.endswith("`"):
        text = text.strip("`")
    text = text.removeprefix("./")
    readings: list[tuple[str, int | None, int | None]] = []
    if (match := _PLACE.fullmatch(text)) is not None and match[2] is not None:
        readings.append((match[1], int(match[2]), int(match[3]) if match[3] else None))
    readings.append((text, None, None))
    return [reading for reading in readings if _is_path(reading[0])]


def _is_path(path: str) -> bool:
    """A path of a repository: relative, without steps that lead out of it, and storable."""
    parts = path.split("/")
    return not ({"", ".", ".."} & set(parts)) and "\0" not in path and plain(path) == path


def _numbers(missing: Sequence[int]) -> str:
    named = ", ".join(map(str, missing[:20])) + (", …" if len(missing) > 20 else "")
    return f"criterion {named} is" if len(missing) == 1 else f"criteria {named} are"
