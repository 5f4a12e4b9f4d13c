"""The results of journaled steps. They are stored as JSON, so a field's meaning may never change."""

from __future__ import annotations

from dataclasses import dataclass

from fabrik.outcome import Cause
from fabrik.tampering.model import Tamper


@dataclass(frozen=True, kw_only=True)
class LogFile:
    """A log as it was when its command ended."""

    path: str  # relative to the run's directory
    size: int  # bytes that were written
    sha256: str  # of the file as it is kept
    trimmed: bool = False  # the middle of a very long log is not kept


@dataclass(frozen=True, kw_only=True)
class SessionResult:
    """What a session came to, as the host found it."""

    cause: Cause
    detail: str
    seconds: float
    head: str  # the commit after it: where the next step starts
    tree: str
    changed: bool  # the tree differs from the one before it
    leftover: bool  # fabrik committed work that the agent had left uncommitted
    rewritten: bool  # the agent had rewritten history; its tree was put on top of the base
    transcript: LogFile
    stderr: LogFile
    session_id: str | None
    says: str  # status that the agent's report claims: done, blocked, failed or "" (none); never evidence
    question: str  # what the agent asks the human, where it says blocked
    notes: tuple[str, ...]  # problems worth telling: a malformed report, a damaged .git
    retry_at: float | None  # seconds since the epoch; when a retry makes sense
    saved_as: str | None  # ref with the work, where it was put aside


@dataclass(frozen=True, kw_only=True)
class CheckResult:
    """One check, run by the host."""

    name: str
    run: str
    ok: bool
    status: int | None
    signal: int | None
    stopped_by: str | None
    seconds: float
    log: LogFile
    tail: str  # the end of its output, for the agent and the human

    @property
    def how(self) -> str:
        """How it failed, in words."""
        if self.stopped_by:
            return self.stopped_by
        found = " (command not found)" if self.status == 127 else ""  # as every shell has it
        return f"exit status {self.status}{found}" if self.status else f"ended by signal {self.signal}"

    @property
    def failure(self) -> str:
        """What failed and how, in a form that two runs can be compared by."""
        return f"{self.name}: {self.how}"


@dataclass(frozen=True, kw_only=True)
class ChecksResult:
    """All checks of one round at one commit."""

    commit: str
    checks: tuple[CheckResult, ...]
    setup_problem: str = ""  # the setup commands failed: the checks were not run

    @property
    def ok(self) -> bool:
        return not self.setup_problem and all(check.ok for check in self.checks)

    @property
    def failed(self) -> tuple[CheckResult, ...]:
        return tuple(check for check in self.checks if not check.ok)


@dataclass(frozen=True, kw_only=True)
class VerificationResult:
    """The independent proof of a candidate, or what was missing for it."""

    commit: str
    tree: str
    checks: ChecksResult  # as they stand at the candidate
    protected: ChecksResult  # once more, in another fresh clone, with the protected files of the base
    restored: tuple[str, ...]  # the paths that were put back or removed for that; (): they are as at the base
    holdout: ChecksResult
    tampers: tuple[Tamper, ...]
    alone: tuple[str, ...] = ()  # names of the checks that ran without the new test files the second time

    @property
    def ok(self) -> bool:
        return self.checks.ok and self.holdout.ok and not self.flaky and not self.setup_problem

    @property
    def flaky(self) -> tuple[CheckResult, ...]:
        """Checks that passed once and failed the second time, though nothing was different."""
        if self.restored or not self.checks.ok:
            return ()
        return tuple(check for check in self.protected.failed if check.name not in self.alone)

    @property
    def setup_problem(self) -> str:
        # Where protected files were put back, that may be why: then it tells of tampering, not of the setup.
        again = "" if self.restored else self.protected.setup_problem
        return self.checks.setup_problem or again or self.holdout.setup_problem

    @property
    def failures(self) -> tuple[str, ...]:
        """What failed, in a form that two candidates can be compared by."""
        failed = tuple(c.failure for c in (*self.checks.failed, *self.holdout.failed, *self.flaky))
        return (self.setup_problem, *failed) if self.setup_problem else failed


@dataclass(frozen=True, kw_only=True)
class FileChanged:
    """One file of a change. None lines: not text."""

    path: str
    added: int | None
    removed: int | None


@dataclass(frozen=True, kw_only=True)
class Candidate:
    """The exact commit that is put forward as finished, and what it changes against the base."""

    commit: str
    commits: int  # on top of the base
    files: tuple[FileChanged, ...]  # the first MOST_FILES of them
    total: int  # files in all
    added: int  # lines in all, of text
    removed: int


@dataclass(frozen=True, kw_only=True)
class Shipped:
    """Where the candidate went."""

    commit: str
    branch: str
    target: str
    pushed_to: str | None
