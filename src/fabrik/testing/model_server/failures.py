"""What can go wrong at a model API, on demand.

`times` is the number of requests that meet the failure before the next turn is played; None: all of them.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar


@dataclass(frozen=True, kw_only=True)
class Failure:
    """The base of all failures."""

    on_the_answer: ClassVar[bool] = False  # True: it happens to the next answer, a part of which is sent
    times: int | None = None


@dataclass(frozen=True, kw_only=True)
class HttpError(Failure):
    """An error status with the body (and headers) that the vendor sends with it."""

    status: int
    message: str | None = None  # None: the vendor's usual words
    retry_after: float | None = None  # seconds, in a Retry-After header
    resets_in: float | None = None  # seconds until the limit resets, in the vendor's own headers or details
    quota: bool = False  # with 429: used up for good, not only too fast
    echo_key: bool = False  # repeats the received key in the message, as careless services do


@dataclass(frozen=True, kw_only=True)
class Refused(Failure):
    """The connection is closed without a byte of an answer."""


@dataclass(frozen=True, kw_only=True)
class Cut(Failure):
    """The answer starts and its connection breaks."""

    on_the_answer = True
    after_events: int = 1  # whole server-sent events that still arrive (a plain body: half of it)
    after_bytes: int | None = None  # instead of after_events


@dataclass(frozen=True, kw_only=True)
class StreamError(Failure):
    """The answer starts well, and then the vendor reports an error inside the stream."""

    on_the_answer = True
    status: int = 529
    after_events: int = 1


@dataclass(frozen=True, kw_only=True)
class JunkStream(Failure):
    """One good event, then events that are not JSON (a plain body: broken JSON), all with status 200."""

    on_the_answer = True


@dataclass(frozen=True, kw_only=True)
class JunkBody(Failure):
    """Status 200 with a page of HTML, as from a proxy that wants a login."""


@dataclass(frozen=True, kw_only=True)
class Empty(Failure):
    """A well-formed answer with nothing in it."""


@dataclass(frozen=True, kw_only=True)
class Hang(Failure):
    """Nothing more comes until `ModelServer.release(hold)`; then the next answer is played to its end."""

    on_the_answer = True
    hold: str = "hang"
    after_events: int | None = None  # None: not even the status line comes
