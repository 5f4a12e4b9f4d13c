"""The differences between two commits as git prints them, as a whole and by file: one git process.

git prints the exact paths first, twice, and then one section after the other in the same order. A section
begins with a line `diff --git …`; a line of a file's content never does, as it begins with a blank, +, - or a
backslash.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from pathlib import Path

from fabrik.errors import VcsError
from fabrik.vcs.changes import RawChange, raw_changes
from fabrik.vcs.git import read_git
from fabrik.vcs.reading import BIG_IS_BINARY, PLAIN, FileChange, Text, stat_of

MAX_FILE = 256 << 10  # bytes of one file's patch
_KEPT = 64 << 20  # bytes of all files' patches together; what comes later is cut to nothing
_MAX_LIST = 256 << 20  # bytes of the list of paths
_BEGIN = b"diff --git "


@dataclass(frozen=True, kw_only=True)
class FilePatch:
    """What a change did to one path. Of a file that is not text, git's one line that says so."""

    path: str
    text: str
    truncated: bool


@dataclass(frozen=True, kw_only=True)
class Patches:
    """The differences between two commits."""

    whole: Text
    files: tuple[FilePatch, ...]  # each path that differs, in git's order
    stat: tuple[FileChange, ...]  # as `RunRepo.diff_stat` has it


async def read(repo: Path, base: str, commit: str, *, max_bytes: int) -> Patches:
    """See `RunRepo.patches`."""

    async def take(stdout: asyncio.StreamReader) -> tuple[bytes, _Parts]:
        listed, rest = await _listed(stdout)
        parts = _Parts(max_bytes=max_bytes)
        parts.feed(rest)
        while block := await stdout.read(1 << 20):
            parts.feed(block)
        parts.end()
        return listed, parts

    flags = ("-r", "-z", "--raw", "--numstat", "-p", "--no-abbrev", *PLAIN)
    listed, parts = await read_git(
        *BIG_IS_BINARY, "-c", "core.quotePath=false", "diff-tree", *flags, base, commit, "--",
        repo=repo, take=take,
    )  # fmt: skip
    raw, stat = _divide(listed)
    return Patches(
        whole=Text(text=_text(parts.whole), truncated=parts.size > len(parts.whole)),
        files=tuple(_by_file(list(raw_changes(raw)), parts.sections)),
        stat=tuple(stat_of(stat)),
    )


def _divide(listed: bytes) -> tuple[bytes, bytes]:
    """The two lists of paths: the records of the first begin with a colon, and a path follows each."""
    at = 0
    while listed.startswith(b":", at):
        path = listed.find(b"\0", at) + 1
        if (end := listed.find(b"\0", path)) < 0:
            raise VcsError("git printed a difference that cannot be read")
        at = end + 1
    return listed[:at], listed[at:]


async def _listed(stdout: asyncio.StreamReader) -> tuple[bytes, bytes]:
    """The lists of paths, which end in two NULs, and what was read of the patch behind them."""
    held = bytearray()
    while block := await stdout.read(1 << 20):
        since = max(0, len(held) - 1)
        held += block
        if (at := held.find(b"\0\0", since)) >= 0:
            return bytes(held[: at + 1]), bytes(held[at + 2 :])
        if len(held) > _MAX_LIST:
            raise VcsError(f"the list of changed files has more than {_MAX_LIST >> 20} MiB")
    if held:
        raise EOFError
    return b"", b""


@dataclass(kw_only=True)
class _Section:
    """The beginning of one section."""

    text: bytes
    size: int


@dataclass(kw_only=True)
class _Parts:
    """A patch that comes in blocks, divided into its sections; only so much of each is kept."""

    max_bytes: int
    whole: bytearray = field(default_factory=bytearray)
    size: int = 0
    sections: list[_Section] = field(default_factory=list)
    _kept: int = 0
    _now: bytearray = field(default_factory=bytearray)
    _now_size: int = 0
    _tail: bytes = b"\n"  # what was not looked through yet; at first, the beginning of a line

    def feed(self, block: bytes) -> None:
        self.whole += block[: max(0, self.max_bytes - len(self.whole))]
        self.size += len(block)
        mark = b"\n" + _BEGIN
        data = self._tail + block
        since = 0
        while (at := data.find(mark, since)) >= 0:
            self._take(data[since : at + 1])
            self._close()
            since = at + 1
        # A mark may be cut in two at the end of a block.
        rest = max(since, len(data) - len(mark) + 1)
        self._take(data[since:rest])
        self._tail = data[rest:]

    def end(self) -> None:
        self._take(self._tail)
        self._tail = b""
        self._close()

    def _take(self, data: bytes) -> None:
        self._now += data[: max(0, MAX_FILE - len(self._now))]
        self._now_size += len(data)

    def _close(self) -> None:
        if self._now.startswith(_BEGIN):
            text = bytes(self._now[: max(0, _KEPT - self._kept)])
            self._kept += len(text)
            self.sections.append(_Section(text=text, size=self._now_size))
        self._now.clear()
        self._now_size = 0


def _by_file(changes: list[RawChange], sections: list[_Section]) -> list[FilePatch]:
    counts = [2 if _became_another(change) else 1 for change in changes]
    if sum(counts) != len(sections):
        raise VcsError("git printed a patch that cannot be read")
    found, rest = [], iter(sections)
    for change, count in zip(changes, counts, strict=True):
        parts = [next(rest) for _ in range(count)]
        text = b"".join(part.text for part in parts)[:MAX_FILE]
        size = sum(part.size for part in parts)
        found.append(FilePatch(path=change.path, text=_text(text), truncated=len(text) < size))
    return found


def _became_another(change: RawChange) -> bool:
    """A file that became a link, say, has two sections: one went, one came."""
    return bool(change.before and change.after and change.before[0][:3] != change.after[0][:3])


def _text(data: bytes | bytearray) -> str:
    return data.decode("utf-8", errors="replace")
