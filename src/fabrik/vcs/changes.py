"""What files held before a change and hold after it: two git processes at most, however many files."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from fabrik.errors import VcsError
from fabrik.vcs.git import git, read_git
from fabrik.vcs.loose import TREE, Loose, differences
from fabrik.vcs.reading import PLAIN

SUBMODULE = "160000"
_NONE = "000000"  # the mode that git prints for what is not there
_NEAR = 50  # blobs that are looked for in single files, of 4 MiB at the most
_KEPT = 256 << 20  # bytes of all contents together; what comes later is cut to nothing


@dataclass(frozen=True, kw_only=True)
class FileContent:
    """A file as a commit has it."""

    content: bytes  # of a symbolic link: where it leads; of a submodule: the id of its commit
    mode: str  # "100644", "100755", "120000" for a symbolic link, "160000" for a submodule
    cut: bool  # there is more of it


@dataclass(frozen=True, kw_only=True)
class FilePair:
    """One path that differs between two commits."""

    path: str
    before: FileContent | None  # None: it is new
    after: FileContent | None  # None: it is gone


@dataclass(frozen=True, kw_only=True)
class ChangedFiles:
    """The paths that differ between two commits."""

    files: tuple[FilePair, ...]  # the first of them, in git's order
    total: int  # how many there are


@dataclass(frozen=True, kw_only=True)
class RawChange:
    """One line of git's raw differences: modes and ids, None for a side that is not there."""

    path: str
    before: tuple[str, str] | None
    after: tuple[str, str] | None


async def read(repo: Path, base: str, commit: str, *, max_bytes: int, most: int) -> ChangedFiles:
    """See `RunRepo.changed_files`."""
    found = await between(repo, base, commit)
    chosen = found[:most]
    sides = [side for change in chosen for side in (change.before, change.after) if side is not None]
    wanted = list(dict.fromkeys(at for mode, at in sides if mode != SUBMODULE))
    blobs = await _blobs(repo, wanted, max_bytes) if wanted else {}

    def content(side: tuple[str, str] | None) -> FileContent | None:
        if side is None:
            return None
        mode, at = side
        held, cut = (at.encode(), False) if mode == SUBMODULE else blobs[at]
        return FileContent(content=held, mode=mode, cut=cut)

    files = (
        FilePair(path=change.path, before=content(change.before), after=content(change.after))
        for change in chosen
    )
    return ChangedFiles(files=tuple(files), total=len(found))


async def between(repo: Path, base: str, commit: str) -> list[RawChange]:
    """The paths that differ between two commits, in git's order. Raises VcsError."""
    found = _loose_changes(Loose.of(repo), base, commit)
    if found is None:
        listed = await git(
            "diff-tree", "-r", "-z", "--raw", "--no-abbrev", *PLAIN, base, commit, "--", repo=repo
        )
        found = list(raw_changes(listed))
    return found


def _loose_changes(loose: Loose, base: str, commit: str) -> list[RawChange] | None:
    """The same where all that it takes lies in single files, as what a session has just made does."""
    sides = [loose.commit(base), loose.commit(commit)]
    trees = [side.tree for side in sides if side is not None]
    found = differences(loose, *trees) if len(trees) == 2 else None
    if found is None:
        return None
    return [
        RawChange(path=os.fsdecode(one.path), before=one.before, after=one.after)
        for one in found
        if TREE not in (one.before or one.after or ("",))[:1]
    ]


async def contents(repo: Path, ids: Iterable[str], *, max_bytes: int) -> dict[str, bytes]:
    """See `RunRepo.contents`."""
    wanted = list(dict.fromkeys(ids))
    blobs = await _blobs(repo, wanted, max_bytes) if wanted else {}
    return {at: content for at, (content, cut) in blobs.items() if not cut}


def raw_changes(output: bytes) -> Iterator[RawChange]:
    """From records such as `:100644 100755 <id> <id> M\\0path\\0` (git help diff-format).

    Raises VcsError when it is something else.
    """
    words = output.split(b"\0")
    for facts, path in zip(words[:-1:2], words[1::2], strict=True):
        parts = facts.decode("ascii", errors="replace").split(" ")
        if len(parts) != 5 or not parts[0].startswith(":"):
            raise VcsError("git printed a difference that cannot be read")
        before, after, old, new = parts[0][1:], *parts[1:4]
        yield RawChange(
            path=os.fsdecode(path),
            before=(before, old) if before != _NONE else None,
            after=(after, new) if after != _NONE else None,
        )


async def _blobs(repo: Path, ids: Sequence[str], max_bytes: int) -> dict[str, tuple[bytes, bool]]:
    """The beginning of each blob, and whether there is more. What is larger passes by and is not held."""
    near = _near(Loose.of(repo), ids, max_bytes) if len(ids) <= _NEAR else None
    if near is not None:
        return near

    async def take(stdout: asyncio.StreamReader) -> dict[str, tuple[bytes, bool]]:
        found: dict[str, tuple[bytes, bool]] = {}
        left = _KEPT
        for at in ids:
            size = _size(await stdout.readline(), at)
            kept = await stdout.readexactly(min(size, max_bytes, left))
            await _skip(stdout, size - len(kept) + 1)  # and the line break behind it
            found[at] = (kept, len(kept) < size)
            left -= len(kept)
        return found

    asked = "".join(f"{at}\n" for at in ids).encode()
    return await read_git("cat-file", "--batch", repo=repo, take=take, input=asked)


def _near(loose: Loose, ids: Sequence[str], max_bytes: int) -> dict[str, tuple[bytes, bool]] | None:
    """The same where all of them lie in single files, and none has to be cut for the others."""
    found: dict[str, tuple[bytes, bool]] = {}
    left = _KEPT
    for at in ids:
        content = loose.read(at, "blob")
        if content is None:
            return None
        found[at] = (content[:max_bytes], len(content) > max_bytes)
        left -= len(found[at][0])
        if left < 0:
            return None
    return found


def _size(line: bytes, at: str) -> int:
    """From `<id> blob <size>`."""
    if not line:
        raise EOFError
    words = line.decode("ascii", errors="replace").split()
    if len(words) != 3 or words[:2] != [at, "blob"]:
        raise VcsError(f"a file of a commit is not there ({' '.join(words)})")
    return int(words[2])


async def _skip(stdout: asyncio.StreamReader, size: int) -> None:
    while size:
        block = await stdout.read(min(size, 1 << 20))
        if not block:
            raise EOFError
        size -= len(block)
