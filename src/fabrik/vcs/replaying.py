"""Commits put on top of another one, each by its author and with its message, as `git rebase` would."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path

from fabrik.vcs.git import git
from fabrik.vcs.merging import merge_trees
from fabrik.vcs.project import Identity


async def replay(
    repo: Path, base: str, commit: str, onto: str, identity: Identity, when: datetime
) -> str | None:
    """The commits after `base` up to `commit`, written anew on top of `onto` by `identity`: the last of them.

    None where one of them is a merge, or meets what `onto` has. Raises VcsError, DiskFull.
    """
    listed = await git("rev-list", "--reverse", "--topo-order", "--parents", f"{base}..{commit}", repo=repo)
    lines = [line.split() for line in listed.decode().splitlines()]
    if not lines or any(len(line) != 2 for line in lines):
        return None
    for one, parent in lines:
        merged = await merge_trees(repo, parent, onto, one)
        if merged.tree is None:
            return None
        onto = await _copy(repo, one, merged.tree, onto, identity, when)
    return onto


async def _copy(repo: Path, commit: str, tree: str, parent: str, identity: Identity, when: datetime) -> str:
    said = await git("show", "-s", "--date=raw", "--format=%an%x00%ae%x00%ad%x00%B", commit, repo=repo)
    name, email, date, message = said.split(b"\0", 3)
    env = {
        "GIT_AUTHOR_NAME": name.decode(errors="surrogateescape"),
        "GIT_AUTHOR_EMAIL": email.decode(errors="surrogateescape"),
        "GIT_AUTHOR_DATE": f"@{date.decode()}",
        "GIT_COMMITTER_NAME": identity.name,
        "GIT_COMMITTER_EMAIL": identity.email,
        "GIT_COMMITTER_DATE": f"@{int(when.timestamp())} +0000",
    }
    made = await git(
        "commit-tree", tree, "-p", parent, "-F", "-", repo=repo, input=message.rstrip() + b"\n", env=env
    )
    return made.decode().strip()
