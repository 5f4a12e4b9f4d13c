"""One ssh connection with the helper at its other end."""

from __future__ import annotations

import asyncio
import contextlib
import os
import secrets
import shlex
from collections.abc import Mapping
from pathlib import Path

from fabrik.errors import DiskFull, FabrikError, SandboxBroken
from fabrik.sandboxes.pidfd import Child
from fabrik.sandboxes.sandbox import Doors
from fabrik.sandboxes.ssh.bundle import bundle
from fabrik.sandboxes.ssh.link import CLOSED, Channel, Closed, Json, Link, LinkLost, Opened

CONFIG = "FABRIK_SSH_CONFIG"  # variable: an OpenSSH configuration to use instead of the user's own
BASE = "FABRIK_SSH_BASE"  # variable: directory for all that is fabrik's on that machine
_PATIENCE = 60.0  # seconds until the helper must have answered for the first time
_END = 15.0  # seconds until it must have ended everything and be gone
_EVERY, _SILENCE = 15.0, 90.0  # seconds between two signs of life, and until the other side counts as gone
_NOISE = 1 << 16  # bytes that a login shell may print before the helper's first word
_WORDS = 4096  # bytes kept of what ssh says
_SAFE = (
    "BatchMode=yes", "ConnectTimeout=15", "ServerAliveInterval=15", "ServerAliveCountMax=4",
    "ClearAllForwardings=yes", "ForwardAgent=no", "ForwardX11=no", "PermitLocalCommand=no", "Tunnel=no",
    "RequestTTY=no", "RemoteCommand=none", "ControlMaster=no", "ControlPath=none", "EscapeChar=none",
    "StdinNull=no", "SessionType=default", "ForkAfterAuthentication=no",
)  # fmt: skip


def ssh_argv(target: str, remote: str) -> list[str]:
    """The command line of ssh: what may lead back to this machine is off, whatever the configuration says.

    Whether a host's key is trusted is left to the user's configuration; nothing is asked, so nothing new is.
    """
    own = os.environ.get(CONFIG)
    options = [word for option in _SAFE for word in ("-o", option)]
    return ["ssh", *(("-F", own) if own else ()), "-T", "-a", "-x", *options, "--", target, remote]


class Connection:
    """The link, and the process that carries it."""

    def __init__(self, target: str, link: Link, child: Child, words: _Words) -> None:
        self.target = target
        self.link = link
        self.known: set[str] = set()  # keys of sandboxes that the helper has made
        self.doors: dict[int, Doors | None] = {}  # of each command, by the number of its channel
        self.trees: set[str] = set()  # digests of copies that are there
        self._child = child
        self._words = words
        # It ends the connection also when the loop ends with all its tasks.
        self._keeper = asyncio.create_task(self._keep())

    async def _keep(self) -> None:
        alive = asyncio.create_task(self.link.ping(_EVERY, _SILENCE))
        orderly = True
        try:
            orderly = await self.link.serve() == CLOSED
        finally:
            alive.cancel()
            self.link.lose(CLOSED)
            try:
                if orderly:  # the helper ends what runs there, and then itself
                    with contextlib.suppress(TimeoutError):
                        await asyncio.wait_for(self._child.handle.gone(), _END)
            finally:
                await _see_gone(self._child)
                self._words.close()

    async def close(self) -> None:
        """End it, and with it everything that runs at the other end."""
        self._keeper.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await self._keeper

    async def ask(self, what: str, body: object, rename: Mapping[str, str] | None = None) -> Json:
        """One request without data. Raises SandboxBroken, DiskFull."""
        channel = self.begin(what)
        try:
            await channel.put(body)
            return result(await channel.closed(), self.target, rename)
        except (LinkLost, Closed) as problem:
            raise self.broken(problem, rename) from problem
        finally:
            channel.close()

    def begin(self, what: str) -> Channel:
        """A channel for a request; the caller puts its body there. Raises SandboxBroken."""
        try:
            return self.link.open({"do": what})
        except LinkLost as problem:
            raise self.broken(problem) from problem

    def broken(self, problem: LinkLost | Closed, rename: Mapping[str, str] | None = None) -> FabrikError:
        """What the user sees of a request that was cut off."""
        if isinstance(problem, Closed):
            try:
                result(problem.words, self.target, rename)
            except FabrikError as error:
                return error
            why = "it answered too soon"
        else:
            why = self._words.text() or str(problem)
        return SandboxBroken(
            f"the connection was lost, what ran there is ended: {why}",
            where=f"ssh:{self.target}",
            todo=f"check it with: ssh {self.target} true",
        )


async def _see_gone(child: Child) -> None:
    """Kill it and wait, also when the loop ends meanwhile and cancels this."""
    while True:
        try:
            return await child.close()
        except asyncio.CancelledError:
            continue


