"""What an agent CLI reports while it works, as plain values. Adapters make them, the workflow reads them."""

from __future__ import annotations

from dataclasses import dataclass

from fabrik.outcome import Cause
from fabrik.usage import Usage


@dataclass(frozen=True, kw_only=True)
class SessionStarted:
    """The CLI gave its session an id."""

    session_id: str


@dataclass(frozen=True, kw_only=True)
class Said:
    """Text of the model, for the human who watches. Never evidence of anything."""

    text: str


@dataclass(frozen=True, kw_only=True)
class ToolCalled:
    """The agent used a tool."""

    name: str
    summary: str  # one line: the command, the path


@dataclass(frozen=True, kw_only=True)
class Retrying:
    """The CLI itself retries a model call."""

    cause: Cause
    attempt: int


@dataclass(frozen=True, kw_only=True)
class Failed:
    """The CLI reports a failure of its own, in its own structure (not in model text)."""

    cause: Cause
    detail: str
    resets_at: float | None = None  # seconds since the epoch, where the provider named a time


@dataclass(frozen=True, kw_only=True)
class SessionEnded:
    """The CLI's own closing event. `ok` is what it says of the session, not of the work."""

    ok: bool
    usage: Usage | None = None  # as the CLI reports it; the gateway's metering is what counts


SessionEvent = SessionStarted | Said | ToolCalled | Retrying | Failed | SessionEnded
