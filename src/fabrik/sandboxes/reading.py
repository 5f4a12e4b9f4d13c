"""Reads and writes single files below a directory that an agent could write, from the host."""

from __future__ import annotations

import os
import stat
from collections.abc import Mapping
from pathlib import Path, PurePosixPath

from fabrik.sandboxes.unprivileged import Owner

_DIRECTORY = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC


def read_below(root: Path, parts: tuple[str, ...], max_bytes: int) -> bytes | None:
    """The first max_bytes of the regular file at root/parts, or None. Follows no symbolic link.

    Raises OSError when the file is there and cannot be read.
    """
    if not parts or any(part in ("", ".", "..") for part in parts):
        return None
    directory = os.open(root, _DIRECTORY)
    try:
        for part in parts[:-1]:
            inner = os.open(part, _DIRECTORY, dir_fd=directory)
            os.close(directory)
            directory = inner
        # O_NONBLOCK: opening a named pipe must not wait for a writer.
        flags = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC | os.O_NOCTTY
        file = os.open(parts[-1], flags, dir_fd=directory)
    except (FileNotFoundError, NotADirectoryError):
        return None
    except OSError as problem:
        if problem.errno in _NOT_A_FILE:
            return None
        raise
    finally:
        os.close(directory)
    try:
        if not stat.S_ISREG(os.fstat(file).st_mode):
            return None
        return _read(file, max_bytes)
    finally:
        os.close(file)


_NOT_A_FILE = (40, 6, 19)  # ELOOP: a symbolic link; ENXIO: a socket; ENODEV: a device


def _read(file: int, max_bytes: int) -> bytes:
    blocks: list[bytes] = []
    left = max_bytes
    while left > 0 and (block := os.read(file, min(left, 1 << 20))):
        blocks.append(block)
        left -= len(block)
    return b"".join(blocks)


def write_files(root: Path, files: Mapping[str, bytes], owner: Owner | None = None) -> None:
    """Write files (relative path → content) below a directory that nobody else has written to yet.

    Files are 0600 and directories 0700; they belong to `owner`. Raises ValueError on a path that leaves the
    directory, and OSError.
    """
    for name, content in files.items():
        path = PurePosixPath(name)
        if path.is_absolute() or ".." in path.parts or not path.parts:
            raise ValueError(f"{name!r} is not a path below HOME")
        target = root.joinpath(*path.parts)
        for part in range(1, len(path.parts)):  # mkdir(parents=True) takes its mode for the last one only
            directory = root.joinpath(*path.parts[:part])
            directory.mkdir(mode=0o700, exist_ok=True)
            give(directory, owner)
        handle = os.open(target, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
        with os.fdopen(handle, "wb") as file:
            give(file.fileno(), owner)
            file.write(content)


def give(place: Path | int, owner: Owner | None) -> None:
    """Make a file of ours, which nobody else can put a link in the place of, the owner's. Raises OSError."""
    if owner is not None:
        os.chown(place, owner.uid, owner.gid)
