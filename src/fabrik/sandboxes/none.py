"""The provider `none`: a plain process. Nothing is protected; only leftovers and limits are taken care of.

A sandbox that reads another's workspace works in that very directory; nothing keeps it from writing there.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import socket
import weakref
from pathlib import Path

from fabrik.errors import SandboxBroken
from fabrik.sandboxes import inside, variables
from fabrik.sandboxes.held import StartAnew
from fabrik.sandboxes.host import HostSandbox, Word
from fabrik.sandboxes.layout import Layout
from fabrik.sandboxes.pidfd import Child
from fabrik.sandboxes.procs import MARK
from fabrik.sandboxes.provider import HostProvider, end_marked
from fabrik.sandboxes.running import Ended
from fabrik.sandboxes.sandbox import Command, Doors, Endpoints, Preflight, SandboxSpec
from fabrik.sandboxes.streams import Streams

_SHIM = Path(__file__).with_name("shim.py")
_PATIENCE = 10.0  # seconds for the shim to end everything before it is ended itself


class PlainSandbox(HostSandbox):
    """A workspace and a HOME on the host; each command below a shim that ends all it started.

    With `reads`, `workspace` is the other sandbox's own directory, unprotected.
    """

    always_group = True  # finds what gave itself a new environment
    helpers = 1  # the shim

    def __init__(self, spec: SandboxSpec, layout: Layout) -> None:
        super().__init__(spec, layout)
        layout.tmp.mkdir(mode=0o700, exist_ok=True)
        self.workspace = str(layout.workspace)
        self.home = str(layout.home)
        self._doors = _Listening()
        self.endpoints = self._doors.endpoints

    async def start(self, command: Command, streams: Streams, word: Word) -> Tended:
        inside.require_paths(self.spec)
        cwd = self.layout.workspace / (command.cwd or "")
        if not cwd.is_dir():
            raise SandboxBroken("there is no such directory to work in", where=str(cwd))
        python, _ = inside.python()
        env = inside.environment(self.spec, self.home, {"TMPDIR": str(self.layout.tmp), **command.env})
        with contextlib.ExitStack() as opened:
            go_read, go_write = os.pipe2(os.O_CLOEXEC)
            status_read, status_write = os.pipe2(os.O_CLOEXEC | os.O_NONBLOCK)
            theirs = opened.enter_context(contextlib.ExitStack())
            for fd in (go_read, status_write):
                theirs.callback(os.close, fd)
            opened.callback(os.close, go_write)
            opened.push(keep := contextlib.ExitStack())
            keep.callback(os.close, status_read)
            argv = [*python, str(_SHIM), "--tend", str(os.getpid()), str(go_read), str(status_write)]
            fds = [go_read, status_write]
            told = -1
            if word.awaited:
                told = variables.place()
                opened.callback(os.close, told)
                argv += ["--env", str(told)]
                fds.append(told)
            if command.doors:
                inside.require_sockets(command.doors)
                numbers = self._doors.open(command.doors)
                keep.callback(self._doors.close)
                models, proxy = numbers
                argv += ["--doors", f"fd:{models}={command.doors.models},fd:{proxy}={command.doors.proxy}"]
                fds += numbers
            child = Child(
                [*argv, "--", *command.argv],
                env=env,
                stdin=streams.stdin,
                stdout=streams.stdout,
                stderr=streams.stderr,
                pass_fds=fds,
                cwd=str(cwd),
            )
            theirs.close()  # so that writing to it fails when it is gone
            tended = Tended(child, status_read, keep.pop_all(), self.name)
            try:
                await word.made(child.pid)
                if more := await word.given():
                    variables.put(told, more)
                _go(go_write, word)
            except BrokenPipeError:
                pass  # it gave up; `wait` says so
            except BaseException:
                tended.kill()
                await tended.gone()
                raise
            return tended


def _go(fd: int, word: Word) -> None:
    """Now the shim may start the command. Raises BrokenPipeError; StartAnew when it was lost meanwhile."""
    try:
        os.write(fd, b"x")
    except BrokenPipeError:
        if word.awaited:
            raise StartAnew from None
        raise


class Tended:
    """A command below its shim."""

    def __init__(self, child: Child, status: int, held: contextlib.ExitStack, name: str) -> None:
        self._shim = child
        self._status = status
        self._held = held
        self._name = name
        self.pid = child.pid

    async def wait(self) -> Ended:
        code = await self._shim.wait()
        try:
            word, _, number = os.read(self._status, 64).decode().partition(" ")
        except BlockingIOError:
            word, number = "", ""
        if word == "exit":
            return Ended(status=int(number), signal=None)
        if word == "signal":
            return Ended(status=None, signal=int(number))
        if code > 0:
            raise SandboxBroken("the shim failed; its words are in the command's stderr", where=self._name)
        return Ended(status=None, signal=9)  # told to end, or killed from within

    def kill(self) -> None:
        self._shim.handle.kill(15)

    async def gone(self) -> None:
        # Afterwards it is killed, and what it tended is found by its group and its mark.
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self._shim.wait(), _PATIENCE)
        code = await self._close()
        if code:
            await end_marked(self._name)

    async def _close(self) -> int:
        await self._shim.close()
        self._held.close()
        return await self._shim.wait()


class _Listening:
    """The two loopback ports of a sandbox: reserved from the start, open while a command has doors."""

    def __init__(self) -> None:
        self._sockets = [_reserve(), _reserve()]
        models, proxy = (f"http://127.0.0.1:{one.getsockname()[1]}" for one in self._sockets)
        self.endpoints = Endpoints(models=models, proxy=proxy)
        self._leads_to: Doors | None = None
        self._users = 0
        weakref.finalize(self, _close, self._sockets)

    def open(self, doors: Doors) -> list[int]:
        """Begin to listen; the descriptors. Raises SandboxBroken when they lead elsewhere at the moment."""
        if self._users and doors != self._leads_to:
            raise SandboxBroken(
                "two commands with different doors cannot run at once without isolation",
                where=MARK,
                todo="give each a sandbox of its own, or use bubblewrap",
            )
        if not self._users:
            for one in self._sockets:
                one.listen(128)
        self._leads_to = doors
        self._users += 1
        return [one.fileno() for one in self._sockets]

    def close(self) -> None:
        """Stop listening after the last command."""
        self._users -= 1
        if not self._users:
            for one in self._sockets:
                one.shutdown(socket.SHUT_RD)  # back to bound; the port stays ours


def _reserve() -> socket.socket:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    # Bound by number: a port that the kernel chose itself is given up when a socket stops listening.
    mine = socket.socket()
    mine.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    mine.bind(("127.0.0.1", port))
    return mine


def _close(sockets: list[socket.socket]) -> None:
    for one in sockets:
        one.close()


class Unprotected(HostProvider[PlainSandbox]):
    """Commands run as the user who runs fabrik, with all that this user may do."""

    name = "none"
    isolates = False
    sandbox = PlainSandbox

    async def preflight(self) -> Preflight:
        from fabrik.sandboxes.probes import unprotected

        return await unprotected()
