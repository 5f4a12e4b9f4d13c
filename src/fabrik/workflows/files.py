"""Files that a run writes for its user: whole or not at all, and never over one that is there unasked."""

from __future__ import annotations

import os
from pathlib import Path

from fabrik.errors import FabrikError


def put(path: Path, text: str, umask: int, *, over: bool = False) -> bool:
    """Write a file, with the directories it needs; False when there is another one and `over` is not said.

    A file that has this very text already counts as written. umask: that of the user, whose file it is.
    Raises FabrikError.
    """
    content = text.encode("utf-8")
    begun = path.with_name(f".{path.name}.{os.getpid()}.new")
    try:
        _make(path.parent, umask)
        try:
            begun.write_bytes(content)
            begun.chmod(0o666 & ~umask)
            if over:
                begun.rename(path)
                return True
            os.link(begun, path)  # fails where there is something, unlike a rename
            return True
        except FileExistsError:
            return path.is_file() and path.read_bytes() == content
        finally:
            begun.unlink(missing_ok=True)
    except OSError as error:
        raise FabrikError(f"cannot be written: {error.strerror or error}", where=str(path)) from error


def _make(directory: Path, umask: int) -> None:
    missing = [place for place in (directory, *directory.parents) if not place.is_dir()]
    for place in reversed(missing):
        place.mkdir()
        place.chmod(0o777 & ~umask)
