"""Bringing a commit into the user's checkout: branch, index and files follow, and what is theirs stays.

Everything is looked at before anything is changed, under the locks that git itself takes. Files are written
aside and renamed, the index is replaced as a whole, the branch is moved last: whoever is killed in between
does it all again, and finds each file either as it was or as it is to be. No hook of the user's is run.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import shutil
from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from fabrik.errors import UsageError, VcsError
from fabrik.vcs.changes import between
from fabrik.vcs.checkout import QUIET, Place, few, place_of_branch, refuse_unfinished, standing
from fabrik.vcs.files_there import Seen, look, take_away, take_away_empty
from fabrik.vcs.git import git
from fabrik.vcs.index_file import indexed
from fabrik.vcs.index_lock import index_held
from fabrik.vcs.landing_plan import Entry, Indexed, Plan, Wanted, plan
from fabrik.vcs.ref_held import Moved, move_ref, ref_held
from fabrik.vcs.store import refused
from fabrik.vcs.transfer import transfer

__all__ = ["InTheWay", "Landing", "Moved", "advance"]

_MANY = 300  # paths on one command line
_ASIDE = "fabrik-landing"  # in the git directory of the working tree


class InTheWay(UsageError):
    """Files of the user's are as no commit has them, and the work changes the same. Nothing was touched."""

    def __init__(self, paths: Sequence[str], where: str) -> None:
        super().__init__(
            f"{few(paths)} {'has' if len(paths) == 1 else 'have'} changes here that are not committed,"
            " and the work changes the same",
            where=where,
            todo="commit, stash or move them, then resume: the work is kept and lands then",
        )
        self.paths = tuple(paths)


@dataclass(frozen=True, kw_only=True)
class Landing:
    """A commit that is to be where the branch is."""

    branch: str
    tip: str  # where the branch is expected to be
    known: str  # a commit or tree: the working tree as the work began with it
    commit: str
    why: str  # for the reflog, one line
    tag: str = ""  # to be made at the commit when the branch moves; left out where that cannot be


