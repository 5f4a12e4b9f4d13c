"""A commit that fabrik makes for itself: files of its own, and the committed files of other repositories.

It is how an agent gets a copy of a whole workspace: one repository, with one commit and no history.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import secrets
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path

from fabrik.vcs.base import Base, ref_of
from fabrik.vcs.git import git
from fabrik.vcs.lock import held
from fabrik.vcs.project import Identity
from fabrik.vcs.store import make_bare, refused


async def compose(
    projects: Path,
    name: str,
    *,
    parts: Mapping[str, Base],
    files: Mapping[str, bytes],
    identity: Identity,
    when: datetime,
    message: str,
) -> Base:
    """A commit with the files of each part below its path ("" is the top), and these files over them.

    name: what tells this composition from others; those of one name share a repository. parts: with SHA-1
    ids. Raises VcsError, DiskFull.
    """
    home = projects / f"composed-{hashlib.sha256(os.fsencode(name)).hexdigest()[:16]}"
    repository = home / "base.git"
    try:
        home.mkdir(parents=True, exist_ok=True)
        async with held(home / "lock"):
            await make_bare(repository, object_format="sha1")
            for part in parts.values():
                await _bring(repository, part)
            commit = await _commit(repository, parts, files, identity, when, message)
    except OSError as error:
        raise refused(error, home) from error
    return Base(repository=repository, commit=commit)


async def _bring(repository: Path, part: Base) -> None:
    """One commit without its history: only its files are wanted."""
    await git(
        "fetch", "--quiet", "--no-tags", "--no-recurse-submodules", "--no-write-fetch-head", "--depth=1",
        "--no-auto-maintenance", "--update-shallow", "--refmap=", f"file://{part.repository}",
        f"+{ref_of(part.commit)}:refs/fabrik/parts/{part.commit}", repo=repository, cwd=repository,
    )  # fmt: skip


async def _entries(repository: Path, commit: str, below: bytes) -> list[bytes]:
    """The files of a commit, as `git update-index --index-info` wants them."""
    listed = await git("ls-tree", "-r", "-z", "--full-tree", commit, repo=repository)
    found = []
    for entry in listed.split(b"\0"):
        if entry:
            facts, _, path = entry.partition(b"\t")
            found.append(facts + b"\t" + below + path + b"\0")
    return found


async def _commit(
    repository: Path,
    parts: Mapping[str, Base],
    files: Mapping[str, bytes],
    identity: Identity,
    when: datetime,
    message: str,
) -> str:
    index = repository / f"index-{secrets.token_hex(6)}"
    env = {"GIT_INDEX_FILE": str(index)}
    try:
        lines = []
        for path, part in sorted(parts.items()):
            lines += await _entries(repository, part.commit, os.fsencode(f"{path}/" if path else ""))
        for path, content in sorted(files.items()):
            made = await git("hash-object", "-w", "--stdin", repo=repository, input=content)
            lines.append(f"100644 {made.decode().strip()}\t".encode() + os.fsencode(path) + b"\0")
        await git("read-tree", "--empty", repo=repository, env=env)
        await git(
            "update-index", "--add", "--replace", "-z", "--index-info", repo=repository, env=env,
            input=b"".join(lines),
        )  # fmt: skip
        tree = (await git("write-tree", repo=repository, env=env)).decode().strip()
    finally:
        with contextlib.suppress(OSError):
            index.unlink(missing_ok=True)
    date = f"@{int(when.timestamp())} +0000"
    who = {"NAME": identity.name, "EMAIL": identity.email, "DATE": date}
    by = {f"GIT_{role}_{key}": value for role in ("AUTHOR", "COMMITTER") for key, value in who.items()}
    made = await git("commit-tree", tree, "-F", "-", repo=repository, input=message.encode(), env=by)
    commit = made.decode().strip()
    await git("update-ref", ref_of(commit), commit, repo=repository)
    return commit