def result(words: Json, target: str, rename: Mapping[str, str] | None = None) -> Json:
    """What a request gave. Raises SandboxBroken and DiskFull as the helper says."""
    if isinstance(ok := words.get("ok"), dict):
        return ok

    def text(name: str) -> str:
        said = words.get(name)
        found = said[:_WORDS] if isinstance(said, str) else ""
        for there, here in (rename or {}).items():
            found = found.replace(there, here)
        return found

    kind = DiskFull if words.get("error") == "disk" else SandboxBroken
    todo = text("todo")
    raise kind(
        text("what") or "the helper gave no answer",
        where=text("where") or f"ssh:{target}",
        todo=f"on {target}: {todo}" if todo else "",
    )


async def connect(target: str, opened: Opened) -> Connection:
    """Start ssh and the helper. Raises SandboxBroken with the reason in one line."""
    packed, nonce = bundle(), secrets.token_hex(8)
    remote = ["python3", "-I", "-c", packed.loader, packed.digest, nonce, os.environ.get(BASE, "")]
    theirs, ours = [], []
    for keep in (1, 0, 0):
        ends = os.pipe2(os.O_CLOEXEC)
        ours.append(ends[keep])
        theirs.append(ends[1 - keep])
    try:
        child = Child(
            ssh_argv(target, shlex.join(remote)),
            env=os.environ,
            stdin=theirs[0],
            stdout=theirs[1],
            stderr=theirs[2],
            cwd=str(Path.cwd()),
        )
    except OSError as problem:
        for handle in ours:
            os.close(handle)
        raise SandboxBroken(
            f"ssh cannot be started: {problem.strerror}",
            where=f"ssh:{target}",
            todo="install it: apt-get install openssh-client",
        ) from problem
    finally:
        for handle in theirs:
            os.close(handle)
    words = _Words()
    loop = asyncio.get_running_loop()
    reader = asyncio.StreamReader()
    answers, _ = await loop.connect_read_pipe(
        lambda: asyncio.StreamReaderProtocol(reader), os.fdopen(ours[1], "rb", 0)
    )
    words.with_it = answers
    transport, protocol = await loop.connect_write_pipe(
        asyncio.streams.FlowControlMixin, os.fdopen(ours[0], "wb", 0)
    )
    writer = asyncio.StreamWriter(transport, protocol, reader, loop)
    await loop.connect_read_pipe(lambda: words, os.fdopen(ours[2], "rb", 0))
    try:
        await asyncio.wait_for(_greet(reader, writer, nonce, packed.data), _PATIENCE)
    except BaseException as problem:
        writer.close()
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(child.handle.gone(), 2.0)
        await child.close()
        status = await child.wait()
        words.close()
        if isinstance(problem, (OSError, EOFError, _Refused, TimeoutError)):
            raise _why(target, status, words.text(), problem) from problem
        raise
    return Connection(target, Link(reader, writer, first=1, opened=opened), child, words)


class _Refused(Exception):
    """The machine has no Python that the helper can run with."""


async def _greet(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, nonce: str, data: bytes) -> None:
    """Wait for the loader's first word and send the helper where it is not there yet."""
    noise = 0
    while noise < _NOISE:
        try:
            line = await reader.readline()
        except ValueError as problem:
            raise EOFError("it prints too much at login") from problem
        if not line:
            raise EOFError("it ended without an answer")
        noise += len(line)
        word, _, rest = line.decode(errors="replace").strip().partition(" ")
        if word != nonce:
            continue
        if rest.startswith("old"):
            raise _Refused(f"Python 3.9 or newer is needed there, python3 is {rest[4:20]}")
        if rest == "send":
            writer.write(len(data).to_bytes(8, "big") + data)
            await writer.drain()
        return
    raise EOFError("it prints too much at login")


def _why(target: str, status: int, words: str, problem: BaseException) -> SandboxBroken:
    where = f"ssh:{target}"
    if isinstance(problem, _Refused) or status == 127:
        what = str(problem) if isinstance(problem, _Refused) else "python3 is not installed there"
        return SandboxBroken(what, where=where, todo="install it on that machine: apt-get install python3")
    if isinstance(problem, TimeoutError):
        words = words or f"no answer within {_PATIENCE:.0f} s"
    if "Host key verification failed" in words or "REMOTE HOST IDENTIFICATION" in words:
        return SandboxBroken(
            "the host key is not the known one, or not known yet",
            where=where,
            todo=f"connect once by hand and check the key: ssh {target}",
        )
    return SandboxBroken(
        f"no connection: {words or problem}", where=where, todo=f"make this work first: ssh {target} true"
    )


class _Words(asyncio.Protocol):
    """Keeps the end of what ssh, or the helper, says on stderr."""

    def __init__(self) -> None:
        self._data = b""
        self._transport: asyncio.BaseTransport | None = None
        self.with_it: asyncio.BaseTransport | None = None  # what is closed together with it: ssh's stdout

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        self._data = (self._data + data)[-_WORDS:]

    def text(self) -> str:
        """The last lines, without characters that a terminal would obey."""
        lines = self._data.decode(errors="replace").split("\n")
        clean = ("".join(c for c in line if c.isprintable()).strip() for line in lines)
        return " / ".join([line for line in clean if line][-3:])

    def close(self) -> None:
        for one in (self._transport, self.with_it):
            if one is not None:
                one.close()
