"""The JSON document that a reviewer leaves: read strictly, told about completely, and never a reason to fail.

What a program cannot take for certain is a problem of the document. The texts in it come from an agent that
has read hostile code, so they are kept in plain characters and within bounds.
"""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from fabrik.workflows.review.text import plain

DOCUMENT_BYTES = 1 << 20  # a larger document is not read at all
ITEMS = 50  # kept of each list of texts
ITEM_CHARACTERS = 2000  # kept of each text
PREFIX_CHARACTERS = 12  # of a commit id that is given in short
MOST_PROBLEMS = 10  # told of one document
PROBLEM_CHARACTERS = 200  # of each of them
EXCERPT_CHARACTERS = 60  # of a value that is quoted in a problem

_FENCED = re.compile(r"\A(`{3,})(?:json|JSON)?[ \t]*\r?\n(.*)\n[ \t]*\1\Z", re.DOTALL)


@dataclass(kw_only=True)
class Document:
    """A JSON object as it was read, and everything that is found wrong with it."""

    values: dict[str, Any]
    problems: list[str] = field(default_factory=list)

    def head(self, *, reviewer: str, commit: str) -> None:
        """Check who says this, in which version, and about which commit."""
        if type(self.values.get("v")) is not int or self.values["v"] != 1:
            self.problems.append(f"v is not 1 but {self._said('v')}")
        if self.values.get("reviewer") != reviewer:
            self.problems.append(f"reviewer is not {shown(reviewer)} but {self._said('reviewer')}")
        given = self.values.get("commit")
        if not isinstance(given, str) or not _is_commit(given, commit):
            self.problems.append(
                f"commit is not {shown(commit)}, which was reviewed, but {self._said('commit')}"
            )

    def texts(self, key: str) -> tuple[tuple[str, ...], str]:
        """The texts of a list that may be missing, without empty ones; what was cut, in one line or ""."""
        value = self.values.get(key)
        if value is None:
            return (), ""
        if not isinstance(value, list) or not all(isinstance(item, str) for item in value):
            self.problems.append(f"{key} is not a list of texts but {self._said(key)}")
            return (), ""
        kept = [text for text in map(plain, value) if text]
        more = len(kept) - ITEMS
        return tuple(map(short, kept[:ITEMS])), f"{more} more {key} were not kept" if more > 0 else ""

    def unknown(self, key: str, known: Sequence[str]) -> None:
        """Tell that the value of a key is none of those that are known."""
        self.problems.append(f"{key} is not {' or '.join(map(shown, known))} but {self._said(key)}")

    def told(self) -> str:
        """All problems in one line, bounded; "" when there is none."""
        return one_line(self.problems)

    def _said(self, key: str) -> str:
        return excerpt(self.values[key]) if key in self.values else "missing"


def read_document(data: bytes | None) -> Document | str:
    """The JSON object that the bytes are, alone or in one Markdown fence; or what is wrong, in one line."""
    if data is None:
        return "there is no report"
    if len(data) > DOCUMENT_BYTES:
        return f"the report is larger than {DOCUMENT_BYTES >> 20} MiB"
    try:
        text = data.decode("utf-8-sig").strip(" \t\r\n")
    except UnicodeDecodeError:
        return "the report is not UTF-8"
    if not text:
        return "the report is empty"
    if (fenced := _FENCED.match(text)) is not None:
        text = fenced[2]
    repeated: list[str] = []

    def unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        found: dict[str, Any] = {}
        for key, value in pairs:
            if key in found and (type(found[key]) is not type(value) or found[key] != value):
                repeated.append(key)
            found[key] = value
        return found

    try:
        values = json.loads(text, object_pairs_hook=unique, parse_constant=_no_number)
    except RecursionError:
        return "the report is nested too deeply"
    except ValueError as error:
        return one_line([f"the report is not one valid JSON object ({error})"])
    if not isinstance(values, dict):
        return f"the report is not a JSON object but {excerpt(values)}"
    again = [f"{shown(key)} is there twice with different values" for key in dict.fromkeys(repeated)]
    return Document(values=values, problems=again)


def short(text: str) -> str:
    """The text, cut at ITEM_CHARACTERS with a word about it."""
    if len(text) <= ITEM_CHARACTERS:
        return text
    return f"{text[:ITEM_CHARACTERS]} … ({len(text) - ITEM_CHARACTERS} more characters were cut)"


def shown(text: str) -> str:
    """A name in quotation marks, on one line and not too long."""
    flat = " ".join(plain(text[: 4 * EXCERPT_CHARACTERS]).split())
    return f"“{flat[:EXCERPT_CHARACTERS]}…”" if len(flat) > EXCERPT_CHARACTERS else f"“{flat}”"


def excerpt(value: Any) -> str:
    """A value of a document, as short as it can be named in a problem."""
    match value:
        case None | bool() | float():
            return json.dumps(value)
        case int():
            return str(value) if abs(value) < 10**12 else "a very large number"
        case str():
            return shown(value)
        case list():
            return "a list" if value else "an empty list"
        case _:
            return "an object"


def one_line(problems: Sequence[str]) -> str:
    """Problems in one line: the first MOST_PROBLEMS of them, each bounded."""
    flat = [" ".join(plain(problem).split())[:PROBLEM_CHARACTERS] for problem in problems[:MOST_PROBLEMS]]
    more = [f"and {len(problems) - MOST_PROBLEMS} more problems"] if len(problems) > MOST_PROBLEMS else []
    return "; ".join(flat + more)


def _is_commit(given: str, commit: str) -> bool:
    return given == commit or (len(given) >= PREFIX_CHARACTERS and commit.startswith(given))


def _no_number(name: str) -> Any:
    raise ValueError(f"{name} is no JSON")
