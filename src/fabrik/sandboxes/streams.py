"""The files that a command reads and writes itself: nothing of them passes through the worker."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from fabrik.sandboxes.layout import problem
from fabrik.sandboxes.reading import give
from fabrik.sandboxes.sandbox import Command
from fabrik.sandboxes.unprivileged import Owner

_LOG = os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_APPEND | os.O_CLOEXEC | os.O_NOFOLLOW
_OURS = Owner(uid=os.getuid(), gid=os.getgid())


@dataclass(frozen=True, kw_only=True)
class Streams:
    """Open descriptors for a command. stdout and stderr are one when they go to one file."""

    stdin: int
    stdout: int
    stderr: int

    def output_bytes(self) -> int:
        """What was written to stdout and stderr so far."""
        return sum(os.fstat(fd).st_size for fd in {self.stdout, self.stderr})

    def empty(self) -> None:
        """Begin stdout and stderr anew: what is there is not the command's."""
        for fd in {self.stdout, self.stderr}:
            os.ftruncate(fd, 0)

    def held_bytes(self) -> int:
        """What they take on the disk, also where a program reserved space without writing."""
        total = 0
        for fd in {self.stdout, self.stderr}:
            stat = os.fstat(fd)
            total += max(stat.st_size, stat.st_blocks * 512)
        return total


@contextlib.contextmanager
def open_streams(command: Command, owner: Owner | None = None) -> Iterator[Streams]:
    """Open a command's files; the logs belong to whoever runs it. Raises DiskFull, SandboxBroken."""
    with contextlib.ExitStack() as opened:
        stdout = _log(command.stdout, owner, opened)
        same = command.stderr == command.stdout
        yield Streams(
            stdin=_stdin(command.stdin, opened),
            stdout=stdout,
            stderr=stdout if same else _log(command.stderr, owner, opened),
        )


def _log(path: Path, owner: Owner | None, opened: contextlib.ExitStack) -> int:
    try:
        fd = os.open(path, _LOG, 0o600)
        opened.callback(os.close, fd)
        if owner is not None:
            give(fd, owner)  # for those who write to /dev/stdout, which opens it anew
            opened.callback(give, fd, _OURS)
    except OSError as error:
        raise problem(error, "the log cannot be opened", path) from error
    return fd


def _stdin(source: bytes | Path, opened: contextlib.ExitStack) -> int:
    if isinstance(source, Path):
        try:
            fd = os.open(source, os.O_RDONLY | os.O_CLOEXEC)
        except OSError as error:
            raise problem(error, "the input cannot be read", source) from error
    elif source:
        fd = _in_memory(source)
    else:
        fd = os.open(os.devnull, os.O_RDONLY | os.O_CLOEXEC)
    opened.callback(os.close, fd)
    return fd


def _in_memory(data: bytes) -> int:
    """A file in memory, so that a command that never reads blocks nobody."""
    fd = os.memfd_create("stdin", os.MFD_CLOEXEC)
    with os.fdopen(os.dup(fd), "wb") as file:
        file.write(data)
    os.lseek(fd, 0, os.SEEK_SET)
    return fd
