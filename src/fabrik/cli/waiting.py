"""A live line for as long as an agent is waited for that says nothing by itself."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress

from fabrik.cli import store, units
from fabrik.cli.screen import Screen
from fabrik.cli.text import one_line
from fabrik.errors import FabrikError

FRAME = 0.1  # seconds between two looks of the line
LOOK = 1.0  # seconds between two looks at the ledger


@contextmanager
def waiting(screen: Screen, what: str, run: str | None = None) -> Iterator[None]:
    """Show on a terminal what is waited for, and since when, while the block runs. Needs a running loop.

    run: the id of the run that works on it; when it waits for a provider in its turn, that is shown.
    """
    drawing = asyncio.create_task(_draw(screen, what, run)) if screen.live else None
    try:
        yield
    finally:
        if drawing:
            drawing.cancel()
        screen.clear()


async def _draw(screen: Screen, what: str, run: str | None) -> None:
    began = looked = time.monotonic()
    held_up = ""
    while True:
        now = time.monotonic()
        if run is not None and now - looked >= LOOK:
            looked, held_up = now, await asyncio.to_thread(_held_up, run)
        screen.status(f"{held_up or what} · {units.seconds(float(int(now - began)))}")
        await asyncio.sleep(FRAME)


def _held_up(run: str) -> str:
    """What the run waits for, and until when; "" when it does not."""
    event = None
    with suppress(FabrikError), store.reading() as ledger:  # who works on the run meets the same trouble
        event = ledger.last_event(run, ("wait", "session.started")) if ledger else None
    if event is None or event.kind != "wait":
        return ""
    until = float(event.data.get("until") or 0)
    return f"waits: {one_line(str(event.data.get('reason') or ''), 60)}, until {units.clock(until)}"
