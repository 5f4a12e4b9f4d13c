"""The worker's side of a container's first process (`first.py`): a unix socket for one connection."""

from __future__ import annotations

import asyncio
import contextlib
import os
import shutil
import socket
import struct
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from uuid import uuid4

from fabrik.errors import SandboxBroken
from fabrik.sandboxes.streams import Streams

_CODE = Path(__file__).with_name("first.py")
_SHIM = Path(__file__).parent.parent / "shim.py"
_PEER = struct.Struct("3i")  # struct ucred: pid, uid, gid
_SIZE = struct.Struct(">Q")
INSIDE = "/run/fabrik"
DOORS = ("models.sock", "proxy.sock")


@dataclass(frozen=True, kw_only=True)
class Start:
    """What the first process is told with the word to start."""

    argv: Sequence[str]
    cwd: str
    env: Mapping[str, str]
    refused: bytes  # a program of the kernel that refuses system calls; b"": none

    def block(self) -> bytes:
        """As `first.py` reads it. Raises ValueError for what no command line and no environment can hold."""
        words = [
            self.refused.hex().encode(),
            os.fsencode(self.cwd),
            str(len(self.env)).encode(),
            *(os.fsencode(f"{name}={value}") for name, value in self.env.items()),
            *(os.fsencode(word) for word in self.argv),
        ]
        if any(b"\0" in word for word in words):
            raise ValueError("embedded null byte")
        return b"\0".join(words)


class Control:
    """A directory that a container shows as /run/fabrik, with the socket that its first process calls.

    The socket is gone as soon as that has happened: nothing that runs later in the container can use it.
    """

    def __init__(self, directory: Path) -> None:
        """Raises OSError."""
        self.directory = directory / uuid4().hex[:12]
        self.directory.mkdir(parents=True)
        directory.chmod(0o700)
        try:
            self.directory.chmod(0o755)
            for source in (_CODE, _SHIM):
                self.put(source.name, source.read_bytes())
            for name in DOORS:
                self.put(name, b"")  # a place for a mount
            self._listener = _listen(self.directory)
        except BaseException:
            shutil.rmtree(self.directory, ignore_errors=True)
            raise
        self._connection: socket.socket | None = None

    def put(self, name: str, content: bytes) -> Path:
        """A small file that everybody inside may read. Raises OSError."""
        file = self.directory / name
        file.write_bytes(content)
        file.chmod(0o644)
        return file

    async def called(self) -> int:
        """Wait for the first process; its number on this host. Raises OSError."""
        loop = asyncio.get_running_loop()
        self._connection, _ = await loop.sock_accept(self._listener)
        self._connection.setblocking(False)
        self._listener.close()
        (self.directory / "control.sock").unlink()
        pid, _, _ = _PEER.unpack(
            self._connection.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, _PEER.size)
        )
        return int(pid)

    def lost(self) -> bool:
        """Whether the first process is gone."""
        if self._connection is None:
            return True
        try:
            return self._connection.recv(1, socket.MSG_PEEK) == b""
        except BlockingIOError:
            return False
        except OSError:
            return True

    async def tell(self, start: Start, streams: Streams) -> None:
        """Let the command begin. Raises ValueError as `Start.block` does, OSError when nobody hears it."""
        assert self._connection is not None  # noqa: S101 - called before
        block = start.block()
        fds = [streams.stdin, streams.stdout, streams.stderr]
        socket.send_fds(self._connection, [_SIZE.pack(len(block))], fds)
        await asyncio.get_running_loop().sock_sendall(self._connection, block)

    async def heard(self) -> str:
        """How the command ended, in the words of the first process; "" when it is gone without one."""
        assert self._connection is not None  # noqa: S101 - called before
        words = b""
        loop = asyncio.get_running_loop()
        with contextlib.suppress(ConnectionError):
            while block := await loop.sock_recv(self._connection, 4096):
                words += block
        return words.decode(errors="replace")

    def close(self) -> None:
        """Hang up, and remove the directory: the container must be gone. Safe to call twice."""
        self._listener.close()
        if self._connection is not None:
            self._connection.close()
        shutil.rmtree(self.directory, ignore_errors=True)


def _listen(directory: Path) -> socket.socket:
    """A socket in a directory with a path of any length: a socket's address may have 107 bytes only."""
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        handle = os.open(directory, os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            listener.bind(f"/proc/self/fd/{handle}/control.sock")
        finally:
            os.close(handle)
        # Everybody inside may call: only this container shows it, and its command does not run yet.
        (directory / "control.sock").chmod(0o666)
        listener.listen(1)
        listener.setblocking(False)
    except OSError:
        listener.close()
        raise
    return listener


def broken(words: str, name: str) -> SandboxBroken:
    """What the first process says of a place where a command cannot begin."""
    return SandboxBroken(f"the command cannot begin: {words.removeprefix('broken').strip()}", where=name)
