"""What a person needs to decide at the approval gate, as plain values. Pure; how it looks is elsewhere."""

from __future__ import annotations

from dataclasses import dataclass

from fabrik.ledger.types import Gate
from fabrik.workflows.asked import goals_of
from fabrik.workflows.fates import open_findings
from fabrik.workflows.record import RunRecord
from fabrik.workflows.results import Candidate, ChecksResult, VerificationResult
from fabrik.workflows.review.model import Asked, EvidenceKind, Finding, Opinion, Round

LONG_MARK = 200  # characters from which on the beginning of a finding is enough to know it by


@dataclass(frozen=True, kw_only=True)
class Evidenced:
    """One acceptance criterion and what the verifier found for it."""

    number: int
    text: str
    met: bool | None  # None: nobody looked
    kind: EvidenceKind
    where: str
    why: str


@dataclass(frozen=True, kw_only=True)
class Way:
    """One of the three ways in which the checks are run."""

    name: str
    passed: int
    total: int  # 0: not run
    failed: tuple[str, ...]  # names
    note: str = ""


@dataclass(frozen=True, kw_only=True)
class Judged:
    """A file that judges the work and was changed, with what speaks for and against the change."""

    path: str
    line: int | None
    what: str
    holds: bool  # it speaks against the candidate, unless the spec asks for it
    allowed: bool  # the spec's own mayChange covers it
    quote: str  # the words of the spec that ask for it; "" for none


@dataclass(frozen=True, kw_only=True)
class Decision:
    """A candidate at a gate."""

    gate: Gate
    title: str
    goals: tuple[str, ...]
    tasks: tuple[str, ...]
    base: str
    candidate: Candidate | None
    criteria: tuple[Evidenced, ...]
    ways: tuple[Way, ...]  # (): the spec has no checks
    weak: tuple[str, ...]  # checks that passed before the work as well
    opinions: tuple[Opinion, ...]
    findings: tuple[Finding, ...]
    judged: tuple[Judged, ...]
    unreviewed: bool  # --no-review
    unchecked: bool

    @property
    def other_marks(self) -> tuple[str, ...]:
        """The gate's marks without those that say what an open finding says."""
        said = {" ".join(f"{finding.id}: {finding.text}".split()) for finding in self.findings}
        return tuple(mark for mark in self.gate.marks if not _repeats(mark, said))

    @property
    def met(self) -> int:
        """How many criteria are met, as the verifier found."""
        return sum(1 for criterion in self.criteria if criterion.met)


def _repeats(mark: str, said: set[str]) -> bool:
    """A mark may be cut where a finding is long."""
    return mark in said or any(len(mark) >= LONG_MARK and text.startswith(mark) for text in said)


def decision(record: RunRecord, gate: Gate) -> Decision:
    """What is known about the candidate of a gate."""
    context = record.context
    verification = record.verification(gate.candidate)
    round_ = record.full_round(gate.candidate)
    return Decision(
        gate=gate,
        title=record.run.spec_title,
        goals=goals_of(context.spec_text) if context else (),
        tasks=tuple(task.do for task in context.tasks) if context and context.todo else (),
        base=record.run.base_commit,
        candidate=record.candidate(gate.candidate),
        criteria=_criteria(context.accept if context else (), round_),
        ways=_ways(verification),
        weak=_weak(record, verification),
        opinions=round_.opinions if round_ else (),
        findings=open_findings(round_),
        judged=judged_files(verification, round_.asked if round_ else ()),
        unreviewed=context is not None and context.review is None,
        unchecked=record.run.unchecked,
    )


def criteria_of(record: RunRecord) -> tuple[Evidenced, ...]:
    """The criteria with the evidence for the newest candidate that a full review saw."""
    full = [found.round for found in record.rounds if found.task is None and found.round.criteria]
    return _criteria(record.context.accept if record.context else (), full[-1] if full else None)


def _criteria(accept: tuple[str, ...], round_: Round | None) -> tuple[Evidenced, ...]:
    if round_ is not None and round_.criteria:
        return tuple(
            Evidenced(number=c.number, text=c.text, met=c.met, kind=c.kind, where=c.where, why=c.why)
            for c in round_.criteria
        )
    return tuple(
        Evidenced(number=number, text=text, met=None, kind="none", where="", why="")
        for number, text in enumerate(accept, 1)
    )


def _ways(verification: VerificationResult | None) -> tuple[Way, ...]:
    if verification is None:
        return ()
    put_back = len(verification.restored)
    files = f"{put_back} file{'s' * (put_back != 1)} put back" if put_back else "none was changed"
    ways = (
        _way("as it stands", verification.checks),
        _way("with the base's protected files", verification.protected, files),
        _way("held-out", verification.holdout, "" if verification.holdout.checks else "the spec has none"),
    )
    return ways if any(way.total for way in ways) or verification.setup_problem else ()


def _way(name: str, results: ChecksResult, note: str = "") -> Way:
    passed = 0 if results.setup_problem else sum(1 for check in results.checks if check.ok)
    return Way(
        name=name,
        passed=passed,
        total=len(results.checks),
        failed=tuple(check.name for check in results.failed),
        note=results.setup_problem or note,
    )


def _weak(record: RunRecord, verification: VerificationResult | None) -> tuple[str, ...]:
    if record.baseline is None or verification is None:
        return ()
    passed_before = {check.name for check in record.baseline.checks if check.ok}
    return tuple(check.name for check in verification.checks.checks if check.name in passed_before)


def judged_files(verification: VerificationResult | None, asked: tuple[Asked, ...]) -> tuple[Judged, ...]:
    """What was done to files that judge the work: what holds first, then what is worth telling.

    A file that was put back for the second way and of which nothing else is told is in it, too.
    """
    if verification is None:
        return ()
    quotes = {one.path: one.quote for one in asked if one.asked}
    found = [
        Judged(
            path=tamper.path,
            line=tamper.line,
            what=tamper.what,
            holds=tamper.holds,
            allowed=tamper.allowed,
            quote=quotes.get(tamper.path, ""),
        )
        for tamper in verification.tampers
    ]
    told = {one.path for one in found}
    found += [
        Judged(
            path=path,
            line=None,
            what="it was changed",
            holds=False,
            allowed=False,
            quote=quotes.get(path, ""),
        )
        for path in verification.restored
        if path not in told
    ]
    return tuple(sorted(found, key=lambda one: (not one.holds, bool(one.allowed or one.quote))))
