"""Read-only paths on a machine without bubblewrap: a link at each path leads to the copy."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from uuid import uuid4

from fabrik.errors import SandboxBroken
from fabrik.sandboxes.ssh.tree import listing


def lay_links(sources: Mapping[Path, Path]) -> None:
    """Make the copies visible at their paths.

    Raises SandboxBroken where something else is there, or no link can be made.
    """
    for path, copy in sources.items():
        try:
            _lay(path, copy)
        except OSError as error:
            raise SandboxBroken(
                f"it is to be visible there and cannot be put in place: {error.strerror}",
                where=str(path),
                todo="install bubblewrap on that machine, or let that user make this path",
            ) from error


def _lay(path: Path, copy: Path) -> None:
    if path.is_symlink() and path.readlink().parent.parent == copy.parent.parent:
        if path.readlink() == copy:
            return
    elif path.exists():
        if listing(path).digest == copy.parent.name:
            return  # the very same is there
        raise SandboxBroken(
            "something else is at this path of that machine",
            where=str(path),
            todo="install bubblewrap there: it shows a sandbox what it needs and leaves the rest alone",
        )
    path.parent.mkdir(parents=True, exist_ok=True)
    fresh = path.with_name(f".{path.name}.{uuid4().hex}")
    fresh.symlink_to(copy)
    fresh.replace(path)
