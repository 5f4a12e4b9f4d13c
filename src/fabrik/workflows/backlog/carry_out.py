"""One spec of a backlog, attempt after attempt, until it is verified or its attempts are used up."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from pathlib import Path

from fabrik.backlog import feedback
from fabrik.ledger.codec import decode
from fabrik.ledger.journal import StepContext
from fabrik.outcome import Verdict
from fabrik.vcs.checkout import Place
from fabrik.vcs.landing import Landing, Moved, advance
from fabrik.workflows.backlog.books import Books
from fabrik.workflows.backlog.claim import Examined
from fabrik.workflows.backlog.commands import shown
from fabrik.workflows.backlog.implementing import attempt
from fabrik.workflows.backlog.own_files import own_file_problems
from fabrik.workflows.backlog.proof import prove
from fabrik.workflows.backlog.repetition import Failure, Repetition, checks_failure
from fabrik.workflows.backlog.sealed import SealedBacklog
from fabrik.workflows.backlog.seed import take_over
from fabrik.workflows.backlog.verifier import ask
from fabrik.workflows.proving import put_forward
from fabrik.workflows.registry import Ended
from fabrik.workflows.results import Shipped, VerificationResult
from fabrik.workflows.review.subject import Subject
from fabrik.workflows.work import Stop, Work


async def carry_out(work: Work) -> Ended:
    """Take the spec to its done marker. Raises Stop when its attempts run out or a human is needed."""
    sealed = decode(SealedBacklog, work.context.order)
    books = Books(work=work, sealed=sealed)
    spec = _Spec(work=work, sealed=sealed, books=books)
    try:
        verified = await spec.verified()
    except Stop as stop:
        books.tell("spec_stopped", verdict=stop.verdict.value, why=stop.reason)
        raise
    await spec.finish(verified)
    return Ended(verdict=Verdict.DONE)


@dataclass(frozen=True, kw_only=True)
class _Verified:
    """What was verified, and by what."""

    attempt: int
    examined: Examined
    proof: VerificationResult
    output: str  # the end of what the verifier said


@dataclass(kw_only=True)
class _Spec:
    work: Work
    sealed: SealedBacklog
    books: Books
    refused: set[str] = field(default_factory=set)  # commits that were turned down for what is in them
    verifications: list[str] = field(default_factory=list)  # the text of verify.log
    feedback: str = ""
    last: str = ""  # why the last attempt failed, in one line
    failure: Failure | None = None  # … in a form that can be compared
    repetition: Repetition = field(default_factory=Repetition)

    async def verified(self) -> _Verified:
        """Attempts until one is verified. Raises Stop."""
        work, sealed = self.work, self.sealed
        head, tree = work.base, await work.repo.tree(work.base)
        allowance = sealed.attempts
        number = 0
        while True:
            number += 1
            if number > allowance:
                if not work.grants.take():
                    raise Stop(
                        Verdict.EXHAUSTED,
                        f"{sealed.spec} is not done after {_attempts(allowance)}; the last one: {self.last}",
                        met_again=True,
                    )
                allowance += sealed.attempts
            elif self.failure is not None and self.repetition.met(self.failure) and not work.grants.take():
                why = f"{sealed.spec}: the same failure three times: {self.last}"
                raise Stop(Verdict.EXHAUSTED, why, met_again=True)
            work.journal.tell_progress(f"attempt {number}/{allowance}")
            if number == 1 and sealed.candidate is not None:
                examined = await self._put_forward_before(sealed.candidate)
                compared_with = sealed.compared_with
            else:
                tried = await attempt(
                    work,
                    sealed,
                    self.books,
                    number,
                    head=head,
                    tree=tree,
                    feedback=self.feedback,
                    refused=self.refused,
                )
                head, tree, examined, compared_with = tried.head, tried.tree, tried.examined, None
            if examined.commit is None:
                self.feedback, self.last = examined.feedback, "; ".join(examined.problems)
                self.failure = Failure(kind=self.last, tree=tree)
                continue
            found = await self._verify(number, examined, compared_with)
            if found is not None:
                return found

    async def _put_forward_before(self, commit: str) -> Examined:
        """The candidate of an earlier go: what would land of it is looked at like any other commit."""
        problems: tuple[str, ...] = ()
        if await self.work.repo.commits(self.work.base, commit):
            problems = await own_file_problems(self.work, self.sealed, commit)
        if problems:
            why = f"the candidate {commit[:12]} is not taken: {'; '.join(problems)}"
            await self._note(1, why, "")
            told = feedback.commit_refused(problems)
            return Examined(commit=None, at=0.0, problems=(why,), feedback=told, output="")
        return Examined(commit=commit, at=0.0, problems=(), feedback="", output="")

    async def _verify(self, number: int, examined: Examined, compared_with: str | None) -> _Verified | None:
        """Prove a commit and have it verified; None when it is refused, and why is then kept."""
        work, commit = self.work, str(examined.commit)
        await put_forward(work, number, commit, compared_with)
        proof = await prove(work, self.sealed, number, commit)
        if not proof.ok:
            self.refused.add(commit)
            failed = [*proof.checks.failed, *proof.flaky]
            told = [(shown(check.run), check.how, check.tail) for check in failed]
            marks = [(check.failure, check.tail) for check in failed]
            if proof.setup_problem:
                told.append(("setup", proof.setup_problem, ""))
                marks.append((proof.setup_problem, ""))
            self.failure = checks_failure(marks, proof.tree)
            self.feedback = feedback.checks_failed(commit, told)
            self.last = "; ".join(proof.failures)
            await self._note(number, f"checks failed: {self.last}", self.feedback)
            return None
        if not self.sealed.seed and commit != self.sealed.candidate:
            await self._mark_candidate(number, examined)
        said = await ask(work, self.sealed, self.books, self._subject(number, commit, compared_with, proof))
        outcome = "yes" if said.yes else f"no: {'; '.join(said.issues) or said.reason}"
        if said.yes:
            await self._note(number, None, said.log)
            return _Verified(attempt=number, examined=examined, proof=proof, output=said.output)
        if said.issues:
            self.refused.add(commit)
        self.feedback = feedback.verifier_refused(commit, said.issues, said.reason)
        self.last = f"the verifier says {' '.join(outcome.split())[:300]}"
        self.failure = Failure(kind="verifier", output=outcome, tree=proof.tree)
        await self._note(number, outcome, said.log)
        return None

    async def _mark_candidate(self, number: int, examined: Examined) -> None:
        """Write the candidate marker: an implementer and the host say so, and nobody else yet."""

        async def write(_: StepContext) -> bool:
            self.books.candidate(number, str(examined.commit), examined.at, examined.output)
            self.books.tell("candidate", attempt=number, commit=examined.commit)
            return True

        await self.work.journal.step(f"marked#{number}", write, result=bool)

    def _subject(
        self, number: int, commit: str, compared_with: str | None, proof: VerificationResult
    ) -> Subject:
        ways = [("in a fresh clone, as they stand", proof.checks.checks)]
        if proof.restored:
            ways.append(("with the protected files of the base", proof.protected.checks))
        return Subject(
            kind="full",
            number=number,
            key=f"review#{number}",
            commit=commit,
            base=compared_with or self.work.base,
            task=None,
            checks=ways,
            tampers=proof.tampers,
        )

    async def _note(self, number: int, why: str | None, log: str) -> None:
        """Write down how a verification went, once."""
        head = f"=== attempt {number}: {'verified' if why is None else 'refused'} ==="
        text = "\n".join(filter(None, (head, log, f"--- {' '.join(why.split())[:500]}" if why else "")))
        self.verifications.append(text)

        async def write(step: StepContext) -> bool:
            self.books.verification(self.verifications)
            if why is None:
                self.books.tell("verified", attempt=number)
            else:
                one_line = " ".join(why.split())[:500]
                await step.event("warning", text=f"attempt {number} failed: {one_line}")
                self.books.tell("verification_failed", attempt=number, why=one_line)
            return True

        await self.work.journal.step(f"noted#{number}", write, result=bool)

    async def finish(self, verified: _Verified) -> None:
        """Bring what was verified to where it belongs, then mark the spec as done."""
        work, sealed, books = self.work, self.sealed, self.books
        commit = None if sealed.seed else str(verified.examined.commit)
        if commit is None:
            await self._take_over(verified.examined)
        else:
            await self._land(commit)

        async def mark(_: StepContext) -> bool:
            checks = verified.proof.checks.checks
            books.done(verified.attempt, commit, time.time(), checks, verified.output)
            alone = None if checks else "agents alone"
            books.tell("done", attempts=verified.attempt, commit=commit, checked_by=alone)
            return True

        await work.journal.step("done", mark, result=bool, inputs={"commit": commit})

    async def _take_over(self, examined: Examined) -> None:
        async def take(step: StepContext) -> bool:
            for remark in await take_over(self.work, self.sealed, self.books, examined):
                await step.event("warning", text=remark)
            self.books.tell("specs_written", specs=" ".join(examined.specs))
            return True

        await self.work.journal.step("specs", take, result=bool, inputs={"commit": examined.commit})

    async def _land(self, commit: str) -> None:
        """Move the branch, and what is checked out of it, to exactly this commit."""
        work, sealed = self.work, self.sealed
        place = Place(root=Path(str(sealed.root)), git_dir=Path(str(sealed.git_dir)))

        async def land(step: StepContext) -> Shipped:
            if await work.repo.commits(work.base, commit):
                landing = Landing(
                    branch=work.branch,
                    tip=work.base,
                    known=work.base,
                    commit=commit,
                    why=f"fabrik backlog: {sealed.spec}",
                )
                try:
                    await advance(work.repo.path, place, landing, work.run, umask=work.umask)
                except Moved as moved:
                    raise Stop(
                        Verdict.BLOCKED,
                        f"{moved.what} while {sealed.spec} was worked on, so {commit[:12]} cannot land;"
                        " `fabrik backlog run` begins it again from there",
                    ) from moved
            await step.event("shipped", branch=work.branch, commit=commit, target=work.project)
            return Shipped(commit=commit, branch=work.branch, target=work.project, pushed_to=None)

        await work.journal.step("ship", land, result=Shipped, inputs={"commit": commit})


def _attempts(number: int) -> str:
    return "1 attempt" if number == 1 else f"{number} attempts"
