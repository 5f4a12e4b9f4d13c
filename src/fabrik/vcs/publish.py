"""A run's result as a branch: in the user's project, or at an address.

The project gets objects and one new branch, and nothing else of it changes: not its working tree, index,
HEAD, configuration or other refs. A branch is never moved: it is made, or it is there at that commit already.
"""

from __future__ import annotations

from pathlib import Path

from fabrik.errors import UsageError, VcsError
from fabrik.vcs.base import is_address
from fabrik.vcs.failures import GitFailed, failure
from fabrik.vcs.git import NETWORK_SECONDS, git, run

_ZERO = "0"


async def publish(repo: Path, commit: str, branch: str, target: str) -> None:
    """Put `commit` of `repo` on the branch `branch` of `target`, a project's path or an address.

    Doing it again is fine. Raises UsageError when the branch is at another commit, is checked out or cannot
    be made beside another branch; VcsError when the project is gone or git refuses; DiskFull.
    """
    if is_address(target):
        await _push(target, commit, branch, repo=repo)
    else:
        await _into_project(repo, commit, branch, Path(target))


async def push_to_remote(project: Path, branch: str, remote: str, commit: str) -> None:
    """Push a commit of the project to a branch of one of its remotes, as the user would, hooks included.

    Doing it again is fine. Raises UsageError when the branch is at another commit there; VcsError.
    """
    await _push(remote, commit, branch, cwd=project)


async def _into_project(repo: Path, commit: str, branch: str, project: Path) -> None:
    if not project.is_dir():
        raise VcsError(
            "the project is not there any more",
            where=str(project),
            todo=f"put it back, then resume; or fetch the result from {repo}",
        )
    if await _there_already(project, branch, commit):
        return
    # First the objects, without a ref; then the branch, only if nobody has made one meanwhile.
    await git(
        "fetch", "--quiet", "--no-tags", "--no-prune", "--no-recurse-submodules", "--no-write-fetch-head",
        "--no-auto-maintenance", "--update-shallow", "--refmap=", str(repo), commit,
        cwd=project, user_config=True, where=str(project),
    )  # fmt: skip
    try:
        await git(
            "update-ref", "--create-reflog", "-m", "fabrik: made by a run", f"refs/heads/{branch}", commit,
            _ZERO * len(commit), cwd=project, user_config=True, where=str(project),
        )  # fmt: skip
    except GitFailed as error:
        if await _there_already(project, branch, commit):
            return
        if "exists; cannot create" in error.stderr:
            raise UsageError(
                f"the branch {branch!r} cannot be made beside the branches that are there",
                where=str(project),
                todo="choose another name with --branch",
            ) from error
        raise


async def _there_already(project: Path, branch: str, commit: str) -> bool:
    """Is the branch at this commit? Raises UsageError when it is in the way."""
    ref = f"refs/heads/{branch}"
    output = await run("show-ref", "--verify", "--hash", ref, cwd=project, user_config=True)
    there = output.stdout.decode().strip() if output.status == 0 else None
    if there == commit:
        return True
    if "not a git repository" in output.stderr or "dubious ownership" in output.stderr:
        raise failure("show-ref", output.status, output.stderr, str(project))
    if there is not None:
        raise UsageError(
            f"the branch {branch!r} is there already, at {there[:12]} instead of {commit[:12]}",
            where=str(project),
            todo="choose another name with --branch, or rename yours: git branch -m",
        )
    listed = await git("worktree", "list", "--porcelain", cwd=project, user_config=True, where=str(project))
    if f"branch {ref}".encode() in listed.splitlines():
        raise UsageError(
            f"the branch {branch!r} is checked out there, without a commit",
            where=str(project),
            todo="choose another name with --branch",
        )
    return False


async def _push(
    remote: str, commit: str, branch: str, *, repo: Path | None = None, cwd: Path | None = None
) -> None:
    """Make the branch over there; the empty lease makes the server refuse when there is one."""
    ref = f"refs/heads/{branch}"
    output = await run(
        "push", "--porcelain", "--no-follow-tags", "--recurse-submodules=no", "--no-signed",
        f"--force-with-lease={ref}:", "--", remote, f"{commit}:{ref}",
        repo=repo, cwd=cwd, user_config=True, hooks=cwd is not None, seconds=NETWORK_SECONDS,
    )  # fmt: skip
    if output.status == 0:
        return
    said = output.stdout.decode(errors="replace")
    if "[rejected] (stale info)" in said:
        raise UsageError(
            f"the branch {branch!r} is there already, at another commit than {commit[:12]}",
            where=remote,
            todo="choose another name with --branch",
        )
    reasons = [line for line in said.splitlines() if line.startswith("!")]
    raise failure("push", output.status, "\n".join([output.stderr, *reasons]), remote)
