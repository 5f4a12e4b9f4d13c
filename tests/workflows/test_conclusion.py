"""Why a session ended, where the CLI and the gateway tell it differently."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from fabrik.agents.registry import load
from fabrik.events import Failed, SessionEnded
from fabrik.outcome import Cause
from fabrik.sandboxes.sandbox import Exit
from fabrik.usage import NOTHING, ModelCall
from fabrik.workflows.conclusion import conclude

GOOD = ModelCall(
    id=1,
    step="task/1/implement#1",
    protocol="anthropic",
    model="claude-sonnet-4-5",
    status=200,
    usage=NOTHING,
    price_table=None,
    attempts=1,
    seconds=1.0,
    outcome="ok",
)
BUSY = replace(GOOD, status=429, outcome="upstream_error", retry_at=5000.0)
BROKEN = replace(GOOD, status=529, outcome="upstream_error")
AWAY = replace(GOOD, status=0, outcome="upstream_error")
CUT = replace(GOOD, status=0, outcome="cut")
JUNK = replace(GOOD, outcome="upstream_error")
UNKNOWN_MODEL = replace(GOOD, status=404, outcome="upstream_error")
REFUSED = replace(GOOD, status=403, attempts=0, outcome="refused")
BUDGET = replace(GOOD, status=403, attempts=0, outcome="budget")
NO_KEY = replace(GOOD, status=401, attempts=0, outcome="no_key")


def cause(tmp_path: Path, said: Cause | None, *calls: ModelCall, **ended: Any) -> tuple[Cause, float | None]:
    """The conclusion from what the CLI says (None: that all is well) and from the calls."""
    how: dict[str, Any] = {
        "status": 0 if said is None else 1,
        "signal": None,
        "seconds": 1.0,
        "output_bytes": 0,
    }
    how |= ended
    events = [SessionEnded(ok=True)] if said is None else [Failed(cause=said, detail="it says so")]
    stderr = tmp_path / "stderr.log"
    stderr.touch()
    found = conclude(load("claude"), Exit(**how), events, stderr, calls)
    return found.cause, found.resets_at


@pytest.mark.parametrize(
    ("said", "calls", "expected"),
    [
        (None, [GOOD], Cause.ENDED),
        (None, [BUSY, GOOD, BROKEN], Cause.ENDED),  # it ended well all the same
        (Cause.OVERLOADED, [GOOD, BUSY], Cause.RATE_LIMITED),
        (Cause.CRASHED, [BUSY], Cause.RATE_LIMITED),
        (Cause.CRASHED, [BROKEN], Cause.OVERLOADED),
        (Cause.OVERLOADED, [AWAY], Cause.UNREACHABLE),
        (Cause.OVERLOADED, [CUT], Cause.OVERLOADED),
        (Cause.OVERLOADED, [JUNK], Cause.OVERLOADED),
        (Cause.CRASHED, [BUSY, GOOD], Cause.CRASHED),
        (Cause.CRASHED, [], Cause.CRASHED),
        # The gateway answered in the place of a provider that kept failing.
        (Cause.AUTH, [GOOD, BUSY, BUSY, BUSY, REFUSED], Cause.RATE_LIMITED),
        (Cause.BAD_REQUEST, [BROKEN, BROKEN, BROKEN, REFUSED, REFUSED], Cause.OVERLOADED),
        (Cause.BAD_REQUEST, [AWAY, AWAY, AWAY, REFUSED], Cause.UNREACHABLE),
        (Cause.BAD_REQUEST, [CUT, CUT, CUT, REFUSED], Cause.OVERLOADED),
        (Cause.BAD_REQUEST, [JUNK, JUNK, JUNK, REFUSED], Cause.OVERLOADED),
        # What the provider or the gateway refused for good stays that.
        (Cause.AUTH, [GOOD, replace(GOOD, status=401, outcome="upstream_error")], Cause.AUTH),
        (Cause.BAD_REQUEST, [UNKNOWN_MODEL], Cause.BAD_REQUEST),
        (Cause.BAD_REQUEST, [GOOD, REFUSED], Cause.BAD_REQUEST),
        (Cause.TURN_LIMIT, [BUSY], Cause.TURN_LIMIT),
        (Cause.REFUSED, [BROKEN], Cause.REFUSED),
        (Cause.AUTH, [GOOD, BUDGET], Cause.BUDGET),
        (Cause.AUTH, [NO_KEY], Cause.AUTH),
    ],
)
def test_the_cause(tmp_path: Path, said: Cause | None, calls: list[ModelCall], expected: Cause) -> None:
    assert cause(tmp_path, said, *calls)[0] is expected


def test_the_reset_is_the_last_one_that_was_named(tmp_path: Path) -> None:
    later = replace(BUSY, retry_at=6000.0)
    assert cause(tmp_path, Cause.AUTH, BUSY, later, REFUSED) == (Cause.RATE_LIMITED, 6000.0)
    assert cause(tmp_path, Cause.RATE_LIMITED, BUSY) == (Cause.RATE_LIMITED, 5000.0)
    assert cause(tmp_path, Cause.OVERLOADED, BROKEN) == (Cause.OVERLOADED, None)


def test_a_limit_of_the_session_outranks_what_it_says(tmp_path: Path) -> None:
    killed = {"status": None, "signal": 9, "stopped_by": "time"}
    assert cause(tmp_path, Cause.CRASHED, GOOD, CUT, **killed)[0] is Cause.TIMED_OUT
    assert cause(tmp_path, None, GOOD, BUDGET, **killed)[0] is Cause.BUDGET
