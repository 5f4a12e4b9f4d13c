"""How each protected file of the base stands in the candidate. Restoration and findings both follow this."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Sequence
from dataclasses import dataclass

from fabrik.tampering.documents import same_data
from fabrik.tampering.line_tests import compare_lines
from fabrik.tampering.mixed import mixed_changes
from fabrik.tampering.model import ChangedFile, FileVersion, Why
from fabrik.tampering.moves import Moves, moves_of
from fabrik.tampering.notes import SAME, Compared, Note
from fabrik.tampering.protected import Protection
from fabrik.tampering.python_tests import compare_python
from fabrik.tampering.snapshots import compare_snapshots
from fabrik.tampering.source_lines import hash_lines
from fabrik.tampering.text import added_lines, effort, is_regular, quoted, text_of

BUDGET = (
    12_000_000  # effort for what is compared by content (`text.effort`); what is beyond counts as changed
)
_DOCS = re.compile(
    r".*\.(?:md|rst|adoc)|(?:README|LICENSE|NOTICE)(?:\..*)?|\.gitkeep|\.keep|\.gitignore", re.I
)
_NOT_TESTS = re.compile(r".*\.(?:png|jpe?g|gif|webp|svg|ico|pdf)", re.I)


@dataclass(frozen=True, kw_only=True)
class Standing:
    """One protected file of the base that the candidate changed."""

    change: ChangedFile
    why: Why
    compared: Compared


def standings(changes: Sequence[ChangedFile], protection: Protection) -> tuple[Standing, ...]:
    """Every protected file of the base that differs, in the order of paths."""
    moves = moves_of(changes, protection)
    left = BUDGET
    found = []
    for change in sorted(changes, key=lambda each: each.path):
        why = protection.why(change.path) if change.before is not None else None
        if change.before is None or why is None:
            continue
        left -= effort(change.before.content) + (effort(change.after.content) if change.after else 0)
        if change.before == change.after:
            continue
        if change.after is None:
            compared = _gone(change, change.before, why, moves)
        elif left < 0:
            compared = _changed("it was changed, and the change is too large to be compared")
        else:
            compared = _compare(change.path, change.before, change.after, why, protection, moves)
        found.append(Standing(change=change, why=why, compared=compared))
    return tuple(found)


def _compare(
    path: str, before: FileVersion, after: FileVersion, why: Why, protection: Protection, moves: Moves
) -> Compared:
    if not is_regular(before) or not is_regular(after):
        return _changed("it is another kind of file now (a link or a submodule)")
    if before.content == after.content or same_data(path, before, after):
        return SAME
    mixed = mixed_changes(path, before, after, protection)
    if mixed is not None:
        return Compared(standing="changed" if mixed else "same", notes=tuple(_mixed(mixed)))
    name = posixpath.basename(path)
    if _DOCS.fullmatch(name) and why != "ci":
        return SAME
    if name.endswith(".py") and why in ("test", "hook", "project", "check", "lint"):
        compared = compare_python(before, after, elsewhere=moves.bodies(path))
        if compared is not None:
            compared = _as_script(compared, name) if why == "check" else compared
            return _as_package(compared, before, after) if name == "__init__.py" else compared
    one, other = text_of(before), text_of(after)
    if one is None or other is None:
        return _changed("it was changed, and it is no text")
    if why == "test":
        return compare_snapshots(path, one, other) or compare_lines(path, one, other)
    if _settings(one) == _settings(other):
        return SAME
    return _changed(f"it was changed: {_where(one, other)}")


def _gone(change: ChangedFile, before: FileVersion, why: Why, moves: Moves) -> Compared:
    target = moves.target(change.path)
    if target is not None:
        what = f"it moved to {quoted(target)}, and what it checks is unchanged"
        return Compared(standing="moved", notes=(Note(kind="changed", line=None, what=what, holds=False),))
    if moves.scattered(change.path):
        what = "it is gone, and its tests are in other files now"
        return Compared(standing="intact", notes=(Note(kind="changed", line=None, what=what, holds=False),))
    name = posixpath.basename(change.path)
    quiet = not before.content.strip() or (
        why == "test" and (_DOCS.fullmatch(name) or _NOT_TESTS.fullmatch(name))
    )
    hidden = moves.hidden(change.path)
    if hidden is not None:
        what = f"it moved to {quoted(hidden)}, where it may not be run"
        return Compared(standing="deleted", notes=(Note(kind="deleted", line=None, what=what),))
    what = "it is gone" if not quiet else "it is gone, and it judged nothing"
    return Compared(
        standing="same" if quiet else "deleted",
        notes=(Note(kind="deleted", line=None, what=what, holds=not quiet),),
    )


def _as_script(compared: Compared, name: str) -> Compared:
    """A check script judges as a whole: what was added to it runs, too."""
    if compared.standing in ("same", "changed") or name.startswith("test_") or name.endswith("_test.py"):
        return compared
    return _changed("the check script was changed")


def _as_package(compared: Compared, before: FileVersion, after: FileVersion) -> Compared:
    """A package of tests is loaded before the tests in it: what it got to import runs ahead of them."""
    if compared.standing != "extended" or not _imports_more(before, after):
        return compared
    what = "it imports more than before, ahead of the tests in it"
    return Compared(standing="intact", notes=(Note(kind="changed", line=None, what=what, holds=False),))


def _imports_more(before: FileVersion, after: FileVersion) -> bool:
    lines = added_lines(text_of(before), text_of(after))
    return any(re.search(r"\bimport\b|__import__", line) for _, line in lines)


def _mixed(changes: list[str]) -> list[Note]:
    return [Note(kind="changed", line=None, what=f"what judges was changed: {each}") for each in changes[:10]]


def _settings(text: str) -> list[str]:
    return [line for _, line in hash_lines(text)]


def _where(before: str, after: str) -> str:
    had = {line.strip() for line in before.split("\n")}
    for line in after.split("\n"):
        if line.strip() and line.strip() not in had:
            return quoted(line)
    return "lines of it are gone"


def _changed(what: str) -> Compared:
    return Compared(standing="changed", notes=(Note(kind="changed", line=None, what=what),))
