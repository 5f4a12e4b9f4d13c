"""Bare repositories that fabrik owns: made aside and renamed, so that a half-made one is never seen."""

from __future__ import annotations

import errno
import os
import secrets
import shutil
from collections.abc import Callable, Sequence
from pathlib import Path

from fabrik.errors import DiskFull, VcsError
from fabrik.vcs.git import git

SHALLOW = (
    "info/fabrik-shallow"  # in an objects directory: where its history is cut, for clones that borrow it
)


async def make_bare(
    path: Path,
    *,
    object_format: str,
    alternates: Sequence[Path] = (),
    prepare: Callable[[Path], None] | None = None,
) -> None:
    """Make a bare repository at `path`, or leave the one that is there.

    alternates: object directories that it borrows from. prepare: last touches before it is seen.
    Raises VcsError, DiskFull.
    """
    if path.is_dir():
        return
    aside = path.with_name(f".{path.name}.{secrets.token_hex(6)}")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        await git(
            "init", "--quiet", "--bare", "--template=", "--initial-branch=none",
            f"--object-format={object_format}", str(aside),
            env={"GIT_DEFAULT_REF_FORMAT": "files"}, where=str(path),
        )  # fmt: skip
        (aside / "objects" / "info").mkdir(exist_ok=True)
        if alternates:
            write_alternates(aside / "objects", alternates)
        if prepare:
            prepare(aside)
        try:
            aside.rename(path)
        except OSError as error:
            if error.errno not in (errno.ENOTEMPTY, errno.EEXIST):
                raise
        sync_directory(path.parent)
    except OSError as error:
        raise refused(error, path) from error
    finally:
        shutil.rmtree(aside, ignore_errors=True)


def write_alternates(objects: Path, others: Sequence[Path]) -> None:
    """Let an object directory borrow from others. Raises VcsError for a path that git cannot take there."""
    lines = [str(other) for other in others]
    if bad := [line for line in lines if "\n" in line or not line.startswith("/")]:
        raise VcsError("git cannot borrow objects from a path with a line break in it", where=repr(bad[0]))
    (objects / "info" / "alternates").write_text(
        "".join(f"{line}\n" for line in lines), errors="surrogateescape"
    )


def copy_shallow(source: Path, target: Path) -> None:
    """Carry over where the history of `source` is cut, for `target` and for what borrows its objects."""
    cut = source / "shallow"
    if cut.exists():
        text = cut.read_bytes()
        (target / "shallow").write_bytes(text)
        (target / "objects" / SHALLOW).write_bytes(text)


def object_format_of(commit: str) -> str:
    """The object format that an id belongs to, by its length."""
    return "sha256" if len(commit) == 64 else "sha1"


def format_of_repository(path: Path) -> str:
    """The object format of a repository that `make_bare` made, from its configuration."""
    try:
        return "sha256" if "objectformat = sha256" in (path / "config").read_text() else "sha1"
    except OSError:
        raise VcsError("this repository is missing or damaged", where=str(path)) from None


def refused(error: OSError, path: Path) -> VcsError | DiskFull:
    """The error for the operating system's refusal to change a repository of fabrik's."""
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return DiskFull("no space is left on the disk", where=str(path), todo="free some space, then resume")
    return VcsError(
        f"this repository cannot be written: {error.strerror}",
        where=str(path),
        todo="check who owns the directory",
    )


def sync_directory(path: Path) -> None:
    """Make renames in a directory survive a power cut."""
    descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
