"""One session of a reviewer or of the verifier: it reads, and leaves a report; nothing else comes back."""

from __future__ import annotations

import asyncio

from fabrik.ledger.journal import StepContext
from fabrik.workflows.logs import seal
from fabrik.workflows.playing import REPORT, Part, make_ready, play
from fabrik.workflows.review.briefing import Repair, prompt_of
from fabrik.workflows.review.desk import Desk
from fabrik.workflows.review.model import ReviewSession
from fabrik.workflows.review.subject import Seat
from fabrik.workflows.work import Work

REPORT_BYTES = 1 << 20


async def run_review_session(
    work: Work, step: StepContext, desk: Desk, seat: Seat, repair: Repair | None
) -> ReviewSession:
    """Let one reviewer look at the commit. Raises SandboxBroken, VcsError, DiskFull."""
    subject = desk.subject
    logs = work.paths.step_logs(step.key, step.attempt)
    logs.mkdir(parents=True, exist_ok=True)
    change = await desk.lay(logs)
    sandbox = await desk.reader(seat.id)
    part = Part(
        agent=seat.agent,
        sealed=seat.sealed,
        role=seat.role,
        prompt=prompt_of(work, subject, seat, change, sandbox, repair),
        limits=work.review_limits,
        model=seat.model,
        reviewer=seat.id,
        commit=subject.commit,
        base=subject.base,
        files=change.files,
    )
    ready = await make_ready(work, step.key, sandbox, part, logs)
    played = await play(work, step, seat.agent, ready, logs)
    ended, conclusion = played.ended, played.conclusion
    report, transcript, stderr = await asyncio.gather(
        sandbox.read_file(f"{sandbox.home}/{REPORT}", REPORT_BYTES + 1),
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
