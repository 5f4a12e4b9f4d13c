"""Taking over a bundle from a sandbox: nothing in it is trusted, and it comes in whole or not at all.

Its objects are unpacked and checked in a directory aside (as git itself does for a push), where every link
must lead to an object that is there. Then its refs are checked, and only then are the objects moved in.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import secrets
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import IO, Self

from fabrik.errors import FabrikError
from fabrik.vcs.bundle import Header, bad, opened, read_header
from fabrik.vcs.failures import GitFailed, last_words
from fabrik.vcs.git import git
from fabrik.vcs.loose import Loose
from fabrik.vcs.refs import list_refs, update_refs
from fabrik.vcs.store import format_of_repository, refused

MAX_BUNDLE = 2 << 30  # bytes
_MAX_OBJECT = 1 << 30  # bytes of memory that git may take for one object: a small bundle can claim a huge one
_LOOSE_OBJECTS = 100  # fewer are stored one by one, as git does (fetch.unpackLimit): packs would pile up
_LOOSE_BYTES = 8 << 20
_AT_ONCE = 64 << 10  # bytes that a pipe holds (pipe(7)), so that writing them waits for nobody
_UNPACK = ("unpack-objects", "-q", "--strict")
_ASIDE = "incoming-"
_KEPT = ("HEAD", "refs/heads/", "refs/stash")


async def bring_in(repo: Path, bundle: Path, into: str, *, max_bytes: int) -> dict[str, str]:
    """Fetch a bundle into a repository, its refs below refs/fabrik/<into>/; returns them by their own names.

    Tags and refs of other kinds are left behind. Raises VcsError (the repository is as before), DiskFull.
    """
    refs = await accept(repo, bundle, max_bytes=max_bytes)
    await keep(repo, into, refs)
    return refs


class Waiting:
    """A git that waits for the objects of a bundle: started while the bundle is still being made.

    Leaving the block gives it up, where nothing was accepted through it. Raises DiskFull, EnvironmentProblem.
    """

    def __init__(self, repo: Path) -> None:
        self._repo = repo
        self._begun: tuple[Path, int, asyncio.Task[bytes]] | None = None

    async def __aenter__(self) -> Self:
        try:
            _sweep(self._repo / "objects")
            aside = _make_aside(self._repo)
            ours, theirs = os.pipe2(os.O_CLOEXEC)
        except OSError as error:
            raise refused(error, self._repo) from error
        reads = os.fdopen(ours, "rb", buffering=0)
        asked = git(*_UNPACK, repo=self._repo, input=reads, env=_environment(self._repo, aside))
        task = asyncio.create_task(asked)
        task.add_done_callback(lambda _: reads.close())
        self._begun = aside, theirs, task
        return self

    def take(self, repo: Path, size: int) -> tuple[Path, int, asyncio.Task[bytes]] | None:
        """Where it unpacks to, the pipe to it and its end; None where this is nothing for it."""
        if repo != self._repo or size > _AT_ONCE:
            return None
        begun, self._begun = self._begun, None
        return begun

    async def __aexit__(self, *_: object) -> None:
        if self._begun is None:
            return
        aside, pipe, task = self._begun
        os.close(pipe)
        with contextlib.suppress(FabrikError):
            await task
        shutil.rmtree(aside, ignore_errors=True)


async def accept(
    repo: Path, bundle: Path, *, max_bytes: int, waiting: Waiting | None = None
) -> dict[str, str]:
    """Take over a bundle's objects and return its refs by their own names; none is written yet.

    waiting: takes what is small. Raises VcsError (the repository is as before), DiskFull.
    """
    with opened(bundle, max_bytes) as file:
        header = read_header(file, bundle)
        refs = {name: at for name, at in header.refs.items() if name.startswith(_KEPT)}
        if not refs:
            raise bad(bundle, "brings no branch")
        if header.object_format != format_of_repository(repo):
            raise bad(bundle, f"is of the format {header.object_format}, unlike the project")
        size = os.fstat(file.fileno()).st_size
        os.lseek(file.fileno(), header.pack_offset, os.SEEK_SET)
        begun = waiting.take(repo, size) if waiting and _unpack(header, size) == _UNPACK else None
        aside = begun[0] if begun else None
        try:
            if aside is None:
                _sweep(repo / "objects")
                aside = _make_aside(repo)
            env = _environment(repo, aside)
            try:
                if begun:
                    await _hand_over(file, size, *begun[1:])
                else:
                    await git(*_unpack(header, size), repo=repo, input=file, env=env)
                await _check_tips(repo, refs, env, aside)
            except GitFailed as error:
                raise bad(bundle, f"was refused by git ({last_words(error.stderr)})") from error
            _move_in(aside, repo / "objects")
        except OSError as error:
            raise refused(error, repo) from error
        finally:
            if aside is not None:
                shutil.rmtree(aside, ignore_errors=True)
    return refs


async def _hand_over(file: IO[bytes], size: int, pipe: int, task: asyncio.Task[bytes]) -> None:
    """Give a git that waits the rest of a small file. Raises what git comes to."""
    try:
        with contextlib.suppress(BrokenPipeError):  # it has ended, and says why
            os.write(pipe, os.read(file.fileno(), size))
    finally:
        os.close(pipe)
        await task


def _make_aside(repo: Path) -> Path:
    aside = repo / "objects" / f"{_ASIDE}{os.getpid()}-{secrets.token_hex(6)}"
    aside.mkdir()
    return aside


def _environment(repo: Path, aside: Path) -> dict[str, str]:
    return {
        "GIT_OBJECT_DIRECTORY": str(aside),
        "GIT_ALTERNATE_OBJECT_DIRECTORIES": _quoted(repo / "objects"),
        "GIT_ALLOC_LIMIT": str(_MAX_OBJECT),
    }


def _sweep(objects: Path) -> None:
    """Remove what a killed worker had not finished: only one works on a run at a time."""
    for left in objects.glob(f"{_ASIDE}*"):
        if not left.name.startswith(f"{_ASIDE}{os.getpid()}-"):
            shutil.rmtree(left, ignore_errors=True)


def _unpack(header: Header, size: int) -> tuple[str, ...]:
    """The git command that reads a pack, checks every object (--strict) and stores them."""
    if header.objects < _LOOSE_OBJECTS and size < _LOOSE_BYTES:
        return _UNPACK
    return ("index-pack", "--stdin", "--fix-thin", "--strict")


async def _check_tips(repo: Path, refs: Mapping[str, str], env: Mapping[str, str], aside: Path) -> None:
    loose = Loose.of(repo, aside)
    ids = sorted(at for at in set(refs.values()) if loose.commit(at) is None)
    if not ids:
        return
    asked = "".join(f"{at}\n" for at in ids).encode()
    answer = await git(
        "cat-file", "--batch-check=%(objectname) %(objecttype)", repo=repo, input=asked, env=env
    )
    if answer.decode().splitlines() != [f"{at} commit" for at in ids]:
        raise GitFailed(
            "git found no commit",
            status=0,
            stderr="a ref does not lead to a commit that is there",
            where=str(repo),
        )


def _move_in(aside: Path, objects: Path) -> None:
    """Move objects to their place; what is there is the same. Packs before their indexes, as git does.

    Their contents are on the disk already; the names get there with the ref, which git syncs next.
    """
    files = [path for path in aside.rglob("*") if path.is_file()]
    for path in sorted(files, key=lambda path: (path.suffix == ".idx", path.name)):
        target = objects / path.relative_to(aside)
        target.parent.mkdir(exist_ok=True)
        path.rename(target)


async def keep(repo: Path, into: str, refs: Mapping[str, str]) -> None:
    """Write the refs of an accepted bundle below refs/fabrik/<into>/. Raises VcsError, DiskFull."""
    prefix = f"refs/fabrik/{into}/"
    wanted = {prefix + name.removeprefix("refs/"): at for name, at in refs.items()}
    try:
        await update_refs(repo, wanted)
    except GitFailed:
        # An earlier try may have left `a` where `a/b` is to be: start over with this bundle's names.
        old = set(await list_refs(repo, prefix))
        if not old:
            raise
        await update_refs(repo, {}, delete=sorted(old))
        await update_refs(repo, wanted)


def _quoted(path: Path) -> str:
    """A path in a list that git splits at colons; in quotes it may have one itself."""
    text = str(path)
    if ":" not in text and not text.startswith('"'):
        return text
    escaped = text.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'
