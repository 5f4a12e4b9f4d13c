"""The files that judge the work, in a loop: those of people count, however many iterations have landed.

What is compared with is the state in which the loop began, and what people have committed meanwhile: a chain
of small weakenings adds up. Where nothing that judges differs from that, nothing is run a second time.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from fabrik.config.read import PROJECT_FILE
from fabrik.ledger.journal import StepContext
from fabrik.tampering.depends import depends, depends_on_new
from fabrik.tampering.model import Tamper
from fabrik.vcs.changes import ChangedFiles, FilePair, between
from fabrik.vcs.overlay import Put, overlay
from fabrik.workflows.loop.order import Guarded, Line
from fabrik.workflows.protected import MOST_FILES, Judges, Rules, judges, rules_of
from fabrik.workflows.results import ChecksResult
from fabrik.workflows.verify import all_shown, both, fail_now
from fabrik.workflows.work import Work

# What is not taken. That instructions for agents were changed, or that words speak to reviewers, is told:
# in a loop nobody reviews, and its agents are asked to keep AGENTS.md up to date.
REFUSED = frozenset({"depends", "deleted", "changed", "skipped", "loosened", "hook", "shadow", "git"})
MOST = 20  # lines that are told
_TESTING = ("test", "check", "hook", "lint", "ci", "project")


@dataclass(kw_only=True)
class Guard:
    """Compares what sessions leave with the files of people. Reads what it can beside the checks."""

    work: Work
    _known: tuple[str, Rules] | None = None  # of the last commit that was compared with
    _since: tuple[str, str, dict[str, FilePair]] | None = None  # that commit, a later one, what differs

    async def look(self, line: Line, commit: str, changed: ChangedFiles) -> Judges | None:
        """What the work until `commit` did to the files that judge; None where people have none yet.

        changed: what differs between the line's head and the commit. Raises VcsError.
        """
        work = replace(self.work, base=line.judges or self.work.base)
        rules = await self._rules(work)
        if not any(rules.protection.why(path) in _TESTING for path in rules.base):
            return None
        pairs = self._pairs(work.base, line.head, changed)
        self._since = None if pairs is None else (work.base, commit, pairs)
        known = None if pairs is None else ChangedFiles(files=tuple(pairs.values()), total=len(pairs))
        found = await judges(work, commit, rules=rules, changed=known)
        if rules.protection.allowed(PROJECT_FILE) or not await self._own_settings(work, commit, pairs):
            return found
        what = "fabrik's own settings, which say what protects people and work, were changed"
        tamper = Tamper(kind="changed", path=PROJECT_FILE, line=None, what=what, holds=True)
        return replace(found, tampers=(*found.tampers, tamper))

    async def _own_settings(self, work: Work, commit: str, pairs: dict[str, FilePair] | None) -> bool:
        if pairs is not None:
            return PROJECT_FILE in pairs
        sides = [await work.repo.read_file(at, PROJECT_FILE, 1 << 20) for at in (work.base, commit)]
        return sides[0] != sides[1]

    async def _rules(self, work: Work) -> Rules:
        if self._known is None or self._known[0] != work.base:
            self._known = (work.base, await rules_of(work))
        return self._known[1]

    def _pairs(self, base: str, head: str, changed: ChangedFiles) -> dict[str, FilePair] | None:
        """What differs between the base and the end of `changed`, put together; None where git must say."""
        before: dict[str, FilePair] = {}
        if head != base:
            if self._since is None or self._since[:2] != (base, head):
                return None
            before = self._since[2]
        if changed.total > len(changed.files):
            return None
        found = dict(before)
        for pair in changed.files:
            first = before[pair.path].before if pair.path in before else pair.before
            if first == pair.after:
                found.pop(pair.path, None)
            else:
                found[pair.path] = FilePair(path=pair.path, before=first, after=pair.after)
        return found if len(found) <= MOST_FILES else None

    async def judge(
        self, key: str, number: int, line: Line, found: Judges | None, results: ChecksResult
    ) -> Guarded:
        """Whether the work holds up without what it did to its judges.

        The checks run once more where they passed and something has to be put back, or taken away, for that.
        Raises SandboxBroken, VcsError, DiskFull.
        """
        if found is None:
            return Guarded()
        work = replace(self.work, base=line.judges or self.work.base)
        checks = work.context.checks
        without = tuple(check for check in checks if found.new_tests and check.run in found.without)
        again = None
        if results.ok and checks and (found.restored or without):

            async def run(step: StepContext) -> ChecksResult:
                logs = work.paths.step_logs(step.key, step.attempt)
                return await both(work, number, step, found, without, logs)

            inputs = {"commit": found.commit, "judges": work.base, "checks": [check.run for check in checks]}
            again = await work.journal.step(f"{key}/as-before", run, result=ChecksResult, inputs=inputs)
        tampers = (*found.tampers, *_depends(work, found, without, again))
        against, told = list[str](), list[str]()
        for tamper in tampers:
            (against if tamper.holds and tamper.kind in REFUSED else told).append(_said(tamper))
        if again is not None and not again.ok and not against:
            against = [f"without its new test files, {check.name} fails" for check in again.failed]
        return Guarded(against=_few(against), told=_few(told), checks=again)


def _depends(
    work: Work, found: Judges, without: tuple[object, ...], again: ChecksResult | None
) -> tuple[Tamper, ...]:
    if again is None:
        return ()
    alone = {check.name for check in work.context.checks if check in without}
    failed = fail_now(work.context.checks, again)
    return (
        *depends(failed, found.restored),
        *depends_on_new([name for name in failed if name in alone], all_shown(found.new_tests)),
    )


def _said(tamper: Tamper) -> str:
    place = f"{tamper.path}:{tamper.line}" if tamper.line else tamper.path
    return " ".join(f"{place}: {tamper.what}".split())


def _few(lines: list[str]) -> tuple[str, ...]:
    found = list(dict.fromkeys(lines))
    left = len(found) - MOST
    return (*found[:MOST], f"and {left} more") if left > 0 else tuple(found)


async def with_what_people_did(work: Work, line: Line, tip: str) -> str:
    """The files that judge, with all that came to the branch between the line's tip and `tip`.

    What came is not of this loop: whoever committed a file has seen it as a whole, and it counts as it is.
    Raises VcsError, DiskFull.
    """
    judges = line.judges or work.base
    if judges == line.tip:
        return tip
    came = await between(work.repo.path, line.tip, tip)
    put = {one.path: Put(mode=one.after[0], id=one.after[1]) for one in came if one.after is not None}
    gone = tuple(one.path for one in came if one.after is None)
    if not put and not gone:
        return judges
    return await overlay(work.repo.path, judges, f"judges/{tip}", put, gone)
