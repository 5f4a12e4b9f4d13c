"""A branch that somebody else made, as a bundle: its own commits are kept apart from the project's history.

The shared base repository never holds them. It is what those who review the branch can read, and the messages
of its commits are the words of the party under review.
"""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from fabrik.errors import UsageError, VcsError
from fabrik.vcs.base import Base, bring, locate
from fabrik.vcs.git import git, run
from fabrik.vcs.incoming import MAX_BUNDLE
from fabrik.vcs.reading import diff_stat
from fabrik.vcs.store import copy_shallow, make_bare, object_format_of

_HEAD = "refs/heads/branch"
_USUAL = ("main", "master", "trunk", "develop")


@dataclass(frozen=True, kw_only=True)
class Branch:
    """A branch as it was when it was looked at."""

    tip: str
    fork: str  # the commit at which it left the base: the best merge base (git help merge-base)
    commits: int  # of its own
    changed: tuple[str, ...]  # paths
    lines: int  # added and removed, of text
    bundle: Path
    exposed: bool  # the base repository holds a commit of its own: another run of the project began there


async def default_base(project: Path, tip: str) -> str | None:
    """What a branch of a local project is compared with when nobody says: its default branch.

    Where the local one and that of the remote differ, the one that leaves less of the branch over: a local
    branch is often old, and a remote one behind what was not pushed. None: nothing tells. Raises VcsError.
    """
    found = await run(
        "for-each-ref", "--format=%(symref:short)", "refs/remotes/*/HEAD", cwd=project, user_config=True
    )
    remotes = [line for line in found.stdout.decode(errors="replace").splitlines() if "/" in line]
    configured = await run("config", "--get", "init.defaultBranch", cwd=project, user_config=True)
    usual = [*(remote.split("/", 1)[1] for remote in remotes), configured.stdout.decode().strip(), *_USUAL]
    for name in dict.fromkeys(filter(None, usual)):
        there = [
            f"refs/heads/{name}",
            *(f"refs/remotes/{one}" for one in remotes if one.endswith(f"/{name}")),
        ]
        known = [ref for ref in there if await _is_commit(project, ref)]
        if known:
            return await _nearest(project, known, tip)
    return None


async def _is_commit(project: Path, ref: str) -> bool:
    found = await run(
        "rev-parse", "--verify", "--quiet", "--end-of-options", f"{ref}^{{commit}}",
        cwd=project, user_config=True,
    )  # fmt: skip
    return found.status == 0


async def _nearest(project: Path, refs: Sequence[str], tip: str) -> str:
    counts = []
    for place, ref in enumerate(refs):
        counted = await git("rev-list", "--count", f"{ref}..{tip}", "--", cwd=project, user_config=True)
        counts.append((int(counted), place, ref))
    return min(counts)[2]


async def bundle_branch(base: Base, source: str, ref: str, aside: Path) -> Branch:
    """Fetch a branch from `source` and pack what it has on top of `base`; aside: a new directory for it.

    Raises UsageError when there is no such branch, it shares no history with the base, has nothing of its
    own, changes nothing or is too large; VcsError, DiskFull, EnvironmentProblem.
    """
    place = await locate(source, ref)
    repository = aside / "branch.git"
    await make_bare(
        repository,
        object_format=object_format_of(base.commit),
        alternates=(base.repository / "objects",),
        prepare=lambda made: copy_shallow(base.repository, made),
    )
    try:
        await bring(Base(repository=repository, commit=place.commit), place.source, place.wanted)
        fork = await _fork(repository, base.commit, place.commit, ref)
        stat = await diff_stat(repository, fork, place.commit)
        if not stat:
            raise UsageError(f"{ref} changes no file: there is nothing to review", where=place.commit[:12])
        own = await git("rev-list", f"{base.commit}..{place.commit}", "--", repo=repository)
        return Branch(
            tip=place.commit,
            fork=fork,
            commits=len(own.splitlines()),
            changed=tuple(file.path for file in stat),
            lines=sum((file.added or 0) + (file.removed or 0) for file in stat),
            bundle=await _bundle(repository, base.commit, place.commit, aside / "branch.bundle"),
            exposed=await _holds_any(base, own),
        )
    finally:
        shutil.rmtree(repository, ignore_errors=True)


async def _fork(repository: Path, base: str, tip: str, ref: str) -> str:
    found = await run("merge-base", base, tip, repo=repository)
    if found.status not in (0, 1):
        raise VcsError(f"git cannot compare the branch with its base: {found.stderr}", where=ref)
    fork = found.stdout.decode().strip()
    if found.status == 1:
        cut = (repository / "shallow").exists()
        raise UsageError(
            f"{ref} and the base {base[:12]} have no history in common",
            where=tip[:12],
            todo="this clone is shallow: git fetch --unshallow" if cut else "name another one with --base",
        )
    if fork == tip:
        what = "is the base itself" if tip == base else f"has nothing that the base {base[:12]} does not have"
        raise UsageError(
            f"{ref} {what}: there is nothing to review",
            where=tip[:12],
            todo="it may be merged already; name the branch it is to go to with --base",
        )
    return fork


async def _holds_any(base: Base, commits: bytes) -> bool:
    """Whether a base repository holds one of these commits, one id a line."""
    looked = await git("cat-file", "--batch-check", repo=base.repository, input=commits)
    return any(not line.endswith(b" missing") for line in looked.splitlines())


async def _bundle(repository: Path, base: str, tip: str, bundle: Path) -> Path:
    await git("update-ref", _HEAD, tip, repo=repository)
    await git("bundle", "create", "--quiet", str(bundle), _HEAD, f"^{base}", repo=repository)
    if (size := bundle.stat().st_size) > MAX_BUNDLE:
        raise UsageError(
            f"the branch has {size >> 20:,} MiB of its own, and {MAX_BUNDLE >> 20:,} MiB can be looked at",
            where=tip[:12],
            todo="review it in parts: name a commit on the way with --branch",
        )
    return bundle
