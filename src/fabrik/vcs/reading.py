"""Looking into a repository of fabrik's: trees, files and differences, all bounded."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from fabrik.errors import VcsError
from fabrik.vcs.failures import failure
from fabrik.vcs.git import git, run

PLAIN = ("--no-ext-diff", "--no-textconv", "--no-renames", "--no-color", "--ignore-submodules=none")
BIG_IS_BINARY = ("-c", "core.bigFileThreshold=16m")  # such files are not compared line by line


@dataclass(frozen=True, kw_only=True)
class FileChange:
    """One file that differs. None lines: not text."""

    path: str
    added: int | None
    removed: int | None


@dataclass(frozen=True, kw_only=True)
class Entry:
    """One entry of a tree: a file, a symbolic link (mode 120000) or a submodule (mode 160000)."""

    path: str
    mode: str  # such as "100644"
    id: str


@dataclass(frozen=True, kw_only=True)
class Text:
    """Text that may have been cut."""

    text: str
    truncated: bool


async def diff_stat(repo: Path, a: str, b: str) -> tuple[FileChange, ...]:
    """The files that differ between two commits, in git's order. Raises VcsError."""
    output = await git(*BIG_IS_BINARY, "diff-tree", "-r", "-z", "--numstat", *PLAIN, a, b, "--", repo=repo)
    return tuple(stat_of(output))


def stat_of(output: bytes) -> Iterator[FileChange]:
    """From records such as `3\\t1\\tpath\\0` (git help diff-format). Raises VcsError."""
    for record in output.split(b"\0"):
        if record:
            added, removed, path = record.split(b"\t", 2)
            yield FileChange(path=os.fsdecode(path), added=_lines(added), removed=_lines(removed))


async def diff(repo: Path, a: str, b: str, max_bytes: int) -> Text:
    """The differences between two commits as a patch, cut at max_bytes. Raises VcsError."""
    args = (*BIG_IS_BINARY, "diff-tree", "-r", "-p", *PLAIN, a, b, "--")
    output = await run(*args, repo=repo, max_output=max_bytes)
    if output.status != 0 and not output.truncated:
        raise failure("diff-tree", output.status, output.stderr, str(repo))
    return Text(text=output.stdout.decode("utf-8", errors="replace"), truncated=output.truncated)


async def read_file(repo: Path, commit: str, path: str, max_bytes: int) -> bytes | None:
    """The first max_bytes of a regular file of a commit.

    None when there is none, or when it is a directory, a symbolic link or a submodule. Raises VcsError.
    """
    if path.startswith("/") or os.path.normpath(path).startswith(".."):
        return None
    listed = await git(
        "ls-tree", "-z", "--full-tree", commit, "--", path, repo=repo, env={"GIT_LITERAL_PATHSPECS": "1"}
    )
    entries = [entry for entry in _entries(listed) if entry.path == path and entry.mode.startswith("100")]
    if not entries:
        return None
    output = await run("cat-file", "blob", entries[0].id, repo=repo, max_output=max_bytes)
    if output.status != 0 and not output.truncated:
        raise failure("cat-file", output.status, output.stderr, str(repo))
    return output.stdout


async def ls(repo: Path, commit: str) -> tuple[Entry, ...]:
    """All entries of a commit's tree, directories opened. Raises VcsError."""
    return tuple(_entries(await git("ls-tree", "-r", "-z", "--full-tree", commit, repo=repo)))


def _entries(output: bytes) -> list[Entry]:
    """From lines such as `100644 blob <id>\\t<path>\\0`."""
    entries = []
    for record in output.split(b"\0"):
        if record:
            facts, _, path = record.partition(b"\t")
            mode, _, at = facts.decode().split(" ")
            entries.append(Entry(path=os.fsdecode(path), mode=mode, id=at))
    return entries


def _lines(count: bytes) -> int | None:
    if count == b"-":
        return None
    try:
        return int(count)
    except ValueError:
        raise VcsError("git printed a difference that cannot be read") from None