async def advance(repo: Path, place: Place, landing: Landing, owner: str, *, umask: int = -1) -> bool:
    """Move a branch of the user's from `tip` to `commit`, and what is checked out of it along.

    repo: fabrik's repository, which has all of the commits. place: the working tree where the work began.
    owner: who does it; a lock that the same owner has left behind is taken over. umask: the user's.
    Returns whether the branch is checked out anywhere; where it is not, only its ref is moved. Doing it again
    is fine, also after a kill in the middle.

    Raises Moved when the branch is somewhere else, InTheWay, UsageError in the middle of a merge or
    the like, VcsError (also where another git works there for long), DiskFull. Nothing has changed then.
    """
    async with _checked_out(place, landing.branch, owner) as (there, tip):
        if tip == landing.commit:  # the branch is moved last: all of it was done before
            return there is not None
        if tip != landing.tip:
            raise Moved(landing.branch, tip, str(place.root))
        bringing = transfer(repo, landing.commit, landing.tip, place, umask=umask)
        if there is None:
            await bringing
            await move_ref(place, landing.branch, landing.tip, landing.commit, landing.why, tag=landing.tag)
            return False
        wanted, _ = await asyncio.gather(_wanted(repo, landing), bringing)
        refuse_unfinished(there)
        todo = await _plan(there, wanted, len(landing.commit) // 2)
        if todo.in_the_way:
            raise InTheWay(todo.in_the_way, str(there.root))
        moving = (landing.branch, landing.tip, landing.commit, landing.why)
        async with ref_held(there, *moving, tag=landing.tag):
            try:
                await _apply(there, todo, umask)
            except OSError as error:
                raise refused(error, there.root) from error
        return True


@contextlib.asynccontextmanager
async def _checked_out(
    place: Place, branch: str, owner: str
) -> AsyncIterator[tuple[Place | None, str | None]]:
    """The working tree with that branch, its index locked while it is used; and where the branch is."""
    async with contextlib.AsyncExitStack() as held:
        await held.enter_async_context(index_held(place.index, owner))
        here, tip = await standing(place, branch)
        if here:
            yield place, tip
            return
        await held.aclose()
        other = await place_of_branch(place, branch)
        if other is not None:
            await held.enter_async_context(index_held(other.index, owner))
        yield other, (await standing(place, branch))[1]


async def _wanted(repo: Path, landing: Landing) -> list[Wanted]:
    """The paths that differ from the commit, at the tip or in what was known."""
    by_tip = await _differences(repo, landing.tip, landing.commit)
    by_known = by_tip
    if landing.known != landing.tip:
        by_known = await _differences(repo, landing.known, landing.commit)
    found = []
    for path in dict.fromkeys([*by_tip, *by_known]):
        new = by_tip[path][1] if path in by_tip else by_known[path][1]
        tip = by_tip[path][0] if path in by_tip else new
        known = by_known[path][0] if path in by_known else new
        found.append(Wanted(path=path, tip=tip, known=known, new=new))
    return found


async def _differences(repo: Path, old: str, new: str) -> dict[str, tuple[Entry, Entry]]:
    return {change.path: (change.before, change.after) for change in await between(repo, old, new)}


async def _plan(place: Place, wanted: Sequence[Wanted], id_bytes: int) -> Plan:
    has = await _indexed(place, [one.path for one in wanted], id_bytes)
    seen = Seen(place)
    asked = {one.path: (one.known, one.new) for one in wanted}
    found, inside = await asyncio.to_thread(look, seen, asked)
    found |= await seen.filtered(asked, found)
    return plan(wanted, has, found, inside)


async def _indexed(place: Place, paths: Sequence[str], id_bytes: int) -> dict[str, Indexed]:
    """What the index has for these paths: `git ls-files --stage -v` prints `H 100644 <id> 0\\t<path>`."""
    near = indexed(place.index, paths, id_bytes)
    if near is not None:
        return near
    found: dict[str, Indexed] = {}
    for start in range(0, len(paths), _MANY):
        listed = await git(
            *QUIET, "ls-files", "--stage", "-v", "-z", "--", *paths[start : start + _MANY],
            cwd=place.root, user_config=True, env={"GIT_LITERAL_PATHSPECS": "1"}, where=str(place.root),
        )  # fmt: skip
        for record in listed.split(b"\0"):
            if record:
                facts, _, path = record.partition(b"\t")
                tag, mode, at, stage = facts.decode().split(" ")
                found[os.fsdecode(path)] = Indexed(
                    entry=(mode, at), absent=tag in "Ss", unmerged=stage != "0"
                )
    return found


async def _apply(place: Place, todo: Plan, umask: int) -> None:
    """Write the files aside, then everything in its place: files first, then the index."""
    aside = place.git_dir / _ASIDE
    shutil.rmtree(aside, ignore_errors=True)  # of somebody who was killed: the index is locked by us
    aside.mkdir()
    try:
        index, files = aside / "index", aside / "files"
        files.mkdir()
        if place.index.exists():
            shutil.copy2(place.index, index)
        env = {"GIT_INDEX_FILE": str(index)}
        await _change_index(place, todo, env, umask)
        await _write_aside(place, todo.write, files, env, umask)
        await asyncio.to_thread(_put_in_place, place, todo, files, umask)
        await _refresh(place, env)
        _sync(index)
        index.rename(place.index)
    finally:
        shutil.rmtree(aside, ignore_errors=True)


async def _change_index(place: Place, todo: Plan, env: Mapping[str, str], umask: int) -> None:
    if not todo.index:
        return
    # A file that becomes a directory, or the other way round: what goes must go first.
    ordered = sorted(todo.index.items(), key=lambda item: item[1] is not None)
    null = "0" * len(next((entry[1] for entry in todo.index.values() if entry), "0" * 40))
    lines = b"".join(
        f"{entry[0] if entry else 0} {entry[1] if entry else null}\t".encode() + os.fsencode(path) + b"\0"
        for path, entry in ordered
    )
    await _git(place, "update-index", "--add", "-z", "--index-info", env=env, input=lines, umask=umask)
    if todo.absent:
        await _git(
            place, "update-index", "--skip-worktree", "-z", "--stdin", env=env, input=_listed(todo.absent)
        )


async def _write_aside(
    place: Place, paths: Sequence[str], files: Path, env: Mapping[str, str], umask: int
) -> None:
    """Check the files out into an empty directory: attributes and filters count as in the working tree."""
    if not paths:
        return
    there = {"GIT_DIR": str(place.git_dir), "GIT_WORK_TREE": str(files)}
    await git(
        *QUIET, "checkout-index", "--force", "--quiet", "-z", "--stdin",
        cwd=files, user_config=True, env={**env, **there}, input=_listed(paths), where=str(place.root),
        umask=umask,
    )  # fmt: skip


def _put_in_place(place: Place, todo: Plan, files: Path, umask: int) -> None:
    for path in sorted(todo.remove, reverse=True):
        take_away(place.root, path)
    for path in todo.write:
        target = place.root / path
        _make_parents(place.root, target.parent, umask)
        if target.is_dir() and not target.is_symlink():
            take_away_empty(target)
        _move(files / path, target)
    for path in todo.submodules:
        _make_parents(place.root, place.root / path, umask)


def _make_parents(root: Path, directory: Path, umask: int) -> None:
    missing = []
    while directory != root and not directory.is_dir():
        missing.append(directory)
        directory = directory.parent
    for one in reversed(missing):
        one.mkdir()
        if umask >= 0:
            one.chmod(0o777 & ~umask)


def _move(source: Path, target: Path) -> None:
    try:
        source.rename(target)
    except OSError as error:
        if error.errno != 18:  # EXDEV: .git is on another disk than the files
            raise
        beside = target.with_name(f".{target.name}.{_ASIDE}")
        beside.unlink(missing_ok=True)
        shutil.copy2(source, beside, follow_symlinks=False)
        beside.rename(target)


async def _refresh(place: Place, env: Mapping[str, str]) -> None:
    """Let the index know the files as they are now, so that `git status` need not read them all."""
    with contextlib.suppress(VcsError):  # status 1: some of the user's files differ from it, which is fine
        await _git(place, "update-index", "-q", "--refresh", env=env)


async def _git(
    place: Place, *args: str, env: Mapping[str, str], input: bytes | None = None, umask: int = -1
) -> bytes:
    return await git(
        *QUIET, *args, cwd=place.root, user_config=True, env=env, input=input, where=str(place.root),
        umask=umask,
    )  # fmt: skip


def _listed(paths: Iterable[str]) -> bytes:
    return b"".join(os.fsencode(path) + b"\0" for path in paths)


def _sync(file: Path) -> None:
    descriptor = os.open(file, os.O_RDONLY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
