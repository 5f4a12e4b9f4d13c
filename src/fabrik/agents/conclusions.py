"""Why a session ended, decided once for all CLIs: from the events of the CLI's own and its exit status.

The adapters turn what their CLI reports into `Failed` and `SessionEnded`; nothing here or there looks at what
the model said or at what a tool printed.
"""

from __future__ import annotations

import json
import signal
from collections.abc import Sequence

from fabrik.agents.agent import Conclusion, Ending
from fabrik.agents.lines import count, mapping, one_line
from fabrik.events import Failed, SessionEnded, SessionEvent
from fabrik.outcome import Cause

TRANSIENT_4XX = frozenset({408, 409, 425})  # the vendors' own SDKs try these again


def cause_of_http(status: int) -> Cause:
    """The cause behind an HTTP status of a model API."""
    if status in (401, 403, 407):
        return Cause.AUTH
    if status == 429:
        return Cause.RATE_LIMITED
    if 400 <= status < 500 and status not in TRANSIENT_4XX:
        return Cause.BAD_REQUEST
    return Cause.OVERLOADED  # 5xx, 529; and an answer that is neither success nor error is a broken one


def http_in_json(body: str) -> int | None:
    """The HTTP status in an error body of the form {"error": {"code": 400}}, if there is one."""
    try:
        value = json.loads(body)
    except (ValueError, RecursionError):
        return None
    code = count(mapping(mapping(value).get("error")).get("code"))
    return code if code is not None and 400 <= code < 600 else None


def conclude(ending: Ending, events: Sequence[SessionEvent]) -> Conclusion:
    """The conclusion from an ending and the events, the same for every CLI.

    A failure that a later successful closing event followed was overcome and does not count.
    """
    failure: Failed | None = None
    resets_at: float | None = None
    closed = False
    for event in events:
        match event:
            case Failed():
                # A CLI that names the time of its reset often does so before its last word.
                earlier = resets_at if failure is not None and failure.cause == event.cause else None
                resets_at = event.resets_at if event.resets_at is not None else earlier
                failure, closed = event, False
            case SessionEnded(ok=True):
                failure, resets_at, closed = None, None, True
            case _:
                pass
    if failure is not None:
        return Conclusion(cause=failure.cause, detail=failure.detail, resets_at=resets_at)
    if ending.signal is not None:
        return Conclusion(cause=Cause.CRASHED, detail=f"ended by {signal_name(ending.signal)}")
    if ending.status == 0 and closed:
        return Conclusion(cause=Cause.ENDED)
    if ending.status == 0:
        return Conclusion(cause=Cause.CRASHED, detail="it exited without its closing event")
    detail = f"exit status {ending.status}"
    if last := last_line(ending.stderr_tail):
        detail = f"{detail}: {last}"
    return Conclusion(cause=Cause.CRASHED if events else Cause.NOT_STARTED, detail=detail)


def signal_name(number: int) -> str:
    """SIGKILL for 9, and a plain number for one without a name."""
    try:
        return signal.Signals(number).name
    except ValueError:
        return f"signal {number}"


def last_line(stderr: str) -> str:
    """The last line of stderr that says something. For the user's eyes only, nothing is decided by it."""
    lines = (one_line(line) for line in reversed(stderr.splitlines()))
    return next((line for line in lines if any(map(str.isalpha, line))), "")
