"""Why a session ended, from all that the host knows: limits, the agent's own events, and its model calls."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from fabrik.agents.agent import Agent, Conclusion, Ending
from fabrik.events import SessionEvent
from fabrik.outcome import Cause
from fabrik.sandboxes.sandbox import Exit
from fabrik.usage import ModelCall
from fabrik.workflows.logs import redacted_end

STDERR_TAIL = 8 << 10  # bytes that the agent's adapter may look at
LIMIT_CAUSES = {
    "time": Cause.TIMED_OUT,
    "output": Cause.OUTPUT_LIMIT,
    "memory": Cause.MEMORY_LIMIT,
    "processes": Cause.PROCESS_LIMIT,
    "disk": Cause.DISK_LIMIT,
}

# What a CLI says when its provider fails; the gateway knows more exactly how it did.
DOUBTFUL = frozenset({Cause.CRASHED, Cause.RATE_LIMITED, Cause.OVERLOADED, Cause.UNREACHABLE})


def conclude(
    agent: Agent,
    ended: Exit,
    events: Sequence[SessionEvent],
    stderr: Path,
    calls: Sequence[ModelCall],
) -> Conclusion:
    """The cause. What the gateway refused outranks what the CLI made of the refusal."""
    if refusal := _refused_by_gateway(calls):
        return refusal
    if ended.stopped_by:
        return Conclusion(cause=LIMIT_CAUSES[ended.stopped_by], detail=f"its {ended.stopped_by} limit")
    if ended.status in (126, 127) and not events:
        said = redacted_end(stderr, 400).decode("utf-8", "replace").strip()
        return Conclusion(cause=Cause.NOT_STARTED, detail=f"exit status {ended.status}: {said}")
    tail = redacted_end(stderr, STDERR_TAIL).decode("utf-8", "replace")
    found = agent.conclude(Ending(status=ended.status, signal=ended.signal, stderr_tail=tail), tuple(events))
    return _with_calls(found, calls)


def _refused_by_gateway(calls: Sequence[ModelCall]) -> Conclusion | None:
    for call in calls:
        if call.outcome == "budget":
            return Conclusion(cause=Cause.BUDGET, detail=f"model call {call.id} was refused or cut")
        if call.outcome == "no_key":
            return Conclusion(cause=Cause.AUTH, detail="the host has no key for it")
    return None


def _with_calls(found: Conclusion, calls: Sequence[ModelCall]) -> Conclusion:
    """Sharpen what the CLI says of a failed provider by what the gateway saw.

    A provider that keeps failing is refused to the session in the end. The CLI tells of that refusal only;
    the call before it is the one that counts.
    """
    reached = [call for call in calls if call.outcome != "refused"]
    if not reached or reached[-1].outcome not in ("upstream_error", "cut"):
        return found
    last = reached[-1]
    gave_up = calls[-1].outcome == "refused" and found.cause in (Cause.BAD_REQUEST, Cause.AUTH)
    if not gave_up and found.cause not in DOUBTFUL:
        return found
    resets_at = found.resets_at if found.resets_at is not None else last.retry_at
    if gave_up:
        detail = (
            f"its last answer had the status {last.status}" if last.status >= 400 else "no answer made sense"
        )
        return Conclusion(cause=_cause_of(last) or Cause.OVERLOADED, detail=detail, resets_at=resets_at)
    return replace(found, cause=_cause_of(last) or found.cause, resets_at=resets_at)


def _cause_of(call: ModelCall) -> Cause | None:
    """Why a provider failed, where its status says so."""
    if call.outcome != "upstream_error":
        return None
    if call.status == 0:
        return Cause.UNREACHABLE
    if call.status == 429:
        return Cause.RATE_LIMITED
    return Cause.OVERLOADED if call.status >= 500 else None
