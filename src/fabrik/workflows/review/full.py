"""The full review of a candidate: prove it, have it reviewed, have the findings fixed, and again, bounded."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field

from fabrik.workflows.proving import Proven, Proving
from fabrik.workflows.results import VerificationResult
from fabrik.workflows.review.fixing import fix_all
from fabrik.workflows.review.model import Finding, Round
from fabrik.workflows.review.round import hold
from fabrik.workflows.review.subject import Subject, full_seats
from fabrik.workflows.work import Work

UNREVIEWED_ROUNDS = 2  # how often the host's own findings go back where there are no reviews


MARK = 300  # characters of a mark


@dataclass(frozen=True, kw_only=True)
class Reviewed:
    """A proven candidate with all that reviewers and host have to say of it."""

    proven: Proven
    round: Round
    left: tuple[str, ...] = ()  # why findings that are open could not be resolved
    questions: tuple[str, ...] = ()  # what the implementer asks the human

    @property
    def marks(self) -> tuple[str, ...]:
        """What speaks against the candidate, one line each; () where nothing does."""
        silent = (f"{said.reviewer} gave no verdict: {said.reason}" for said in self.round.silent)
        found = (f"{finding.id}: {finding.text}" for finding in self.round.findings)
        return tuple(" ".join(text.split())[:MARK] for text in (*found, *silent, *self.left, *self.questions))

    @property
    def excused(self) -> tuple[str, ...]:
        """Protected files whose change the spec asks for, by the verifier's word: for a human to see."""
        return tuple(said.path for said in self.round.asked if said.asked)


@dataclass(kw_only=True)
class Reviewing:
    """Numbers the rounds of a run."""

    work: Work
    proving: Proving
    failing_before: Collection[str]
    number: int = 0
    proven: Proven | None = None
    last: Round | None = None
    sent: set[str] = field(default_factory=set)  # ids of findings that went back to the implementer

    async def review(
        self, head: str, tree: str, open_before: Sequence[Finding], questions: Sequence[str] = ()
    ) -> Reviewed:
        """Take a commit to an approved candidate, or to where the rounds run out.

        open_before: what was not resolved before: findings of light reviews, a human's rejection.
        questions: of the implementer to the human, from what led here. Raises Stop.
        """
        review = self.work.context.review
        allowed = review.rounds if review else UNREVIEWED_ROUNDS
        sent_back = asked_again = 0
        left: dict[str, str] = {}
        asked = list(questions)
        earlier = tuple(open_before)
        while True:
            proven = self.proven
            if proven is None or proven.head != head:
                proven = self.proven = await self.proving.prove(head, tree)
                head, tree = proven.head, proven.tree
            found = self.last = await self._round(proven.verification, earlier, self.last)
            new = [finding for finding in found.findings if finding.id not in self.sent]
            if found.approved or (new and sent_back >= allowed):
                return self._ended(proven, found, left, asked)
            if not new:  # the same candidate gets no second throw of the dice, but who was silent is asked
                if not found.silent or asked_again >= allowed:
                    return self._ended(proven, found, left, asked)
                asked_again += 1
                continue
            sent_back += 1
            self.sent |= {finding.id for finding in new}
            fixed = await fix_all(
                self.work, new, head=head, tree=tree, failing_before=self.failing_before, last=True
            )
            left |= fixed.left
            asked += fixed.questions
            earlier = (*open_before, *found.findings)
            if fixed.tree == tree:
                if not found.silent:
                    return self._ended(proven, found, left, asked)
                asked_again += 1
            head, tree = fixed.head, fixed.tree

    @staticmethod
    def _ended(proven: Proven, found: Round, left: Mapping[str, str], questions: Sequence[str]) -> Reviewed:
        still = tuple(left[finding.id] for finding in found.findings if finding.id in left)
        return Reviewed(proven=proven, round=found, left=still, questions=tuple(questions))

    async def _round(
        self, verification: VerificationResult, earlier: Sequence[Finding], before: Round | None
    ) -> Round:
        self.number += 1
        ways = [("in a fresh clone, as they stand", verification.checks.checks)]
        if verification.restored:
            ways.append(("with the protected files of the base", verification.protected.checks))
        subject = Subject(
            kind="full",
            number=self.number,
            key=f"review#{self.number}",
            commit=verification.commit,
            base=self.work.base,
            task=None,
            checks=ways,
            held_out=len(verification.holdout.checks),
            tampers=verification.tampers,
            earlier=earlier,
        )
        return await hold(self.work, subject, full_seats(self.work), before)
