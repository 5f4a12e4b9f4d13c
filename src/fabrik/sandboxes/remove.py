"""Removes a directory tree that an agent could write: no symbolic link followed, any mode, any depth.

A tree may hold directories of mode 0000, links to anywhere, and be deeper than a path may be long. So every
step goes through an open directory, and what is too deep is first moved up.
"""

from __future__ import annotations

import os
import stat
from pathlib import Path
from uuid import uuid4

_DEPTH = 64  # open directories at once; deeper subtrees are moved to the top and come later
_DIRECTORY = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC


def remove_tree(path: Path) -> None:
    """Remove a directory with all that is in it, or a file. What is gone is fine. Raises OSError."""
    try:
        parent = os.open(path.parent, _DIRECTORY)
    except FileNotFoundError:
        return
    try:
        _remove(parent, path.name, parent, 0)
        # What was moved up lies beside the tree, under names that only this function gives.
        while moved := [name for name in os.listdir(parent) if name.startswith(f".{path.name}.deep-")]:  # noqa: PTH208
            for name in moved:
                _remove(parent, name, parent, 0, tree=path.name)
    finally:
        os.close(parent)


def _remove(parent: int, name: str, top: int, depth: int, tree: str | None = None) -> None:
    tree = tree or name
    try:
        mode = os.stat(name, dir_fd=parent, follow_symlinks=False).st_mode
    except FileNotFoundError:
        return
    if not stat.S_ISDIR(mode):
        os.unlink(name, dir_fd=parent)
        return
    if depth >= _DEPTH:
        os.close(_allow(parent, name))  # a directory without rights cannot be moved
        os.rename(name, f".{tree}.deep-{uuid4().hex}", src_dir_fd=parent, dst_dir_fd=top)
        return
    directory = _allow(parent, name)
    try:
        for child in os.listdir(directory):  # noqa: PTH208 - an open directory, not a path
            _remove(directory, child, top, depth + 1, tree)
    finally:
        os.close(directory)
    os.rmdir(name, dir_fd=parent)


def _allow(parent: int, name: str) -> int:
    """Open a directory, giving the owner its rights back if the agent took them away."""
    handle = os.open(name, os.O_PATH | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC, dir_fd=parent)
    try:
        if os.fstat(handle).st_mode & 0o700 != 0o700:
            Path(f"/proc/self/fd/{handle}").chmod(0o700)  # fchmod refuses a handle opened with O_PATH
        return os.open(".", _DIRECTORY, dir_fd=handle)
    finally:
        os.close(handle)
