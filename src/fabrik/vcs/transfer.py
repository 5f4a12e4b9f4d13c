"""Objects from a repository of fabrik's into the user's, without a ref: what a branch is moved to next."""

from __future__ import annotations

import asyncio
import tempfile
from pathlib import Path

from fabrik.vcs.checkout import Place
from fabrik.vcs.git import git, read_git
from fabrik.vcs.near import brought
from fabrik.vcs.store import refused

_LOOSE_OBJECTS = 100  # fewer are stored one by one, as git does (fetch.unpackLimit)


async def transfer(repo: Path, commit: str, have: str, place: Place, *, umask: int = -1) -> None:
    """Bring `commit`, and what it needs besides the history of `have`, which is there. Safe to repeat.

    The objects were checked when they came into `repo`. Raises VcsError, DiskFull.
    """
    try:
        if await brought(repo, commit, have, place, umask):
            return
    except OSError as error:
        raise refused(error, place.root) from error
    with tempfile.TemporaryFile(prefix="fabrik-pack-") as pack:

        async def take(stdout: asyncio.StreamReader) -> int:
            head = await stdout.readexactly(12)  # "PACK", a version, the number of objects
            pack.write(head)
            while block := await stdout.read(1 << 20):
                pack.write(block)
            return int.from_bytes(head[8:12], "big")

        asked = f"{commit}\n^{have}\n".encode()
        count = await read_git(
            "pack-objects", "--revs", "--stdout", "--quiet", "--delta-base-offset", repo=repo, take=take,
            input=asked,
        )  # fmt: skip
        pack.flush()
        pack.seek(0)
        store = ("unpack-objects", "-q") if count < _LOOSE_OBJECTS else ("index-pack", "--stdin")
        await git(*store, cwd=place.root, user_config=True, input=pack, where=str(place.root), umask=umask)
