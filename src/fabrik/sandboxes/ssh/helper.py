"""What runs on the other machine: it makes sandboxes there with this room's own code, and answers the worker.

When the connection ends, however it ends, it ends everything that it started. Standard library, Python 3.9.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import shutil
import sys
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

from fabrik.sandboxes.ssh import older
from fabrik.sandboxes.ssh.link import Channel, Json, Link

_EVERY, _PATIENCE = 15.0, 90.0  # seconds between two signs of life, and until the worker counts as gone
_LARGEST = 1 << 28  # bytes of a request


def run(base: str) -> None:
    """Serve one worker on stdin and stdout, until the connection ends."""
    older.prepare()
    with contextlib.suppress(KeyboardInterrupt):
        asyncio.run(_serve(Path(base)))


async def _serve(base: Path) -> None:
    from fabrik.sandboxes.ssh.serving import Boxes

    loop = asyncio.get_running_loop()
    reader = asyncio.StreamReader()
    await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), os.fdopen(0, "rb", 0))
    # Nothing else may write where the worker listens.
    out = os.fdopen(os.dup(1), "wb", 0)
    os.dup2(2, 1)
    transport, protocol = await loop.connect_write_pipe(asyncio.streams.FlowControlMixin, out)
    writer = asyncio.StreamWriter(transport, protocol, reader, loop)
    boxes = Boxes(base)

    async def opened(channel: Channel, words: Json) -> None:
        await answer(boxes.answers(), channel, words)

    link = Link(reader, writer, first=2, opened=opened)
    boxes.link = link
    alive = asyncio.create_task(link.ping(_EVERY, _PATIENCE))
    tidy = asyncio.create_task(asyncio.to_thread(boxes.tidy))
    try:
        await link.serve()
    finally:
        alive.cancel()
        await boxes.close()
        await asyncio.gather(tidy, return_exceptions=True)


Answer = Callable[[Channel, Any], Awaitable[Json]]


async def answer(answers: dict[str, Answer], channel: Channel, words: Json) -> None:
    """Do what is asked and close the channel with the result, or with the error."""
    from fabrik.errors import DiskFull, FabrikError

    try:
        do = answers[str(words.get("do"))]
        channel.close({"ok": await do(channel, await channel.take(_LARGEST))})
    except FabrikError as problem:
        kind = "disk" if isinstance(problem, DiskFull) else "broken"
        channel.close({"error": kind, "what": problem.what, "where": problem.where, "todo": problem.todo})
    except (OSError, ValueError, LookupError, TypeError) as problem:
        channel.close({"error": "broken", "what": f"{type(problem).__name__}: {problem}"})


def found() -> dict[str, Any]:
    """What this machine has."""
    return {
        "python": sys.version.split()[0],
        "missing": [name for name in ("git", "tar", "sh", "du") if shutil.which(name) is None],
        "bwrap": shutil.which("bwrap") is not None,
        "root": os.geteuid() == 0,
    }
