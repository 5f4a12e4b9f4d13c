"""Brings what a sandbox is to see read-only to the other machine, and again when something came to it."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Sequence
from pathlib import Path

from fabrik.errors import SandboxBroken
from fabrik.sandboxes.ssh.connection import Connection, result
from fabrik.sandboxes.ssh.link import Closed, LinkLost
from fabrik.sandboxes.ssh.tree import Listing, listing, unchanged

_LARGEST = 1 << 26  # bytes of the list of files that are needed there
_BLOCK = 1 << 18
_TRIES = 3  # a tree may change while it is read


class _Changed(Exception):
    """A file is not what it was when the tree was listed."""


class Shown:
    """The read-only paths of one sandbox."""

    def __init__(self, paths: Sequence[Path]) -> None:
        self._paths = list(dict.fromkeys(paths))
        self._listings: dict[Path, Listing] = {}

    async def bring(self, connection: Connection) -> dict[str, str]:
        """Make sure that all is there as it is here now; each path with its digest.

        Raises SandboxBroken, also for a path that does not exist.
        """
        found: dict[str, str] = {}
        for path in self._paths:
            for attempt in range(_TRIES):
                tree = await asyncio.to_thread(self._look, path, anew=attempt > 0)
                try:
                    await _bring(connection, path, tree)
                except _Changed:
                    continue
                found[str(path)] = tree.digest
                break
            else:
                raise SandboxBroken("it changes while it is copied to the other machine", where=str(path))
        return found

    def _look(self, path: Path, *, anew: bool) -> Listing:
        known = self._listings.get(path)
        if known is not None and not anew and unchanged(known):
            return known
        try:
            found = self._listings[path] = listing(path)
        except OSError as error:
            raise SandboxBroken(
                f"it is to be visible in the sandbox and cannot be read: {error.strerror}",
                where=str(path),
                todo="check `read_only` in the configuration, or install the agent again",
            ) from error
        return found


async def _bring(connection: Connection, path: Path, tree: Listing) -> None:
    digest = tree.digest
    if digest in connection.trees:
        return
    said = await connection.ask("trees", [digest])
    if said.get("missing"):
        await _send(connection, path, tree)
    connection.trees.add(digest)


async def _send(connection: Connection, path: Path, tree: Listing) -> None:
    channel = connection.begin("tree")
    top = path.resolve()
    try:
        await channel.put({"digest": tree.digest, "of": str(path), "entries": tree.entries})
        for number in await channel.take(_LARGEST):
            entry = tree.entries[number] if isinstance(number, int) and number >= 0 else None
            if entry is None or entry[1] != "f":
                raise LinkLost("a file was asked for that is none")
            file = await asyncio.to_thread(_open, top / entry[0] if entry[0] else top)
            with os.fdopen(file, "rb") as content:
                status = os.fstat(file)
                if (status.st_size, status.st_mtime_ns) != (entry[3], entry[4]):
                    raise _Changed
                left = entry[3]
                while left:
                    block = content.read(min(_BLOCK, left))
                    if not block:
                        raise _Changed
                    left -= len(block)
                    await channel.send(block)
        result(await channel.closed(), connection.target)
    except (LinkLost, Closed) as problem:
        raise connection.broken(problem) from problem
    except (OSError, LookupError) as problem:
        raise _Changed from problem
    finally:
        channel.close()


def _open(path: Path) -> int:
    return os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC | os.O_NONBLOCK)
