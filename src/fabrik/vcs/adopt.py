"""A commit of one of fabrik's repositories, taken over by another: the work of an earlier run."""

from __future__ import annotations

from pathlib import Path

from fabrik.errors import VcsError
from fabrik.vcs.base import Base, ref_of
from fabrik.vcs.git import git, run


async def adopt(base: Base, source: Path, commit: str) -> bool:
    """Bring a commit of `source`, a repository of a run's, to where `base` is; False when it is not there.

    Raises DiskFull, EnvironmentProblem.
    """
    if not source.is_dir() or not await has_commit(source, commit):
        return False
    try:
        await git(
            "fetch", "--quiet", "--no-tags", "--no-recurse-submodules", "--no-write-fetch-head",
            "--no-auto-maintenance", "--update-shallow", "--refmap=", str(source),
            f"+{commit}:{ref_of(commit)}", repo=base.repository, cwd=base.repository,
        )  # fmt: skip
    except VcsError:
        return False
    return await has_commit(base.repository, commit)


async def has_commit(repository: Path, commit: str, *, user: bool = False) -> bool:
    """Whether exactly this id is a commit of a repository. user: it is the user's own."""
    asked = ("rev-parse", "--verify", "--quiet", "--end-of-options", f"{commit}^{{commit}}")
    output = await (run(*asked, cwd=repository, user_config=True) if user else run(*asked, repo=repository))
    return output.status == 0 and output.stdout.decode().strip() == commit


async def is_ancestor(repository: Path, older: str, newer: str) -> bool:
    """Whether a commit is in the history of another, or is the same. False when one is not there."""
    output = await run("merge-base", "--is-ancestor", older, newer, repo=repository)
    return output.status == 0


async def parent_of(repository: Path, commit: str) -> str | None:
    """The first parent of a commit; None where its history begins."""
    output = await run("rev-parse", "--verify", "--quiet", f"{commit}^1", repo=repository)
    return output.stdout.decode().strip() if output.status == 0 else None


async def contains(project: Path, older: str, newer: str) -> bool:
    """Whether `newer` of the user's repository has all of `older`; also when there is no `older` any more."""
    there = await run(
        "rev-parse", "--verify", "--quiet", f"{older}^{{commit}}", cwd=project, user_config=True
    )
    if there.status != 0:
        return True
    output = await run("merge-base", "--is-ancestor", older, newer, cwd=project, user_config=True)
    return output.status == 0
