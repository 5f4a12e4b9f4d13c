"""Tells those who watch what an agent says and does, a few events a second at the most.

The transcript has everything; the ledger gets what a person can follow.
"""

from __future__ import annotations

import time

from fabrik.events import Retrying, Said, SessionEvent, ToolCalled
from fabrik.ledger.journal import StepContext

PER_SECOND = 4.0
AT_ONCE = 40.0  # what may come together, after a quiet time
TEXT = 500  # characters of what the model says


class Teller:
    """A step's voice, with an allowance that grows with time."""

    def __init__(self, step: StepContext) -> None:
        self._step = step
        self._allowance = AT_ONCE
        self._since = time.monotonic()

    def tell(self, event: SessionEvent) -> None:
        """Pass an event on, unless too many came lately or it is not for people."""
        now = time.monotonic()
        self._allowance = min(AT_ONCE, self._allowance + (now - self._since) * PER_SECOND)
        self._since = now
        if self._allowance < 1:
            return
        match event:
            case Said(text=text):
                self._step.tell("session.said", text=text[:TEXT])
            case ToolCalled(name=name, summary=summary):
                self._step.tell("session.tool", name=name[:100], summary=summary[:300])
            case Retrying(cause=cause, attempt=attempt):
                self._step.tell("session.retrying", cause=cause, attempt=attempt)
            case _:
                return
        self._allowance -= 1
