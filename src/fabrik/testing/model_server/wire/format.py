"""What all protocols share: an answer ready to be written, server-sent events, the shape of a wire module."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from fabrik.testing.model_server.conversation import Conversation
from fabrik.testing.model_server.tools import NamedCall
from fabrik.usage import Usage

Json = dict[str, Any]


@dataclass(frozen=True, kw_only=True)
class Reply:
    """An answer with everything decided but the protocol."""

    id: str  # unique within a conversation
    model: str
    text: str
    calls: Sequence[NamedCall]
    usage: Usage  # as `stated` gives it
    states_usage: bool
    created: int  # seconds since the epoch


@dataclass(frozen=True, kw_only=True)
class Frame:
    """One server-sent event."""

    data: Mapping[str, Any] | str
    event: str | None = None

    def encode(self) -> bytes:
        """The event's bytes, with the empty line that ends it."""
        data = self.data if isinstance(self.data, str) else json.dumps(self.data, separators=(",", ":"))
        head = f"event: {self.event}\n" if self.event else ""
        return f"{head}data: {data}\n\n".encode()


class Wire(Protocol):
    """One protocol of a model API. The modules beside this one are its implementations."""

    def read(self, body: Json, model: str, stream: bool) -> Conversation:
        """The request; model and stream are those of the path, for protocols that say it there."""
        ...

    def stated(self, usage: Usage, conversation: Conversation) -> Usage:
        """What of a usage this protocol can say, in disjoint counts; unknown where nothing is sent."""
        ...

    def body(self, reply: Reply) -> Json:
        """The answer in one piece."""
        ...

    def frames(self, reply: Reply) -> list[Frame]:
        """The answer as a stream. The last frame that carries usage comes when all text has been sent."""
        ...

    def error_frame(self, error: Json) -> Frame:
        """An error in the middle of a stream, from the body that the same error has outside of one."""
        ...


def pieces(text: str, size: int = 24) -> Iterator[str]:
    """A text in the pieces in which it is streamed."""
    for start in range(0, len(text), size):
        yield text[start : start + size]


def dumps(arguments: Mapping[str, Any]) -> str:
    """Tool arguments as the string that some protocols want."""
    return json.dumps(arguments, separators=(",", ":"))


def known(count: int | None) -> int:
    """A count for the wire, where no field can say that it is unknown."""
    return count or 0
