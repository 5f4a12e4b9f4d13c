"""Finds where tests that are gone went: whole files under another path, and single tests in other files."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Sequence
from functools import cached_property

from fabrik.tampering.model import ChangedFile, FileVersion
from fabrik.tampering.protected import Protection
from fabrik.tampering.python_source import parsed
from fabrik.tampering.python_tests import bodies_in, compare_python
from fabrik.tampering.text import effort, is_regular

BUDGET = 4_000_000  # effort for tests that are searched for those from elsewhere

_COLLECTED = re.compile(
    r"test_.*\.py|.*_test\.py|.*[._-](?:test|spec|cy|e2e)\.\w+|.*_test\.\w+|.*Tests?\.\w+|test.*\.\w+"
)
_TEST_FOLDERS = frozenset(
    {"tests", "test", "Tests", "Test", "spec", "__tests__", "e2e", "cypress", "acceptance"}
)
_NEVER_LOOKED_AT = frozenset(
    {"build", "dist", "node_modules", "venv", "CVS", "_darcs", "disabled", "skipped"}
)


class Moves:
    """Where the files and tests of the base are in the candidate."""

    def __init__(self, changes: Sequence[ChangedFile], protection: Protection) -> None:
        self._protection = protection
        self._gone = {each.path: each.before for each in changes if each.before and each.after is None}
        self._new: dict[bytes, list[str]] = {}
        self._by_name: dict[str, list[tuple[str, FileVersion]]] = {}
        self._tests: list[tuple[str, FileVersion]] = []
        left = self._left = BUDGET
        for change in sorted(changes, key=lambda each: each.path):
            if change.after is None or not is_regular(change.after) or protection.why(change.path) is None:
                continue
            if change.before is None:
                self._new.setdefault(change.after.content, []).append(change.path)
            if _is_python_test(change.path) and (left := left - effort(change.after.content)) > 0:
                self._tests.append((change.path, change.after))
                name = posixpath.basename(change.path)
                self._by_name.setdefault(name, []).append((change.path, change.after))

    def target(self, path: str) -> str | None:
        """The protected path at which the same is judged now; None: nowhere."""
        before = self._gone.get(path)
        if before is None or not before.content.strip():
            return None
        for other in self._new.get(before.content, ()):
            if self._same_place(path, other):
                return other
        self._left -= effort(before.content)
        if _is_python_test(path) and self._left > 0 and parsed(before) is not None:
            name = posixpath.basename(path)
            for other, after in self._by_name.get(name, [])[:5]:
                self._left -= effort(after.content)
                if self._left > 0 and self._same_place(path, other):
                    compared = compare_python(before, after)
                    if compared is not None and compared.standing in ("same", "extended"):
                        return other
        return None

    def scattered(self, path: str) -> bool:
        """Are all tests of a file that is gone in others now? What they use may have changed on the way."""
        before = self._gone.get(path)
        self._left -= effort(before.content) if before is not None else 0
        tree = parsed(before) if self._left > 0 and _is_python_test(path) else None
        bodies = bodies_in(tree) if tree is not None else set()
        return bool(bodies) and bodies <= self._bodies(path)

    def hidden(self, path: str) -> str | None:
        """A path that the same content moved to, where it may not be run."""
        before = self._gone.get(path)
        found = self._new.get(before.content, []) if before is not None and before.content.strip() else []
        return found[0] if found else None

    def bodies(self, path: str) -> set[str]:
        """What the tests in other changed files of tests do."""
        others = len(self._tests) > 1 or (self._tests and self._tests[0][0] != path)
        return self._bodies(path) if others else set()

    def _bodies(self, path: str) -> set[str]:
        """What the tests do that are run where those of a path are run."""
        folder = _test_folder(path)
        return self._by_folder.get(folder, set()) if folder is not None else self._everywhere

    @cached_property
    def _everywhere(self) -> set[str]:
        return {body for bodies in self._by_folder.values() for body in bodies}

    @cached_property
    def _by_folder(self) -> dict[str | None, set[str]]:
        found: dict[str | None, set[str]] = {}
        for path, after in self._tests:
            tree = parsed(after) if _is_looked_at(path) else None
            if tree is not None:
                found.setdefault(_test_folder(path), set()).update(bodies_in(tree))
        return found

    def _same_place(self, path: str, other: str) -> bool:
        """Is a test that was run at a path run at the other, too?"""
        if self._protection.why(path) != self._protection.why(other):
            return False
        name, new = posixpath.basename(path), posixpath.basename(other)
        if posixpath.splitext(name)[1] != posixpath.splitext(new)[1] or not _is_looked_at(other):
            return False
        if self._protection.why(path) != "test":
            return name == new or self._protection.why(path) == "ci"
        if _COLLECTED.fullmatch(name) and not _COLLECTED.fullmatch(new):
            return False
        folder = _test_folder(path)
        return folder is None or folder == _test_folder(other)


def moves_of(changes: Sequence[ChangedFile], protection: Protection) -> Moves:
    return Moves(changes, protection)


def _test_folder(path: str) -> str | None:
    """The outermost folder of tests that a path lies in."""
    parts = path.split("/")[:-1]
    number = next((number for number, part in enumerate(parts) if part in _TEST_FOLDERS), None)
    return None if number is None else "/".join(parts[: number + 1])


def _is_looked_at(path: str) -> bool:
    return not any(part in _NEVER_LOOKED_AT or part.startswith(".") for part in path.split("/")[:-1])


def _is_python_test(path: str) -> bool:
    name = posixpath.basename(path)
    return name.endswith(".py") and _COLLECTED.fullmatch(name) is not None
