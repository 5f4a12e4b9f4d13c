"""What holds for single values of a spec, wherever it is written. Pure.

Each rule returns None, or what is wrong and what to do.
"""

from __future__ import annotations

import re
import unicodedata
from pathlib import PurePosixPath

from pathspec import GitIgnoreSpec

Broken = tuple[str, str]  # what is wrong, what to do

ID_CHARACTERS = 64
NAME_CHARACTERS = 100

_OWN = ("review-task-", "feedback-")  # beginnings of the ids of tasks that fabrik makes by itself
_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*", re.ASCII)
_LATIN = str.maketrans({"æ": "ae", "œ": "oe", "ø": "o", "đ": "d", "ð": "d", "ł": "l", "þ": "th", "ı": "i"})
_CONTROL = re.compile(r"[\x00-\x1f\x7f\x85\u2028\u2029]")


def id_problem(value: str) -> Broken | None:
    """Ids stand in branch names, step keys and file names: see git-check-ref-format(1) for the odd rules."""
    if value.startswith(_OWN):
        return (
            f"{value[:80]!r} could be taken for a task that fabrik makes of a review or a rejection",
            f"begin it otherwise than with {' or '.join(_OWN)}",
        )
    fit = _ID.fullmatch(value) and ".." not in value and not value.endswith((".", ".lock"))
    if fit and len(value) <= ID_CHARACTERS:
        return None
    shown = value if len(value) <= 80 else value[:79] + "…"
    return (
        f"{shown!r} cannot be part of a branch name",
        f"use letters, digits, `.`, `_` and `-`, at most {ID_CHARACTERS}; start with a letter or digit; "
        "no `..`, and no `.` or `.lock` at the end",
    )


def line_problem(value: str, most: int = 300) -> Broken | None:
    """Titles and names stand in lists and commit subjects."""
    if not value.strip():
        return "must not be empty", ""
    if _CONTROL.search(value):
        return "must be one line of plain text", ""
    if len(value) > most:
        return f"is longer than {most} characters", "shorten it"
    return None


def destination_problem(value: str) -> Broken | None:
    """Where a held-out file is put: inside the repository, and not where git keeps its own things."""
    path = PurePosixPath(value)
    if not value or value.endswith("/") or _CONTROL.search(value) or "\\" in value or path.name in ("", "."):
        return f"{value[:80]!r} is no path of a file", "write it like tests/hidden/test_total.py"
    if path.is_absolute() or ".." in path.parts:
        return f"{value[:80]!r} leads out of the repository", "name a path below the repository's root"
    if any(part.lower() == ".git" for part in path.parts):
        return f"{value[:80]!r} lies in git's own directory", "name another place"
    return None


def glob_problem(value: str) -> Broken | None:
    """Globs are patterns as in a .gitignore; what cannot match a path of a repository is a mistake."""
    example = "write it like tests/test_total.py or tests/**"
    shown = value if len(value) <= 80 else value[:79] + "…"
    if not value.strip():
        return "must not be empty", example
    if _CONTROL.search(value) or "\\" in value or value != value.strip():
        return f"{shown!r} is no glob of paths", example
    if value.startswith(("/", "~")) or re.match(r"[A-Za-z]:", value):
        return f"{shown!r} is an absolute path", "name it from the repository's root: tests/test_total.py"
    if ".." in value.split("/"):
        return f"{shown!r} leads out of the repository", "name a path below the repository's root"
    if value.startswith(("!", "#")):
        return f"{shown!r} names no file that may change", "name those that may: all others may not"
    try:
        fit = not value.startswith("./") and any(
            p.include for p in GitIgnoreSpec.from_lines([value]).patterns
        )
    except (ValueError, re.error):
        fit = False
    return None if fit else (f"{shown!r} matches no path", example)


def slug(text: str, most: int = 50) -> str:
    """An id made of a title: "Add a Search!" → add-a-search. Empty when nothing is left."""
    letters = unicodedata.normalize("NFKD", text.casefold().translate(_LATIN))  # ü: u, and a diaeresis
    bare = "".join(one for one in letters if not unicodedata.combining(one))
    words = re.sub(r"[^a-z0-9]+", "-", bare).strip("-")
    return words[:most].rstrip("-")
