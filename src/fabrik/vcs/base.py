"""The commit that a run starts from, in a bare repository that belongs to the host.

Only the history of that one commit is fetched: not the other branches, tags or stashes of the source, which
the agent would otherwise be able to read. Submodules are not fetched, and files of Git LFS stay the pointers
that the repository holds.
"""

from __future__ import annotations

import contextlib
import functools
import hashlib
import os
import re
from dataclasses import dataclass
from pathlib import Path

from fabrik.errors import DiskFull, UsageError, VcsError
from fabrik.vcs.git import NETWORK_SECONDS, git, run
from fabrik.vcs.lock import held
from fabrik.vcs.project import facts, resolve_ref
from fabrik.vcs.refs import past_old_locks
from fabrik.vcs.store import make_bare, object_format_of, refused

_COMMIT_ID = re.compile(r"[0-9a-f]{40}|[0-9a-f]{64}")
_SCP_LIKE = re.compile(r"(?:[^/:@\s]+@)?[^/:@\s]+:(?!//)\S+")


@dataclass(frozen=True, kw_only=True)
class Base:
    """Where a run's history begins."""

    repository: Path  # bare, owned by fabrik, shared by the runs of one project
    commit: str


def is_address(source: str) -> bool:
    """A source is an address for git to connect to (a URL, or host:path), rather than a path on this host."""
    return "://" in source or (not Path(source).exists() and _SCP_LIKE.fullmatch(source) is not None)


def ref_of(commit: str) -> str:
    """The ref that keeps a base commit alive."""
    return f"refs/fabrik/bases/{commit}"


def key_of(source: str) -> str:
    """The directory name of a source: readable, and one for each."""
    name = re.split(r"[/:]", source.rstrip("/").removesuffix("/.git").removesuffix(".git"))[-1]
    slug = re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-")[:40] or "project"
    return f"{slug}-{hashlib.sha256(os.fsencode(source)).hexdigest()[:12]}"


async def fetch_base(projects: Path, source: str, ref: str | None) -> Base:
    """Bring the commit that `ref` means in `source`, a path or an address, into a repository of fabrik's.

    Nothing is fetched when the commit is there already. Many processes may ask at once. With None, the commit
    that is checked out (or, at an address, the remote HEAD).
    Raises UsageError when there is no such source or commit, VcsError, DiskFull, EnvironmentProblem.
    """
    place = await locate(source, ref)
    return await _fetch(projects / key_of(place.source), place.source, place.commit, place.wanted)


@dataclass(frozen=True, kw_only=True)
class Place:
    """A commit somewhere, and what to ask for there."""

    source: str  # one for each repository: all its worktrees, and all paths to it, share it
    commit: str
    wanted: str


async def locate(source: str, ref: str | None) -> Place:
    """The commit that `ref` means in `source` now. Raises as `fetch_base`."""
    if source.startswith("-"):
        raise UsageError("this cannot be the path or address of a repository", where=source)
    if is_address(source):
        commit, wanted = await _remote_commit(source, ref)
        return Place(source=source, commit=commit, wanted=wanted)
    path = Path(source).expanduser().absolute()
    found = await facts(path)
    commit = await resolve_ref(found.root or found.common_dir, ref)
    return Place(source=str(found.common_dir.resolve()), commit=commit, wanted=commit)


async def _fetch(home: Path, source: str, commit: str, wanted: str) -> Base:
    repository = home / "base.git"
    base = Base(repository=repository, commit=commit)
    if await _has(base):
        return base
    try:
        home.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise refused(error, home) from error
    async with held(home / "lock"):
        await make_bare(repository, object_format=object_format_of(commit))
        if not await _has(base):
            _remove_halves(repository)  # of a process that was killed: here, nobody else is at work
            try:
                await bring(base, source, wanted)
            except DiskFull as error:
                raise DiskFull(
                    error.what, where=str(repository), todo="free some space, then start the run again"
                ) from error
            finally:
                _remove_halves(repository)
    return base


def _remove_halves(repository: Path) -> None:
    """Remove what git has begun to write and not finished: after a full disk it is what fills the disk."""
    objects = repository / "objects"
    for pattern in ("??/tmp_obj_*", "pack/tmp_*"):
        for half in objects.glob(pattern):
            with contextlib.suppress(OSError):
                half.unlink()


async def bring(base: Base, source: str, wanted: str) -> None:
    """Fetch a commit with its history into a bare repository that is there. Raises VcsError, DiskFull."""
    fetch = functools.partial(
        git,
        "fetch", "--quiet", "--no-tags", "--no-prune", "--no-recurse-submodules", "--no-write-fetch-head",
        "--no-auto-maintenance", "--no-write-commit-graph", "--update-shallow", "--refmap=",
        source, f"+{wanted}:{ref_of(base.commit)}",
        repo=base.repository, cwd=base.repository, user_config=True, seconds=NETWORK_SECONDS, where=source,
    )  # fmt: skip
    await past_old_locks(base.repository, fetch)
    if not await _has(base):
        raise VcsError(
            "the branch moved while it was fetched",
            where=source,
            todo="start the run again, or name a commit",
        )


async def _has(base: Base) -> bool:
    """The ref is written after git has checked that all of the commit's history is there."""
    if not base.repository.is_dir():
        return False
    output = await run(
        "rev-parse", "--verify", "--quiet", f"{ref_of(base.commit)}^{{commit}}", repo=base.repository
    )
    return output.status == 0 and output.stdout.decode().strip() == base.commit


async def _remote_commit(source: str, ref: str | None) -> tuple[str, str]:
    """The commit that a ref means at an address, and what to ask the server for."""
    if ref is not None and _COMMIT_ID.fullmatch(ref):
        return ref, ref
    names = ["HEAD"] if ref is None else [ref, f"refs/heads/{ref}", f"refs/tags/{ref}"]
    patterns = [*names, *(f"{name}^{{}}" for name in names)]
    listed = await git(
        "ls-remote", "--quiet", source, *patterns, user_config=True, seconds=NETWORK_SECONDS, where=source
    )
    ids = {
        name: commit
        for commit, _, name in (line.partition("\t") for line in listed.decode(errors="replace").splitlines())
    }
    for name in names:
        if name in ids:
            return ids.get(f"{name}^{{}}", ids[name]), name
    if ref is None:
        raise UsageError("this repository has no commit yet", where=source, todo="push something first")
    raise UsageError(
        f"there is no branch or tag {ref!r} there",
        where=source,
        todo="see what there is: git ls-remote; or give a commit's full id",
    )
