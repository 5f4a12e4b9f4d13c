"""A live line for as long as something is waited for that says nothing by itself."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator
from contextlib import contextmanager

from fabrik.cli import units
from fabrik.cli.screen import Screen

FRAME = 0.1  # seconds between two looks of the line


@contextmanager
def waiting(screen: Screen, what: str) -> Iterator[None]:
    """Show on a terminal what is waited for, and since when, while the block runs. Needs a running loop."""
    drawing = asyncio.create_task(_draw(screen, what)) if screen.live else None
    try:
        yield
    finally:
        if drawing:
            drawing.cancel()
        screen.clear()


async def _draw(screen: Screen, what: str) -> None:
    began = time.monotonic()
    while True:
        screen.status(f"{what} · {units.seconds(float(int(time.monotonic() - began)))}")
        await asyncio.sleep(FRAME)
