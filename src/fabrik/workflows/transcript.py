"""Follows the transcript that an agent writes: blocks from the file, lines to the adapter, events out."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Sequence
from pathlib import Path

from fabrik.events import Said, SessionEvent, ToolCalled
from fabrik.workflows.known_secrets import redactor

BLOCK = 256 << 10
LONGEST_LINE = 2 << 20  # a longer line is dropped: no CLI's event is that long
BACKLOG = 4 << 20  # further behind than this, the reader jumps ahead: a flood is not worth the processor …
REJOIN = 1 << 20  # … to this many bytes before the end
ENDING = 4 << 20  # bytes before the end that are read in any case: the closing events are there
POLL = 0.1  # seconds between two looks …
POLL_FLOOD = 1.0  # … while more is written than anybody could read
KEPT = 2_000  # structural events kept for the conclusion


class TranscriptReader:
    """Reads a growing file in bounded memory, however much is written and however long the lines are."""

    def __init__(self, path: Path, parse: Callable[[bytes], Sequence[SessionEvent]]) -> None:
        self._path = path
        self._adapter = parse
        self._offset = 0
        self._partial = b""
        self._dropping = False
        self.structural: deque[SessionEvent] = deque(maxlen=KEPT)  # everything but what the model said

    def read(self, rejoin: int = REJOIN) -> list[SessionEvent]:
        """The events in what was written since the last call, at most BACKLOG bytes of it."""
        events: list[SessionEvent] = []
        with self._path.open("rb") as file:
            end = file.seek(0, 2)
            if end - self._offset > BACKLOG:
                self._offset, self._partial, self._dropping = end - rejoin, b"", True
            file.seek(self._offset)
            while block := file.read(BLOCK):
                self._offset += len(block)
                for line in self._lines(block):
                    events.extend(self._parse(line))
        self.structural.extend(event for event in events if not isinstance(event, Said | ToolCalled))
        return events

    def finish(self) -> list[SessionEvent]:
        """The rest, with a last line that has no newline."""
        events = self.read(ENDING)
        last = self._parse(self._partial) if self._partial and not self._dropping else ()
        self.structural.extend(event for event in last if not isinstance(event, Said | ToolCalled))
        return [*events, *last]

    def _lines(self, block: bytes) -> list[bytes]:
        *lines, rest = block.split(b"\n")
        if lines:
            lines[0] = self._partial + lines[0]
            if self._dropping:
                del lines[0]
            self._partial, self._dropping = rest, False
        elif not self._dropping:
            self._partial += rest
        if len(self._partial) > LONGEST_LINE:
            self._partial, self._dropping = b"", True
        return [line for line in lines if len(line) <= LONGEST_LINE]

    def _parse(self, line: bytes) -> Sequence[SessionEvent]:
        return self._adapter(redactor().whole(line))  # before the adapter shortens anything

    async def follow(self, report: Callable[[SessionEvent], None]) -> None:
        """Report events as they come, until cancelled."""
        pause = POLL
        while True:
            await asyncio.sleep(pause)
            before = self._offset
            if self._path.exists():
                for event in await asyncio.to_thread(self.read):
                    report(event)
            pause = POLL_FLOOD if self._offset - before > BACKLOG else POLL
