"""A base for runs without a project: one empty commit, the same on every machine."""

from __future__ import annotations

from pathlib import Path

from fabrik.vcs.base import Base, ref_of
from fabrik.vcs.git import git
from fabrik.vcs.lock import held
from fabrik.vcs.refs import update_refs
from fabrik.vcs.store import make_bare, refused

_WHO = {
    f"GIT_{who}_{what}": value
    for who in ("AUTHOR", "COMMITTER")
    for what, value in (("NAME", "fabrik"), ("EMAIL", "fabrik@localhost"), ("DATE", "@0 +0000"))
}


async def empty_repository(home: Path) -> Base:
    """The repository with the empty commit, below `home`; made at first. Raises VcsError, DiskFull."""
    repository = home / "base.git"
    try:
        home.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise refused(error, home) from error
    async with held(home / "lock"):
        await make_bare(repository, object_format="sha1")
        tree = (await git("mktree", repo=repository, input=b"")).decode().strip()
        made = await git("commit-tree", tree, "-m", "Nothing", repo=repository, env=_WHO)
        commit = made.decode().strip()
        await update_refs(repository, {ref_of(commit): commit})
    return Base(repository=repository, commit=commit)
