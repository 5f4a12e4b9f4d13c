"""What the index of a working tree has for some paths, read without a git process.

Format: `git help gitformat-index`. What is written in another way than by default (version 4, split in two,
with directories for a sparse checkout, very large) gives None, and git is asked.
"""

from __future__ import annotations

import hashlib
import os
import struct
from collections.abc import Collection, Iterator
from pathlib import Path

from fabrik.vcs.landing_plan import Indexed

_LARGEST = 1 << 20  # bytes: some ten thousand files; beyond, git is faster
_HEADER = struct.Struct(">4sII")
_MODE_AT, _ID_AT = 24, 40  # in an entry: behind the times, device and inode; behind owner, group and size
_EXTENDED, _STAGE = 0x4000, 0x3000
_SKIP_WORKTREE = 0x4000  # among the extended flags


def indexed(index: Path, paths: Collection[str], size: int) -> dict[str, Indexed] | None:
    """Those of the paths that are in the index. size: bytes of an id."""
    try:
        if index.stat().st_size > _LARGEST:
            return None
        data = index.read_bytes()
    except OSError:
        return None
    wanted = {os.fsencode(path): path for path in paths}
    try:
        found = {
            wanted[name]: one for name, one in _entries(data, size) if name in wanted
        }  # of a path with conflicts, one of its sides: that it has any is what counts
    except (struct.error, ValueError):
        return None
    return found


def _entries(data: bytes, size: int) -> Iterator[tuple[bytes, Indexed]]:
    """Raises ValueError, struct.error where it is something else."""
    body, sum_ = data[:-size], data[-size:]
    made = hashlib.sha256(body) if size == 32 else hashlib.sha1(body, usedforsecurity=False)
    signature, version, count = _HEADER.unpack_from(data)
    if signature != b"DIRC" or version not in (2, 3) or made.digest() != sum_:
        raise ValueError(version)
    at = _HEADER.size
    for _ in range(count):
        begin = at
        (mode,) = struct.unpack_from(">I", data, begin + _MODE_AT)
        at = begin + _ID_AT + size
        (flags,) = struct.unpack_from(">H", data, at)
        at += 2
        absent = False
        if flags & _EXTENDED:
            absent = bool(struct.unpack_from(">H", data, at)[0] & _SKIP_WORKTREE)
            at += 2
        end = data.index(b"\0", at)
        entry = (f"{mode:06o}", data[begin + _ID_AT : begin + _ID_AT + size].hex())
        yield data[at:end], Indexed(entry=entry, absent=absent, unmerged=bool(flags & _STAGE))
        at = begin + (end - begin + 8) // 8 * 8  # one to eight NULs behind the name
    while at < len(body):
        name, length = body[at : at + 4], struct.unpack_from(">I", body, at + 4)[0]
        if not name[:1].isupper():  # without it, the entries are not all there is
            raise ValueError(name)
        at += 8 + length
    if at != len(body):
        raise ValueError(at)
