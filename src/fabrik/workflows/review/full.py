"""The full review of a candidate: prove it, have it reviewed, have the findings fixed, and again, bounded."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass

from fabrik.workflows.proving import Proven, Proving
from fabrik.workflows.results import VerificationResult
from fabrik.workflows.review.fixing import fix_all
from fabrik.workflows.review.model import Finding, Round
from fabrik.workflows.review.round import hold
from fabrik.workflows.review.subject import Subject, full_seats
from fabrik.workflows.work import Work

UNREVIEWED_ROUNDS = 2  # how often the host's own findings go back where there are no reviews


@dataclass(frozen=True, kw_only=True)
class Reviewed:
    """A proven candidate with all that reviewers and host have to say of it."""

    proven: Proven
    round: Round
    left: tuple[str, ...] = ()  # what the implementer says of findings that stay open

    @property
    def marks(self) -> tuple[str, ...]:
        """What speaks against the candidate, one line each; () where nothing does."""
        silent = (f"{said.reviewer} gave no verdict: {said.reason}" for said in self.round.silent)
        found = (f"{finding.id}: {finding.text}" for finding in self.round.findings)
        return tuple(" ".join(text.split())[:MARK] for text in (*found, *silent, *self.left))

    @property
    def excused(self) -> tuple[str, ...]:
        """Protected files whose change the spec asks for, by the verifier's word: for a human to see."""
        return tuple(said.path for said in self.round.asked if said.asked)


MARK = 300  # characters of a mark


@dataclass(kw_only=True)
class Reviewing:
    """Numbers the rounds of a run."""

    work: Work
    proving: Proving
    failing_before: Collection[str]
    number: int = 0

    async def review(self, head: str, tree: str, open_before: Sequence[Finding]) -> Reviewed:
        """Take a commit to an approved candidate, or to where the rounds run out.

        open_before: findings of light reviews that were not resolved. Raises Stop.
        """
        review = self.work.context.review
        allowed = review.rounds if review else UNREVIEWED_ROUNDS
        sent_back = 0
        left: tuple[str, ...] = ()
        found: Round | None = None
        proven: Proven | None = None
        earlier = tuple(open_before)
        while True:
            if proven is None or proven.head != head:
                proven = await self.proving.prove(head, tree)
                head, tree = proven.head, proven.tree
            found = await self._round(proven.verification, earlier, found)
            if found.approved or sent_back >= allowed:
                return Reviewed(proven=proven, round=found, left=left)
            sent_back += 1
            fixed = await fix_all(
                self.work,
                found.findings,
                head=head,
                tree=tree,
                failing_before=self.failing_before,
                last=True,
            )
            left, earlier = fixed.left, found.findings
            if fixed.tree == tree and not found.silent:  # the same candidate gets no second throw of the dice
                return Reviewed(proven=proven, round=found, left=left)
            head, tree = fixed.head, fixed.tree

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
