"""The directory of a run's sockets: private, short, and empty at the start and at the end."""

from __future__ import annotations

import contextlib
import os
import socket
import stat
from pathlib import Path

from fabrik.errors import EnvironmentProblem
from fabrik.gateway.types import DoorPaths

_LONGEST = 107  # bytes of a unix socket's path on Linux: sun_path without its final zero
_BACKLOG = 128


def paths(directory: Path, number: int) -> DoorPaths:
    """The sockets of a door."""
    return DoorPaths(models=directory / f"{number}.m", proxy=directory / f"{number}.p")


def prepare(directory: Path) -> None:
    """Make the directory (and its parents, private), or take over what a crashed worker left there.

    Raises EnvironmentProblem.
    """
    try:
        for parent in reversed(directory.parents):
            if not parent.exists():
                parent.mkdir(mode=0o700)
        directory.mkdir(mode=0o700, exist_ok=True)
        for place in (directory.parent, directory):
            _check_owner(place)
        directory.chmod(0o700)
        for entry in directory.iterdir():
            if stat.S_ISSOCK(entry.lstat().st_mode):
                entry.unlink()
    except OSError as error:
        raise EnvironmentProblem(
            f"the directory for the gateway's sockets cannot be used: {error.strerror}",
            where=str(directory),
            todo="set XDG_RUNTIME_DIR or TMPDIR to a directory of your own",
        ) from None
    if len(os.fsencode(directory / "999999.m")) > _LONGEST:
        raise EnvironmentProblem(
            f"the path is too long for a unix socket ({_LONGEST} bytes at the most)",
            where=str(directory),
            todo="set XDG_RUNTIME_DIR or TMPDIR to a directory with a shorter path",
        )


def remove(directory: Path) -> None:
    """Remove the directory if nothing is left in it."""
    with contextlib.suppress(OSError):
        directory.rmdir()


def listen(path: Path) -> socket.socket:
    """A listening socket that only this user can connect to.

    Raises OSError.
    """
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM | socket.SOCK_CLOEXEC)
    try:
        listener.setblocking(False)
        listener.bind(os.fspath(path))
        path.chmod(0o600)  # nobody can connect before listen()
        listener.listen(_BACKLOG)
    except BaseException:
        listener.close()
        raise
    return listener


def _check_owner(place: Path) -> None:
    """Nobody else may be able to put something in the place of the sockets."""
    found = place.lstat()
    if not stat.S_ISDIR(found.st_mode):
        problem = "is not a directory"
    elif found.st_uid not in (0, os.getuid()):
        problem = "belongs to another user"
    elif found.st_mode & 0o022 and not found.st_mode & stat.S_ISVTX:
        problem = "can be written by others"
    else:
        return
    raise EnvironmentProblem(
        f"the directory for the gateway's sockets {problem}",
        where=str(place),
        todo="remove it, or set XDG_RUNTIME_DIR or TMPDIR to a directory of your own",
    )
