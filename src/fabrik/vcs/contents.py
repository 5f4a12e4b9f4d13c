"""Files by what is in them: their ids, and whether a repository has them under whatever name."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from pathlib import Path

from fabrik.vcs.git import git


def blob_id(content: bytes, commit: str) -> str:
    """The id that git gives a file's content (gitformat-pack(5)), by the hash that `commit` is made with."""
    digest = hashlib.sha256() if len(commit) == 64 else hashlib.sha1(usedforsecurity=False)
    digest.update(b"blob %d\0" % len(content))
    digest.update(content)
    return digest.hexdigest()


async def present(repository: Path, ids: Iterable[str]) -> set[str]:
    """Those of the objects that a repository of fabrik's has, in any commit. Raises VcsError."""
    wanted = sorted(set(ids))
    if not wanted:
        return set()
    listed = await git(
        "cat-file", "--batch-check=%(objectname)", repo=repository, input="\n".join(wanted).encode() + b"\n"
    )
    return set(listed.decode().split("\n")) & set(wanted)  # one that is not there: "<id> missing"
