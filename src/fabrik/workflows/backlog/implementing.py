"""One attempt of the implementer: its session, and what the host finds of its claim."""

from __future__ import annotations

import time
from collections.abc import Collection
from dataclasses import dataclass

from fabrik.backlog.scratchpad import MOST_BYTES, NAME
from fabrik.ledger.journal import StepContext
from fabrik.outcome import Cause, Verdict
from fabrik.workflows import workspace
from fabrik.workflows.attempts import session
from fabrik.workflows.backlog import telling
from fabrik.workflows.backlog.answer import readable
from fabrik.workflows.backlog.books import Books
from fabrik.workflows.backlog.claim import Examined, examine
from fabrik.workflows.backlog.sealed import SealedBacklog
from fabrik.workflows.backlog.seed import examine_specs
from fabrik.workflows.logs import tail
from fabrik.workflows.results import SessionResult
from fabrik.workflows.work import GaveUp, Stop, Work

# No further attempt mends these. A session that crashed was tried several times in a row by then: going on
# would pay for as many again in every attempt.
SETUP = (Cause.NOT_STARTED, Cause.BAD_REQUEST, Cause.CRASHED)


@dataclass(frozen=True, kw_only=True)
class Attempted:
    """Where an attempt has led."""

    head: str  # where the next one begins
    tree: str
    examined: Examined


async def attempt(
    work: Work,
    sealed: SealedBacklog,
    books: Books,
    number: int,
    *,
    head: str,
    tree: str,
    feedback: str,
    refused: Collection[str],
) -> Attempted:
    """Let the implementer work, and examine what it claims.

    refused: commits that are not taken once more. Raises Stop when a human is needed.
    """
    name = f"implement-{number}"
    books_given = books.given_scratchpad(name)
    try:
        ran = await session(
            work,
            f"implement#{number}",
            role="implement" if number == 1 else "fix",
            head=head,
            tree=tree,
            prompt=telling.implement(work, sealed, number, feedback),
            message=f"{work.context.spec_title}\n\nFabrik-Run: {work.run}\nFabrik-Spec: {sealed.spec}",
            optional=True,
            files={NAME: books_given.encode()},
        )
    except GaveUp as gave_up:
        examined = await _gave_up(work, books, number, gave_up)
        return Attempted(head=head, tree=tree, examined=examined)

    async def look(step: StepContext) -> Examined:
        at = time.time()
        if sealed.seed:
            examined = await examine_specs(work, sealed, ran, at)
        else:
            examined = await examine(work, sealed, ran, refused, at)
        await _take_scratchpad(work, books, step, name)
        books.implementation(number, _log(work, sealed, number, ran, examined))
        for remark in examined.remarks:
            await step.event("warning", text=remark)
        if examined.problems:
            await step.event("warning", text=f"attempt {number} failed: {'; '.join(examined.problems)}")
            books.tell("implementation_failed", attempt=number, why="; ".join(examined.problems))
        return examined

    inputs = {"head": ran.head, "transcript": ran.transcript.sha256}
    examined = await work.journal.step(f"claim#{number}", look, result=Examined, inputs=inputs)
    if examined.problems and ran.says == "blocked" and ran.question and not work.grants.take():
        raise Stop(Verdict.BLOCKED, f"{sealed.spec} needs an answer: {ran.question}", met_again=True)
    return Attempted(head=ran.head, tree=ran.tree, examined=examined)


async def _gave_up(work: Work, books: Books, number: int, gave_up: GaveUp) -> Examined:
    """A failed attempt; but one whose session cannot start, or crashed again and again, needs a human."""
    if (gave_up.cause is None or gave_up.cause in SETUP) and not work.grants.take():
        verdict = Verdict.EXHAUSTED if gave_up.cause is None else Verdict.BLOCKED
        todo = ": see its log, then run it again" if gave_up.cause is Cause.CRASHED else ""
        raise Stop(verdict, f"{gave_up.what}{todo}", met_again=True)

    async def note(step: StepContext) -> Examined:
        await step.event("warning", text=f"attempt {number} failed: {gave_up.what}")
        books.implementation(number, f"The session failed: {gave_up.what}")
        books.tell("implementation_failed", attempt=number, why=gave_up.what)
        return Examined(
            commit=None, at=time.time(), problems=(gave_up.what,), feedback=gave_up.what, output=""
        )

    return await work.journal.step(f"claim#{number}", note, result=Examined)


async def _take_scratchpad(work: Work, books: Books, step: StepContext, name: str) -> None:
    """Take back what stands in the session's HOME, which is there until the next session."""
    if not (work.paths.sandboxes / workspace.AGENTS).exists():
        return
    sandbox = await workspace.open_sandbox(work, workspace.AGENTS)
    left = await sandbox.read_file(f"{sandbox.home}/{NAME}", MOST_BYTES + 1)
    if remark := books.take_scratchpad(name, left):
        await step.event("warning", text=remark)


def _log(work: Work, sealed: SealedBacklog, number: int, ran: SessionResult, examined: Examined) -> str:
    directory = work.paths.directory
    errors = tail(directory / ran.stderr.path)
    found = [f"refused: {problem}" for problem in examined.problems] or [
        f"candidate: {examined.commit}" if not sealed.seed else f"new specs: {', '.join(examined.specs)}"
    ]
    parts = [
        f"spec {sealed.spec}, attempt {number}, run {work.run}",
        f"transcript {directory / ran.transcript.path}",
        f"session: {ran.cause}{f' ({ran.detail})' if ran.detail else ''}, {ran.seconds:.1f} s",
        "",
        readable(work.agent, directory / ran.transcript.path),
        *(["", "--- stderr ---", errors] if errors else []),
        "",
        "--- found by the host ---",
        *found,
        *examined.remarks,
    ]
    return "\n".join(parts)
