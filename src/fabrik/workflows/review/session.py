"""One session of a reviewer or of the verifier: it reads, and leaves a report; nothing else comes back."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from pathlib import Path

from fabrik.ledger.journal import StepContext
from fabrik.workflows.logs import seal
from fabrik.workflows.playing import REPORT, ReadySession, make_ready, play, tell
from fabrik.workflows.review.briefing import Repair, prompt_of
from fabrik.workflows.review.desk import Desk
from fabrik.workflows.review.document import DOCUMENT_BYTES
from fabrik.workflows.review.model import ReviewSession
from fabrik.workflows.review.readers import part_of
from fabrik.workflows.review.subject import Seat, Subject
from fabrik.workflows.work import Work


async def run_review_session(
    work: Work, step: StepContext, subject: Subject, desk: Desk, seat: Seat, repair: Repair | None
) -> ReviewSession:
    """Let one reviewer look at the commit. Raises SandboxBroken, VcsError, DiskFull."""
    logs = work.paths.step_logs(step.key, step.attempt)
    logs.mkdir(parents=True, exist_ok=True)
    ready = await _ready(work, step, subject, desk, seat, repair, logs)
    sandbox = ready.sandbox
    played = await play(work, step, seat.agent, ready, logs)
    ended, conclusion = played.ended, played.conclusion
    report, transcript, stderr = await asyncio.gather(
        sandbox.read_file(f"{sandbox.home}/{REPORT}", DOCUMENT_BYTES + 1),
        seal(logs / "stdout.log", work.paths.directory),
        seal(logs / "stderr.log", work.paths.directory),
    )
    step.tell("session.ended", cause=conclusion.cause, seconds=ended.seconds, detail=conclusion.detail)
    return ReviewSession(
        cause=conclusion.cause,
        detail=conclusion.detail,
        seconds=ended.seconds,
        transcript=transcript,
        stderr=stderr,
        report=None if report is None else report.decode("utf-8", "backslashreplace"),
        retry_at=conclusion.resets_at,
    )


async def _ready(
    work: Work,
    step: StepContext,
    subject: Subject,
    desk: Desk,
    seat: Seat,
    repair: Repair | None,
    logs: Path,
) -> ReadySession:
    """A ready session before the checkout: the one that was made ahead, told what it is about, if it fits."""
    made = await desk.readers.take(step.key, step.attempt)
    try:
        change = await desk.lay(logs)
        sandbox = made.sandbox if made else await desk.readers.reader(seat.id)
        prompt = prompt_of(work, subject, seat, change, sandbox, repair)
        part = replace(
            part_of(work, seat), prompt=prompt, files=change.files, commit=desk.commit, base=desk.base
        )
        told = tell(work, step.key, made, part, logs) if made else None
    except BaseException:
        if made:
            await made.discard()
        raise
    if told:
        return told
    if made:
        await made.discard()
    return await make_ready(work, step.key, sandbox, part, logs)
