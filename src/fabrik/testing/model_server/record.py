"""The exact log of what the server was asked and what it answered."""

from __future__ import annotations

import dataclasses
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from fabrik.usage import Usage, Vendor, WireProtocol

Kind = Literal["generate", "count", "models", "other"]
Outcome = Literal["open", "answered", "error", "refused", "cut", "junk", "left"]


@dataclass(frozen=True, kw_only=True)
class Call:
    """One request. While it is open, status and outcome are those of the moment at which it was read."""

    number: int  # in order of arrival, from 0
    kind: Kind
    vendor: Vendor  # by the path
    protocol: WireProtocol | None  # of requests for an answer
    method: str
    path: str  # as received, with the query
    model: str | None
    stream: bool
    prompt: str  # the last prompt of the conversation
    key: str | None = field(repr=False)  # as received
    headers: Mapping[str, str] = field(repr=False)  # names in lower case
    body: Any = field(repr=False)  # parsed JSON; None when there was none
    status: int | None = None  # None: no status line was sent
    outcome: Outcome = "open"  # "left": the client went away before the end
    usage: Usage | None = None  # stated to its end in an answer; None: nothing was
    retry_at: float | None = None  # the time that an error named, seconds since the epoch


class Log:
    """Calls in order of arrival, for readers in other threads."""

    def __init__(self) -> None:
        self._calls: list[Call] = []
        self._changed = threading.Condition()

    def add(self, make: Callable[[int], Call]) -> int:
        """Record a call made for the next number; gives that number."""
        with self._changed:
            number = len(self._calls)
            self._calls.append(make(number))
            self._changed.notify_all()
            return number

    def note(self, number: int, **changes: Any) -> None:
        """Record what became of a call."""
        with self._changed:
            self._calls[number] = dataclasses.replace(self._calls[number], **changes)
            self._changed.notify_all()

    @property
    def calls(self) -> tuple[Call, ...]:
        """A snapshot."""
        with self._changed:
            return tuple(self._calls)

    def wait_for(self, condition: Callable[[Sequence[Call]], bool], seconds: float) -> tuple[Call, ...]:
        """Wait until the calls fulfil the condition. Raises TimeoutError, which shows them."""
        deadline = time.monotonic() + seconds
        with self._changed:
            while not condition(self._calls):
                if not self._changed.wait(deadline - time.monotonic()):
                    seen = "\n".join(map(str, self._calls)) or "no calls at all"
                    raise TimeoutError(f"the model server saw after {seconds} s:\n{seen}")
            return tuple(self._calls)
