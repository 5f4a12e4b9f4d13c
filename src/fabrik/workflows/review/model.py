"""What reviews come to. The results of journaled steps: stored as JSON, a field's meaning never changes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from fabrik.ledger.types import ReviewKind, ReviewStatus
from fabrik.outcome import Cause
from fabrik.workflows.results import LogFile

EvidenceKind = Literal["check", "test", "code", "none"]


@dataclass(frozen=True, kw_only=True)
class Reported:
    """A reviewer's report that is well-formed and about the right commit."""

    approved: bool
    issues: tuple[str, ...] = ()  # never empty when it does not approve
    next: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Criterion:
    """One acceptance criterion and its evidence, as the verifier found it."""

    number: int  # 1 for the first of the spec
    text: str
    met: bool
    kind: EvidenceKind  # none: there is no evidence
    where: str  # the name of a check, or path or path:line in the candidate; "" for none
    why: str


@dataclass(frozen=True, kw_only=True)
class Asked:
    """What the verifier says of a protected file that was changed: does the spec ask for it?"""

    path: str
    asked: bool
    quote: str  # the words of the spec that ask for it; the host has found them there


@dataclass(frozen=True, kw_only=True)
class Verified:
    """A verifier's report that is well-formed, about the right commit, and names only what is there."""

    criteria: tuple[Criterion, ...]
    asked: tuple[Asked, ...] = ()
    issues: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class ReviewSession:
    """One session of a reviewer or of the verifier, as the host found it."""

    cause: Cause
    detail: str
    seconds: float
    transcript: LogFile
    stderr: LogFile
    report: str | None  # what it left as its report, as text; None: nothing
    retry_at: float | None


@dataclass(frozen=True, kw_only=True)
class Opinion:
    """What one reviewer said in a round, after retries and its one repair; or why it said nothing valid."""

    reviewer: str
    status: ReviewStatus
    issues: tuple[str, ...] = ()
    next: tuple[str, ...] = ()
    reason: str = ""  # why there is no verdict


@dataclass(frozen=True, kw_only=True)
class Finding:
    """Something that is to be changed: a task for the implementer until it is resolved."""

    id: str  # review-task-<reviewer>-<n>; n counts the reviewer's findings in the whole run
    reviewer: str
    text: str


@dataclass(frozen=True, kw_only=True)
class Round:
    """One round of reviews of one commit: the result of its summary step."""

    kind: ReviewKind
    number: int
    commit: str
    opinions: tuple[Opinion, ...]  # of everybody who was asked
    findings: tuple[Finding, ...]
    criteria: tuple[Criterion, ...] = ()  # of the full review: the verifier's table
    asked: tuple[Asked, ...] = ()

    @property
    def approved(self) -> bool:
        """Everybody approved this commit. Nobody asked is no approval."""
        return bool(self.opinions) and all(opinion.status == "approved" for opinion in self.opinions)

    @property
    def silent(self) -> tuple[Opinion, ...]:
        """Those who gave no verdict."""
        return tuple(opinion for opinion in self.opinions if opinion.status == "no_verdict")
