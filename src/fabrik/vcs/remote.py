"""What is at an address already: asked before a run starts whose result is to go there."""

from __future__ import annotations

from pathlib import Path

from fabrik.vcs.git import NETWORK_SECONDS, git


async def remote_branch(remote: str, branch: str, *, project: Path | None = None) -> str | None:
    """The commit that a branch is at over there; None where there is no such branch.

    remote: an address, or the name of a remote of `project`. Raises VcsError when it cannot be reached.
    """
    ref = f"refs/heads/{branch}"
    listed = await git(
        "ls-remote", "--quiet", "--", remote, ref,
        cwd=project, user_config=True, seconds=NETWORK_SECONDS, where=remote,
    )  # fmt: skip
    # A pattern also matches the end of longer names: refs/remotes/x/refs/heads/spec.
    ids = {
        name: commit
        for commit, _, name in (line.partition("\t") for line in listed.decode(errors="replace").splitlines())
    }
    return ids.get(ref)
