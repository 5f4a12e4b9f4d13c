"""Objects that lie as single files, read without a git process: what a session has just made lies so.

Whatever is not there in this form (packs, very large objects) gives None, and git is asked for it. For the
formats see `git help gitrepository-layout`, and "Git Objects" in the book Pro Git.
"""

from __future__ import annotations

import functools
import hashlib
import os
import re
import stat
import zlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

Kind = Literal["blob", "tree", "commit"]
Entry = tuple[str, str]  # mode such as "100644", and id

LARGEST = 4 << 20  # bytes of an object; what is larger is left to git
_MOST = 2000  # differences: a few trees can stand for any number of paths
_DEEPEST = 100  # directories
TREE = "040000"
_ID = re.compile(r"[0-9a-f]{40}(?:[0-9a-f]{24})?")
_HEAD = 64  # bytes, more than any header has


@dataclass(frozen=True, kw_only=True)
class Commit:
    """What counts of a commit."""

    tree: str
    parents: tuple[str, ...]


@dataclass(frozen=True)
class Loose:
    """Some object directories."""

    directories: tuple[Path, ...]

    @classmethod
    def of(cls, repo: Path, *before: Path) -> Loose:
        """Those of a repository of fabrik's, with what it borrows from; `before`: more of them."""
        objects = repo / "objects"
        try:
            borrowed = (objects / "info" / "alternates").read_text(errors="surrogateescape").splitlines()
        except OSError:
            borrowed = []
        return cls((*before, objects, *(Path(line) for line in borrowed if line.startswith("/"))))

    def find(self, at: str) -> Path | None:
        """The file that an object lies in."""
        for directory in self.directories:
            file = directory / at[:2] / at[2:]
            if file.is_file():
                return file
        return None

    def read(self, at: str, kind: Kind) -> bytes | None:
        """The content of an object of this kind."""
        for directory in self.directories:
            try:
                packed = _content(directory / at[:2] / at[2:])
            except FileNotFoundError:
                continue
            except OSError:
                return None
            return _unpacked(packed, kind)
        return None

    def checked(self, at: str) -> bytes | None:
        """The file of an object as it lies there, if what it holds has this id."""
        file = self.find(at)
        packed = _content(file) if file else b""
        stream = zlib.decompressobj()
        try:
            whole = stream.decompress(packed, LARGEST + _HEAD)
        except zlib.error:
            return None
        made = hashlib.sha256(whole) if len(at) == 64 else hashlib.sha1(whole, usedforsecurity=False)
        return packed if stream.eof and made.hexdigest() == at else None

    def commit(self, at: str) -> Commit | None:
        """A commit."""
        content = self.read(at, "commit")
        if content is None:
            return None
        head = content.partition(b"\n\n")[0].decode("ascii", errors="replace")
        lines = [line.partition(" ") for line in head.split("\n")]
        trees = [value for name, _, value in lines[:1] if name == "tree"]
        parents = tuple(value for name, _, value in lines[1:] if name == "parent")
        if not trees or not all(_ID.fullmatch(one) for one in (*trees, *parents)):
            return None
        return Commit(tree=trees[0], parents=parents)

    def tree(self, at: str) -> Mapping[bytes, Entry] | None:
        """The entries of a tree by their names, those of directories with a slash: so git orders them."""
        content = self.read(at, "tree")
        if content is None:
            return None
        size, found, begin = len(at) // 2, {}, 0
        while begin < len(content):
            space, end = content.find(b" ", begin), content.find(b"\0", begin)
            mode = _mode(content[begin:space]) if begin < space < end else None
            if mode is None or end + 1 + size > len(content):
                return None
            name = content[space + 1 : end] + (b"/" if mode == TREE else b"")
            found[name] = (mode, content[end + 1 : end + 1 + size].hex())
            begin = end + 1 + size
        return found


def line_between(loose: Loose, base: str, head: str, *, most: int = 50) -> list[str] | None:
    """The commits from `head` down to `base`, without it, where each has one parent and there are few."""
    found: list[str] = []
    at = head
    while at != base:
        commit = loose.commit(at)
        if commit is None or len(commit.parents) != 1 or len(found) == most:
            return None
        found.append(at)
        at = commit.parents[0]
    return found


@dataclass(frozen=True, kw_only=True)
class Difference:
    """A path that two trees have otherwise, or one of them not at all."""

    path: bytes
    before: Entry | None
    after: Entry | None


def differences(loose: Loose, old: str, new: str) -> tuple[Difference, ...] | None:
    """What differs between two trees, directories and files, in git's order.

    A directory comes before what is in it.
    """
    try:
        return _all_differences(loose, old, new)
    except LookupError:
        return None


@functools.lru_cache(maxsize=8)  # whoever judges a change lands it next
def _all_differences(loose: Loose, old: str, new: str) -> tuple[Difference, ...]:
    """Raises LookupError where something is not to be had, or there are too many."""
    found: list[Difference] = []
    for one in _differences(loose, old, new, b""):
        if one is None or len(found) == _MOST:
            raise LookupError
        found.append(one)
    return tuple(found)


def _differences(
    loose: Loose, old: str | None, new: str | None, prefix: bytes
) -> Iterator[Difference | None]:
    """None where something is not to be had."""
    before, after = (loose.tree(side) if side else {} for side in (old, new))
    if before is None or after is None or prefix.count(b"/") == _DEEPEST:
        yield None
        return
    for name in sorted(before.keys() | after.keys()):
        was, now = before.get(name), after.get(name)
        if was == now:
            continue
        yield Difference(path=prefix + name, before=was, after=now)
        if name.endswith(b"/"):
            yield from _differences(loose, was[1] if was else None, now[1] if now else None, prefix + name)


def _content(file: Path) -> bytes:
    descriptor = os.open(file, os.O_RDONLY | os.O_CLOEXEC)
    with os.fdopen(descriptor, "rb", buffering=0) as opened:
        if os.fstat(descriptor).st_size > LARGEST:
            return b""
        return opened.read()


def _unpacked(packed: bytes, kind: Kind) -> bytes | None:
    stream = zlib.decompressobj()
    try:
        start = stream.decompress(packed, _HEAD)
        head, end, begun = start.partition(b"\0")
        name, _, size = head.partition(b" ")
        if not end or name != kind.encode() or not size.isdigit() or int(size) > LARGEST:
            return None
        rest = stream.decompress(stream.unconsumed_tail, LARGEST + _HEAD)
    except zlib.error:
        return None
    content = begun + rest
    return content if stream.eof and len(content) == int(size) else None


def _mode(written: bytes) -> str | None:
    """As git prints it, whatever an old git wrote."""
    try:
        number = int(written, 8)
    except ValueError:
        return None
    if stat.S_ISREG(number):
        return "100755" if number & 0o100 else "100644"
    if stat.S_ISLNK(number):
        return "120000"
    return TREE if stat.S_ISDIR(number) else "160000"
