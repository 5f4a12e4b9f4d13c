"""Containers that are still there: found by fabrik's own labels, and no others are ever touched."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence

from fabrik.errors import SandboxBroken
from fabrik.sandboxes.containers.arguments import LABEL, digest
from fabrik.sandboxes.containers.engine import Engine

_REMOVAL = 60.0  # seconds for an engine to remove containers
_PAUSE = 0.1


async def of_sandbox(engine: Engine, name: str) -> list[str]:
    """The containers of one sandbox. Raises SandboxBroken."""
    found = await engine.insist(
        "ps", "--all", "--no-trunc", "--filter", f"label={LABEL}={digest(name)}", "--format", "{{.Names}}"
    )
    return found.split()


async def remove(engine: Engine, names: Sequence[str]) -> None:
    """End and remove containers; those that are gone are fine. Raises SandboxBroken, naming the command."""
    if not names:
        return
    until = time.monotonic() + _REMOVAL
    while True:
        answer = await engine.ask("rm", "--force", "--volumes", *engine.remove, *names, seconds=_REMOVAL)
        if answer.status == 0 or _gone(answer.words):
            return
        if "already in progress" in answer.words and time.monotonic() < until:
            await asyncio.sleep(_PAUSE)  # the engine is at it, since the first process has ended
            continue
        raise SandboxBroken(
            f"containers cannot be removed: {answer.words}",
            where=engine.name,
            todo=f"remove them with: {engine.program} rm --force {' '.join(names)}",
        )


def _gone(words: str) -> bool:
    return "no such container" in words.lower() or "no container with name" in words.lower()
