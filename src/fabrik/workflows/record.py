"""All that the ledger has about one run, with the results of its steps as values. All pages begin here."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, NamedTuple, TypeVar

from fabrik.ledger.codec import Mismatch, decode
from fabrik.workflows.context import RunContext
from fabrik.workflows.results import Candidate, ChecksResult, SessionResult, Shipped, VerificationResult
from fabrik.workflows.review.model import ReviewSession, Round

if TYPE_CHECKING:
    from fabrik.ledger.store import Ledger
    from fabrik.ledger.types import Feedback, Gate, ReviewReport, Run, Step, TaskReport
    from fabrik.usage import ModelCall

T = TypeVar("T")

REVIEW = re.compile(r"(?:task/(?P<task>.+)/)?review#(?P<number>\d+)(?:/(?P<reviewer>[^/]+)(?P<again>/.*)?)?")


class ReviewKey(NamedTuple):
    """What the key of a step of a review says."""

    task: str | None  # None: of the candidate
    number: int
    reviewer: str | None  # None: the step that sums the round up


def review_key(key: str) -> ReviewKey | None:
    """The parts of a review's step key; None for any other key."""
    found = REVIEW.fullmatch(key)
    if found is None:
        return None
    return ReviewKey(found["task"], int(found["number"]), found["reviewer"])


class RoundOf(NamedTuple):
    """A round of reviews, and where it belongs."""

    key: str
    task: str | None  # None: of the candidate
    round: Round


@dataclass(frozen=True, kw_only=True)
class RunRecord:
    """One run as the ledger has it. What does not fit this version of fabrik is left out and named."""

    run: Run
    steps: tuple[Step, ...]
    tasks: tuple[TaskReport, ...] = ()
    gates: tuple[Gate, ...] = ()
    reviews: tuple[ReviewReport, ...] = ()
    feedback: tuple[Feedback, ...] = ()
    calls: tuple[ModelCall, ...] = ()

    @cached_property
    def context(self) -> RunContext | None:
        """What the run was dispatched with; None where another version wrote it."""
        try:
            return decode(RunContext, self.run.context)
        except Mismatch:
            return None

    @cached_property
    def finished(self) -> tuple[Step, ...]:
        """The steps that have a result."""
        return tuple(step for step in self.steps if step.state == "finished")

    @cached_property
    def unread(self) -> tuple[str, ...]:
        """Keys of steps whose results do not fit this version."""
        known = {key for key, _ in (*self.candidates, *self.verifications, *self.sessions)}
        known |= {key for key, _ in self.review_sessions} | {found.key for found in self.rounds}
        return tuple(step.key for step in self.finished if _is_known_kind(step) and step.key not in known)

    @cached_property
    def baseline(self) -> ChecksResult | None:
        """The checks at the base commit."""
        return next((result for _, result in self._results("baseline", ChecksResult)), None)

    @cached_property
    def candidates(self) -> tuple[tuple[str, Candidate], ...]:
        """Every commit that was put forward, with the key of its step."""
        return tuple(self._results("candidate#", Candidate))

    @cached_property
    def verifications(self) -> tuple[tuple[str, VerificationResult], ...]:
        """Every verification, with the key of its step."""
        return tuple(self._results("verify#", VerificationResult))

    @cached_property
    def rounds(self) -> tuple[RoundOf, ...]:
        """Every round of reviews that was summed up, in order."""
        found = []
        for step in self.finished:
            key = review_key(step.key)
            if key and key.reviewer is None and (value := _value(Round, step)) is not None:
                found.append(RoundOf(step.key, key.task, value))
        return tuple(found)

    @cached_property
    def sessions(self) -> tuple[tuple[str, SessionResult], ...]:
        """The sessions of the implementer."""
        return tuple(
            (step.key, ran)
            for step in self.finished
            if _is_session(step) and not review_key(step.key) and (ran := _value(SessionResult, step))
        )

    @cached_property
    def review_sessions(self) -> tuple[tuple[str, ReviewSession], ...]:
        """The sessions of reviewers and of the verifier."""
        return tuple(
            (step.key, ran)
            for step in self.finished
            if _is_session(step) and review_key(step.key) and (ran := _value(ReviewSession, step))
        )

    @cached_property
    def shipped(self) -> Shipped | None:
        """Where the candidate went."""
        return next((result for _, result in self._results("ship", Shipped)), None)

    def candidate(self, commit: str | None) -> Candidate | None:
        """What is known of a commit that was put forward."""
        return next((found for _, found in reversed(self.candidates) if found.commit == commit), None)

    def verification(self, commit: str | None) -> VerificationResult | None:
        """The last proof of a commit."""
        return next((found for _, found in reversed(self.verifications) if found.commit == commit), None)

    def full_round(self, commit: str | None) -> Round | None:
        """The last full review of a commit. A verdict counts for the commit that it saw and no other."""
        found = (one.round for one in reversed(self.rounds) if one.task is None)
        return next((round_ for round_ in found if round_.commit == commit), None)

    def _results(self, prefix: str, kind: type[T]) -> Iterator[tuple[str, T]]:
        for step in self.finished:
            named = step.key.startswith(prefix) if prefix.endswith("#") else step.key == prefix
            if named and (value := _value(kind, step)) is not None:
                yield step.key, value


def read(ledger: Ledger, run: Run, *, calls: bool = False) -> RunRecord:
    """Everything about a run; its model calls only where they are asked for. Raises LedgerError."""
    return RunRecord(
        run=run,
        steps=tuple(ledger.steps(run.id)),
        tasks=tuple(ledger.task_reports(run.id)),
        gates=tuple(ledger.gates(run.id)),
        reviews=tuple(ledger.review_reports(run.id)),
        feedback=tuple(ledger.feedback(run.id)),
        calls=tuple(ledger.model_calls(run.id)) if calls else (),
    )


def _value(kind: type[T], step: Step) -> T | None:
    try:
        return decode(kind, step.result)
    except Mismatch:
        return None


def _is_session(step: Step) -> bool:
    return isinstance(step.result, dict) and "transcript" in step.result


def _is_known_kind(step: Step) -> bool:
    key = review_key(step.key)
    summary = key is not None and key.reviewer is None
    return _is_session(step) or summary or step.key.startswith(("candidate#", "verify#"))
