"""A commit with some of its files replaced: made in the object store alone, no working tree is needed."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from fabrik.errors import VcsError
from fabrik.vcs.git import git


@dataclass(frozen=True, kw_only=True)
class Put:
    """What a path is to hold: an object that the repository has, or new content."""

    mode: str  # as in a tree: "100644", "120000", "160000"
    id: str | None = None
    content: bytes = b""  # where there is no id


async def overlay(repo: Path, commit: str, ref: str, put: Mapping[str, Put], remove: Sequence[str]) -> str:
    """The commit `commit` with other files, and nothing else about it changed; kept at refs/fabrik/<ref>.

    Author, message and parents stay, so that what looks at the history or at a clean working tree sees the
    same as before. What is in the way of a path that is put is replaced. The same input gives the same
    commit. Raises VcsError, DiskFull.
    """
    name = f"refs/fabrik/{ref}"
    await git(
        "fast-import", "--quiet", "--force", "--done", repo=repo, input=_stream(name, commit, put, remove)
    )
    tree = (await git("rev-parse", "--verify", f"{name}^{{tree}}", repo=repo)).decode().strip()
    made = await git(
        "hash-object", "-t", "commit", "-w", "--stdin",
        repo=repo, input=_with_tree(await git("cat-file", "commit", commit, repo=repo), tree),
    )  # fmt: skip
    changed = made.decode().strip()
    await git("update-ref", name, changed, repo=repo)
    return changed


def _stream(name: str, commit: str, put: Mapping[str, Put], remove: Sequence[str]) -> bytes:
    """The input of git-fast-import(1)."""
    parts = [f"commit {name}\ncommitter fabrik <> 0 +0000\ndata 0\nfrom {commit}\n".encode()]
    parts += [b"D %s\n" % _quoted(path) for path in remove]
    for path, file in sorted(put.items()):
        parts.append(f"M {file.mode} {file.id or 'inline'} ".encode() + _quoted(path) + b"\n")
        if file.id is None:
            parts.append(b"data %d\n%s\n" % (len(file.content), file.content))
    return b"".join([*parts, b"done\n"])


def _quoted(path: str) -> bytes:
    """A path in git's own quotes: any byte is fine."""
    escaped = os.fsencode(path).replace(b"\\", b"\\\\").replace(b'"', b'\\"').replace(b"\n", b"\\n")
    return b'"%s"' % escaped


def _with_tree(raw: bytes, tree: str) -> bytes:
    """A commit object with another tree. A signature goes: it is of what was there before."""
    header, separator, message = raw.partition(b"\n\n")
    if not header.startswith(b"tree ") or not separator:
        raise VcsError("git printed a commit that cannot be read")
    kept: list[bytes] = []
    dropping = False
    for line in header.split(b"\n")[1:]:
        dropping = line.startswith(b"gpgsig") or (dropping and line.startswith(b" "))
        if not dropping:
            kept.append(line)
    return b"\n".join([b"tree " + tree.encode(), *kept]) + separator + message
