"""One recipient's directory, held open: every path is one name below a directory that is known.

Whoever shares the directory can put a symbolic link anywhere at any time. So each directory is opened without
following one, and everything after goes through its descriptor.
"""

from __future__ import annotations

import asyncio
import contextlib
import errno
import fcntl
import os
import stat
import time
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from pathlib import Path

from fabrik.errors import FabrikError
from fabrik.messages.failures import told

PLACES = ("tmp", "new", "taken", "done")
_DIRECTORY = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
# O_NONBLOCK: opening a named pipe must not wait for a writer.
_READ = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC | os.O_NOCTTY
_CREATE = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
_LOCK = os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
_LOCK_SECONDS = 30.0  # of a lock that is held for milliseconds: somebody is stopped, or means ill


@dataclass(frozen=True, kw_only=True)
class Inbox:
    """Descriptors of an inbox's directories. Every method may raise OSError."""

    name: str
    path: Path  # for messages to people
    root: int
    places: dict[str, int]

    def names(self, place: str) -> list[str]:
        """What is there, sorted: the oldest message first."""
        return sorted(os.listdir(self.places[place]))  # noqa: PTH208 - a path cannot be a descriptor

    def move(self, source: str, name: str, to: str, new_name: str, *, durable: bool = True) -> bool:
        """Rename atomically; False when it is no longer there. Durable: on disk when this returns."""
        try:
            os.rename(name, new_name, src_dir_fd=self.places[source], dst_dir_fd=self.places[to])
        except FileNotFoundError:
            return False
        if durable:
            self.sync(to)
            self.sync(source)
        return True

    def sync(self, place: str) -> None:
        """Names that were made or moved are on disk when this returns."""
        os.fsync(self.places[place])

    def remove(self, place: str, name: str) -> None:
        with contextlib.suppress(FileNotFoundError, IsADirectoryError):
            os.unlink(name, dir_fd=self.places[place])

    def write(self, place: str, name: str, content: bytes) -> None:
        """A new file with this content, on disk when this returns; none at all when it raises."""
        file = os.open(name, _CREATE, 0o600, dir_fd=self.places[place])
        try:
            try:
                left = memoryview(content)
                while left:
                    left = left[os.write(file, left) :]
                os.fsync(file)
            finally:
                os.close(file)
        except BaseException:
            self.remove(place, name)
            raise

    def look(self, place: str, name: str) -> os.stat_result | None:
        """What the file is, or None if it is gone. Follows no symbolic link."""
        try:
            return os.stat(name, dir_fd=self.places[place], follow_symlinks=False)
        except FileNotFoundError:
            return None

    def read(self, place: str, name: str, most: int) -> bytes | None:
        """The content of a regular file of at most `most` bytes, or None if there is no such file."""
        try:
            file = os.open(name, _READ, dir_fd=self.places[place])
        except OSError as error:
            if error.errno in _NOT_A_FILE:
                return None
            raise
        try:
            found = os.fstat(file)
            if not stat.S_ISREG(found.st_mode) or found.st_size > most:
                return None
            content = b""
            while len(content) <= most and (block := os.read(file, most + 1 - len(content))):
                content += block
            return content if len(content) <= most else None
        finally:
            os.close(file)

    @contextlib.asynccontextmanager
    async def locked(self) -> AsyncIterator[None]:
        """Alone among all processes of fabrik in the block. The kernel lets go when the process dies.

        Raises FabrikError when somebody holds it too long, OSError.
        """
        file = os.open("lock", _LOCK, 0o600, dir_fd=self.root)
        try:
            deadline, wait = time.monotonic() + _LOCK_SECONDS, 0.001
            while not _lock(file):
                if time.monotonic() > deadline:
                    raise FabrikError(
                        f"somebody has held the lock of this inbox for {_LOCK_SECONDS:.0f} seconds",
                        where=str(self.path / "lock"),
                        todo="`fuser` shows who; end that process",
                    )
                await asyncio.sleep(wait)
                wait = min(wait * 2, 0.05)
            yield
        finally:
            os.close(file)


# ELOOP: a symbolic link; ENXIO: a socket; ENODEV: a device.
_NOT_A_FILE = (errno.ENOENT, errno.ELOOP, errno.ENXIO, errno.ENODEV)


def _lock(file: int) -> bool:
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


@contextlib.contextmanager
def opened(directory: Path, name: str, *, make: bool) -> Iterator[Inbox | None]:
    """The inbox of a recipient, made when it is missing and that is wanted; else None then.

    Raises UsageError for what is no inbox, DiskFull, FabrikError.
    """
    path = directory / name
    with contextlib.ExitStack() as opened_here:

        def enter(where: int, what: str) -> int:
            if make:
                with contextlib.suppress(FileExistsError):
                    os.mkdir(what, 0o700, dir_fd=where)
                    os.fsync(where)
            file = os.open(what, _DIRECTORY, dir_fd=where)
            opened_here.callback(os.close, file)
            return file

        with told("the inbox cannot be opened", str(path)):
            if make:
                directory.mkdir(mode=0o700, parents=True, exist_ok=True)
            try:
                top = os.open(directory, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
                opened_here.callback(os.close, top)
                root = enter(top, name)
                places = {place: enter(root, place) for place in PLACES}
            except FileNotFoundError:
                if make:
                    raise
                inbox = None
            else:
                inbox = Inbox(name=name, path=path, root=root, places=places)
        yield inbox


def inboxes(directory: Path) -> list[str]:
    """The names of all directories that may be inboxes. Raises FabrikError."""
    with told("the queue cannot be read", str(directory)):
        try:
            with os.scandir(directory) as entries:
                return sorted(entry.name for entry in entries if entry.is_dir(follow_symlinks=False))
        except FileNotFoundError:
            return []
