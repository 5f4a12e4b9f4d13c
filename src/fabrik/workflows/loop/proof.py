"""Proves that the checks run the tests that a finished item requires: made to fail, they are noticed.

The checks are run once more at the same commit with these tests failing on purpose. What no check notices,
no check runs: an empty class, a test that skips itself, a file in a folder that nobody looks at.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from fabrik.ledger.journal import StepContext
from fabrik.tampering.present_tests import made_to_fail
from fabrik.vcs.overlay import Put, overlay
from fabrik.workflows.checks import run_checks
from fabrik.workflows.results import ChecksResult
from fabrik.workflows.work import Work


@dataclass(frozen=True, kw_only=True)
class Wanted:
    """A required test that is there."""

    item: str
    path: str
    name: str  # "": the file as a whole
    content: bytes

    @property
    def said(self) -> str:
        return f"{self.path}::{self.name}" if self.name else self.path

    @property
    def mark(self) -> str:
        return f"fabrik-asks-{hashlib.sha256(self.said.encode()).hexdigest()[:12]}"


@dataclass(frozen=True, kw_only=True)
class Noticed:
    """What came of it."""

    unnoticed: tuple[str, ...]  # one line for each test that can fail without any check failing


async def unnoticed(work: Work, key: str, commit: str, wanted: Sequence[Wanted]) -> tuple[str, ...]:
    """Which of these tests no check runs, at a commit where all checks pass. Raises VcsError, DiskFull."""
    if not wanted or not work.context.checks:
        return ()

    async def ask(step: StepContext) -> Noticed:
        quiet = _Quiet(step)
        found = {one.said: one for one in wanted}
        left = await _left(work, quiet, commit, tuple(found.values()))
        return Noticed(
            unnoticed=tuple(
                f"{one.item}: no check runs {one.said}: made to fail on purpose, every check still passes"
                for one in wanted
                if one.said in left
            )
        )

    inputs = {"commit": commit, "tests": [one.said for one in wanted]}
    return (await work.journal.step(key, ask, result=Noticed, inputs=inputs)).unnoticed


async def _left(work: Work, step: StepContext, commit: str, wanted: Sequence[Wanted]) -> set[str]:
    """All at once first: mostly that is enough. Whose mark nobody printed is asked about alone."""
    results = await _checked(work, step, commit, wanted)
    if results.ok:
        return {one.said for one in wanted}
    if len(wanted) == 1:
        return set()
    printed = b"".join((work.paths.directory / check.log.path).read_bytes() for check in results.failed)
    rest = [one for one in wanted if one.mark.encode() not in printed]
    return {one.said for one in rest if (await _checked(work, step, commit, [one])).ok}


async def _checked(work: Work, step: StepContext, commit: str, wanted: Sequence[Wanted]) -> ChecksResult:
    modes = {entry.path: entry.mode for entry in await work.repo.ls(commit)}
    failing: dict[str, bytes] = {}
    for one in wanted:
        failing[one.path] = made_to_fail(one.path, failing.get(one.path, one.content), one.name, one.mark)
    put = {path: Put(mode=modes[path], content=content) for path, content in failing.items()}
    broken = await overlay(work.repo.path, commit, f"asked/{commit[:12]}", put, ())
    return await run_checks(work, step, broken, work.context.checks)


class _Quiet(StepContext):
    """Checks that are to fail are nobody's news."""

    def __init__(self, step: StepContext) -> None:
        self.__dict__.update(step.__dict__)

    def tell(self, kind: str, **data: Any) -> None:
        """Nothing."""
