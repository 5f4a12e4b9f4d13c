"""Server-sent events, as far as metering needs them: the data of each event, in bounded memory.

Format: https://html.spec.whatwg.org/multipage/server-sent-events.html (lines end in CR, LF or CRLF; the data
lines of one event are joined by LF; an empty line ends the event).
"""

from __future__ import annotations

import re

LONGEST_EVENT = 16 * 1024 * 1024  # bytes; a longer event is skipped, not kept

_LINE_END = re.compile(rb"\r\n|\n|\r")


class Events:
    """Splits a stream into the data of its events, whatever the chunks are."""

    __slots__ = ("_buffer", "_data", "_limit", "_searched", "_size", "_skipping", "_too_long")

    def __init__(self, limit: int = LONGEST_EVENT) -> None:
        self._limit = limit
        self._buffer = bytearray()  # the unfinished line
        self._searched = 0  # bytes of the buffer that hold no line end
        self._data: list[bytes] = []  # data lines of the unfinished event
        self._size = 0
        self._skipping = False  # inside a line that is too long
        self._too_long = False  # the unfinished event has lost a line

    def feed(self, chunk: bytes) -> list[bytes]:
        """The events that this chunk completes."""
        self._buffer += chunk
        events: list[bytes] = []
        start = 0
        search = self._searched
        while match := _LINE_END.search(self._buffer, search):
            if match.group() == b"\r" and match.end() == len(self._buffer):
                break  # perhaps the first half of CRLF
            self._line(bytes(self._buffer[start : match.start()]), events)
            start = search = match.end()
        if start:
            del self._buffer[:start]
        # A CR at the very end stays unsearched: what follows it decides.
        self._searched = len(self._buffer) - (1 if self._buffer.endswith(b"\r") else 0)
        if len(self._buffer) + self._size > self._limit:
            self._too_long = True
            self._skipping = bool(self._buffer)
            self._drop()
        return events

    def finish(self) -> list[bytes]:
        """The event that the stream's end leaves, if it is whole but for its empty line."""
        events: list[bytes] = []
        if self._buffer:
            self._line(bytes(self._buffer.rstrip(b"\r")), events)
            self._buffer.clear()
        self._end(events)
        return events

    def _drop(self) -> None:
        tail = b"\r" if self._buffer.endswith(b"\r") else b""
        self._buffer[:] = tail
        self._searched = 0
        self._data.clear()
        self._size = 0

    def _line(self, line: bytes, events: list[bytes]) -> None:
        if self._skipping:
            self._skipping = False  # the end of the line that was too long
            return
        if not line:
            self._end(events)
        elif line.startswith(b"data:"):
            data = line[5:].removeprefix(b" ")
            self._data.append(data)
            self._size += len(data)

    def _end(self, events: list[bytes]) -> None:
        if self._data and not self._too_long:
            events.append(b"\n".join(self._data))
        self._data.clear()
        self._size = 0
        self._too_long = False
