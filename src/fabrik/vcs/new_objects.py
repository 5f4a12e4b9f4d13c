"""All that the commits between two of them bring in: messages and files, also those that are gone again."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

from fabrik.vcs.git import git

AT_ONCE = 16 << 20  # bytes that are read together; a larger file is not read
MOST = 100_000  # objects


@dataclass(frozen=True, kw_only=True)
class NewObject:
    """A commit, or one version of a file."""

    commit: str  # its id, for a commit; else empty
    path: str  # for a file
    content: bytes


async def new_objects(repo: Path, base: str, commit: str) -> AsyncIterator[NewObject]:
    """What is reachable from `commit` and not from `base`, the newest first. Raises VcsError."""
    listed = await git("rev-list", "--objects", f"--max-count={MOST}", commit, f"^{base}", repo=repo)
    names = {}
    for line in listed.splitlines():
        id, _, path = line.partition(b" ")
        names[id] = os.fsdecode(path)
    asked = b"".join(id + b"\n" for id in names)
    checked = await git("cat-file", "--batch-check", "--buffer", repo=repo, input=asked)
    batch: list[bytes] = []
    size = 0
    for line in checked.splitlines():
        id, kind, *rest = line.split()
        if kind not in (b"blob", b"commit") or int(rest[0]) > AT_ONCE:
            continue
        if batch and size + int(rest[0]) > AT_ONCE:
            async for found in _read(repo, batch, names):
                yield found
            batch, size = [], 0
        batch.append(id)
        size += int(rest[0])
    async for found in _read(repo, batch, names):
        yield found


async def _read(repo: Path, ids: list[bytes], names: dict[bytes, str]) -> AsyncIterator[NewObject]:
    if not ids:
        return
    output = await git("cat-file", "--batch", "--buffer", repo=repo, input=b"".join(id + b"\n" for id in ids))
    at = 0
    while at < len(output):  # git help cat-file, BATCH OUTPUT: <oid> <type> <size>\n<contents>\n
        end = output.index(b"\n", at)
        id, kind, size = output[at:end].split()
        content = output[end + 1 : end + 1 + int(size)]
        at = end + int(size) + 2
        said = id.decode() if kind == b"commit" else ""
        yield NewObject(commit=said, path=names[id], content=content)
