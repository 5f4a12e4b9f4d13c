"""Which files judge the work: the project's globs, and the scripts that the checks run."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Collection, Mapping, Sequence

from pathspec import GitIgnoreSpec

from fabrik.errors import FabrikError
from fabrik.tampering.checked import Checked, checked
from fabrik.tampering.globs import GROUPS
from fabrik.tampering.helpers_of_tests import MODULES, helpers_of_tests
from fabrik.tampering.model import Why
from fabrik.tampering.reached import reached

DEFAULT_PROTECTED: tuple[str, ...] = tuple(glob for _, globs in GROUPS for glob in globs)


class BadGlob(FabrikError):
    """A glob of protected files cannot be read as a gitignore pattern."""


class Protection:
    """Says of any path whether it judges the work, and why. Made by `of`."""

    def __init__(
        self,
        *,
        globs: GitIgnoreSpec,
        may_change: GitIgnoreSpec,
        checks: Checked,
        base: frozenset[str],
        found: Mapping[str, Why],
    ) -> None:
        self.checks = checks
        self.base_paths = base
        self._globs = globs
        self._may_change = may_change
        self._found = found  # by what files of the base say, whatever the globs
        self._known: dict[str, Why | None] = {}

    @classmethod
    def of(
        cls,
        globs: Sequence[str],
        commands: Sequence[str],
        base_paths: Collection[str],
        may_change: Sequence[str],
        contents: Mapping[str, bytes] | None = None,
    ) -> Protection:
        """Globs as `.gitignore` has them (they replace the shipped list), shell texts of the checks, all
        paths of the base, the globs of the spec's `mayChange`, and contents of files of the base, as far as
        they are known: what the checks reach by way of them judges, too.

        Raises BadGlob: a pattern cannot be read; all of them are named.
        """
        bad: list[str] = []
        spec, may = _spec(globs, bad), _spec(may_change, bad)
        if bad:
            raise BadGlob(
                f"cannot read the pattern{'s' if len(bad) > 1 else ''} {', '.join(bad)}",
                todo="write them as in a .gitignore file",
            )
        base = frozenset(base_paths)
        checks = checked(commands, base)
        found: dict[str, Why] = dict.fromkeys(reached(commands, checks, base, contents or {}), "check")
        known = cls(globs=spec, may_change=may, checks=checks, base=base, found=found)
        modules = {path: text for path, text in (contents or {}).items() if path.endswith(MODULES)}
        helpers: dict[str, Why] = dict.fromkeys(
            helpers_of_tests(modules, lambda path: known.why(path) is not None), "test"
        )
        return cls(globs=spec, may_change=may, checks=checks, base=base, found={**helpers, **found})

    def knowing(self, base_paths: Collection[str]) -> Protection:
        """The same with more paths of the base."""
        more = frozenset(base_paths)
        if more <= self.base_paths:
            return self
        return Protection(
            globs=self._globs,
            may_change=self._may_change,
            checks=self.checks,
            base=self.base_paths | more,
            found=self._found,
        )

    def why(self, path: str) -> Why | None:
        """Why a path is protected; None: it is not. A new path gets the answer it would have at the base."""
        if path not in self._known:
            self._known[path] = self._why(path)
        return self._known[path]

    def allowed(self, path: str) -> bool:
        """Does the spec's `mayChange` cover the path?"""
        return self._may_change.match_file(path)

    def _why(self, path: str) -> Why | None:
        if path in self.checks.scripts:
            return "check"
        if path in self.base_paths and posixpath.dirname(path) in self.checks.folders:
            return "check"
        if not self._globs.match_file(path):
            return self._found.get(path)
        return next((why for why, spec in _GROUPS if spec.match_file(path)), "project")


def _spec(globs: Sequence[str], bad: list[str]) -> GitIgnoreSpec:
    good = []
    for glob in globs:
        try:
            GitIgnoreSpec.from_lines([glob])
        except (ValueError, re.error):
            bad.append(repr(glob))
        else:
            good.append(glob)
    return GitIgnoreSpec.from_lines(good)


_GROUPS: tuple[tuple[Why, GitIgnoreSpec], ...] = tuple(
    (why, GitIgnoreSpec.from_lines(globs)) for why, globs in GROUPS
)
