"""Which branch is in the way of a new one: asked before a run starts whose result it is to hold."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from fabrik.vcs.git import NETWORK_SECONDS, git

_HEADS = "refs/heads/"


async def branch_in_the_way(project: Path, branch: str) -> str | None:
    """The branch of a repository, bare or not, that keeps one of this name from being made; None for none.

    Raises VcsError.
    """
    listed = await git(
        "for-each-ref", "--format=%(refname)", *(_HEADS + name for name in _with_parents(branch)),
        cwd=project, user_config=True, where=str(project),
    )  # fmt: skip
    return _blocking(branch, listed.decode(errors="replace").splitlines())


async def remote_branch_in_the_way(remote: str, branch: str, *, project: Path | None = None) -> str | None:
    """The same at an address, or at a remote of `project`. Raises VcsError when it cannot be reached."""
    names = [*_with_parents(branch), f"{branch}/*"]
    listed = await git(
        "ls-remote", "--quiet", "--", remote, *(_HEADS + name for name in names),
        cwd=project, user_config=True, seconds=NETWORK_SECONDS, where=remote,
    )  # fmt: skip
    return _blocking(
        branch, (line.partition("\t")[2] for line in listed.decode(errors="replace").splitlines())
    )


def _with_parents(branch: str) -> list[str]:
    """a/b/c, a/b, a: a branch is a file or a directory of them, and git has no room for both."""
    parts = branch.split("/")
    return ["/".join(parts[:count]) for count in range(len(parts), 0, -1)]


def _blocking(branch: str, refs: Iterable[str]) -> str | None:
    taken = set(_with_parents(branch))
    names = [ref.removeprefix(_HEADS) for ref in refs if ref.startswith(_HEADS)]
    return next((name for name in names if name in taken or name.startswith(f"{branch}/")), None)
