"""The header of a git bundle, read before anything of it is believed. Pure, apart from opening the file.

Format: `git help gitformat-bundle`. A signature line, `@capability` lines (version 3), `-<id> comment` lines
for what must be there already, `<id> <ref>` lines for what it brings, an empty line, then a pack.
"""

from __future__ import annotations

import contextlib
import os
import re
import stat
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from fabrik.errors import VcsError

MAX_HEADER = 1 << 20  # bytes
MAX_REFS = 1000
_LINE = re.compile(rb"(?P<minus>-?)(?P<id>[0-9a-f]{40}(?:[0-9a-f]{24})?)(?: (?P<rest>[^\n]*))?")
# The rules of `git help check-ref-format`, turned round.
_NO_REF = re.compile(r"[\x00-\x20\x7f~^:?*\[\\]|\.\.|@\{|//|/\.|/$|\.$|\.lock(/|$)")
_SIGNATURES = {b"# v2 git bundle": 2, b"# v3 git bundle": 3}


@dataclass(frozen=True, kw_only=True)
class Header:
    """What a bundle says of itself."""

    object_format: str  # "sha1" or "sha256"
    prerequisites: tuple[str, ...]
    refs: Mapping[str, str]  # ref name (or "HEAD") to id
    pack_offset: int  # where the pack begins, in bytes
    objects: int  # in the pack, as the pack says


@contextlib.contextmanager
def opened(path: Path, max_bytes: int) -> Iterator[IO[bytes]]:
    """Open a file that came out of a sandbox: only a regular file, of bounded size, and no symbolic link.

    Raises VcsError.
    """
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError as error:
        raise bad(path, f"cannot be opened ({error.strerror})") from error
    found = os.fstat(descriptor)
    if not stat.S_ISREG(found.st_mode):
        os.close(descriptor)
        raise bad(path, "is not a regular file")
    with os.fdopen(descriptor, "rb") as file:
        if found.st_size > max_bytes:
            raise bad(path, f"has {found.st_size} bytes, more than the {max_bytes} that are allowed")
        yield file


def read_header(file: IO[bytes], path: Path) -> Header:
    """The header at the start of an open bundle. Raises VcsError when it is not one."""
    start = file.read(MAX_HEADER)
    head, found, pack = start.partition(b"\n\n")
    if not start:
        raise bad(path, "is empty")
    if not found:
        raise bad(path, "has no end of its header")
    lines = head.split(b"\n")
    version = _SIGNATURES.get(lines[0])
    if version is None:
        raise bad(path, "does not begin like a git bundle")
    object_format = "sha1"
    prerequisites: list[str] = []
    refs: dict[str, str] = {}
    for line in lines[1:]:
        if version == 3 and line.startswith(b"@"):
            object_format = _capability(line, path)
            continue
        match = _LINE.fullmatch(line)
        if match is None or len(match["id"]) != (64 if object_format == "sha256" else 40):
            raise bad(path, "has a line in its header that git does not write")
        if match["minus"]:
            prerequisites.append(match["id"].decode())
        else:
            refs[_ref_name(match["rest"], path)] = match["id"].decode()
    if not refs or len(refs) > MAX_REFS:
        raise bad(path, f"brings {len(refs)} refs (1 to {MAX_REFS} are allowed)")
    return Header(
        object_format=object_format,
        prerequisites=tuple(prerequisites),
        refs=refs,
        pack_offset=len(head) + 2,
        objects=_object_count(pack if len(pack) >= 12 else pack + file.read(12), path),
    )


def bad(path: Path, why: str) -> VcsError:
    """The error for a bundle that is refused."""
    return VcsError(
        f"the bundle {why}: nothing of it was taken over", where=str(path), todo="the step can be run again"
    )


def _capability(line: bytes, path: Path) -> str:
    match line:
        case b"@object-format=sha1":
            return "sha1"
        case b"@object-format=sha256":
            return "sha256"
    raise bad(path, "asks for a capability that is not allowed")


def _ref_name(rest: bytes | None, path: Path) -> str:
    """HEAD, or a ref below refs/ with a name that git accepts."""
    name = (rest or b"").decode("utf-8", errors="surrogateescape")
    if name == "HEAD" or (name.startswith("refs/") and not _NO_REF.search(name)):
        return name
    raise bad(path, "brings a ref with a name that is not allowed")


def _object_count(pack: bytes, path: Path) -> int:
    """From the pack's own header: "PACK", a version, a count, each of four bytes."""
    if pack[:4] != b"PACK" or len(pack) < 12:
        raise bad(path, "has no pack in it")
    return int.from_bytes(pack[8:12], "big")
