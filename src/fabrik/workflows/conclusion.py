"""Why a session ended, from all that the host knows: limits, the agent's own events, and its model calls."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from fabrik.agents.agent import Agent, Conclusion, Ending
from fabrik.events import SessionEvent
from fabrik.outcome import POLICIES, Cause
from fabrik.sandboxes.sandbox import Exit
from fabrik.usage import ModelCall
from fabrik.workflows.logs import read_end

STDERR_TAIL = 8 << 10  # bytes that the agent's adapter may look at
LIMIT_CAUSES = {
    "time": Cause.TIMED_OUT,
    "output": Cause.OUTPUT_LIMIT,
    "memory": Cause.MEMORY_LIMIT,
    "processes": Cause.PROCESS_LIMIT,
    "disk": Cause.DISK_LIMIT,
}


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
        said = read_end(stderr, 400).decode("utf-8", "replace").strip()
        return Conclusion(cause=Cause.NOT_STARTED, detail=f"exit status {ended.status}: {said}")
    tail = read_end(stderr, STDERR_TAIL).decode("utf-8", "replace")
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
    """Sharpen what the CLI says of a failed provider by what the gateway saw of the last call."""
    if POLICIES[found.cause].fault not in ("provider", "agent") or found.cause is Cause.ENDED or not calls:
        return found
    last = calls[-1]
    if last.outcome == "upstream_error" and last.status == 0:
        return Conclusion(cause=Cause.UNREACHABLE, detail=found.detail)
    if found.resets_at is None and last.retry_at is not None:
        return replace(found, resets_at=last.retry_at)
    return found
