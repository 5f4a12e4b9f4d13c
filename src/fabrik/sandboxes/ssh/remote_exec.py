"""One command on the other machine: its input, its doors, its output while it comes, and its end."""

from __future__ import annotations

import asyncio
import base64
import contextlib
import os
import shutil
from collections.abc import AsyncIterator, Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

from fabrik.errors import FabrikError
from fabrik.sandboxes.host import HostSandbox, PreparedCommand
from fabrik.sandboxes.sandbox import Command, Doors, Exit, Limits
from fabrik.sandboxes.ssh.carry import carry
from fabrik.sandboxes.ssh.link import BLOCK, DATA, END, ERRORS, SAY, Channel, Json, Link

SLACK = 1 << 20  # bytes of output that may come beyond the limit, before the command is ended
_LARGEST = 1 << 28  # bytes of what comes with the word to start
_QUICK, _SLOW = 0.01, 0.1  # seconds between two looks at the output


class Executing:
    """See to one command."""

    def __init__(self, box: HostSandbox, link: Link, io: Path, doors: Path) -> None:
        self._box = box
        self._link = link
        self._io = io
        self._doors = doors

    async def run(self, channel: Channel, asked: Any) -> Json:
        """Run it as asked for; how it ended. Raises FabrikError."""
        stdin, stdout, stderr = (self._io.with_suffix(end) for end in (".in", ".out", ".err"))
        one = bool(asked["one_log"])
        try:
            with contextlib.ExitStack() as opened:
                logs = [(_made(stdout, opened), DATA)]
                if not one:
                    logs.append((_made(stderr, opened), ERRORS))
                if asked["stdin"]:
                    await spooled(channel, stdin)
                async with self._listening(channel, bool(asked["doors"])) as doors:
                    limits = Limits(**asked["limits"])
                    command = Command(
                        argv=asked["argv"],
                        stdout=stdout,
                        stderr=stdout if one else stderr,
                        env=asked["env"],
                        cwd=asked["cwd"],
                        stdin=stdin if asked["stdin"] else b"",
                        files=decoded(asked["files"]),
                        limits=limits,
                        doors=doors,
                    )
                    tail = _Tail(channel, logs, limits.output_bytes)
                    return asdict(await self._ended(channel, command, tail, hold=bool(asked["hold"])))
        finally:
            for path in (stdin, stdout, stderr):
                path.unlink(missing_ok=True)

    async def _ended(self, channel: Channel, command: Command, tail: _Tail, *, hold: bool) -> Exit:
        prepared: PreparedCommand | None = None
        files: Mapping[str, bytes] | None = None
        env: Mapping[str, str] | None = None
        if hold:
            prepared = await self._box.prepare(command)
            try:
                await channel.say({"held": True})
                kind, _ = await channel.receive()
                if kind != SAY:  # it is not wanted any more
                    raise FabrikError("the command was given up")
                word = await channel.take(_LARGEST)
            except BaseException:
                await prepared.discard()
                raise
            files, env = decoded(word["files"]), word["env"]
        running = asyncio.create_task(
            prepared.run(files, env) if prepared is not None else self._box.exec(command)
        )
        sending = asyncio.create_task(tail.send())
        told = asyncio.create_task(_told(channel))
        try:
            await asyncio.wait({running, told}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            # Also when the connection is gone and this very task is cancelled: first all of it ends.
            if not running.done():
                running.cancel()
                while not running.done():
                    with contextlib.suppress(asyncio.CancelledError):
                        await asyncio.wait({running})
            told.cancel()
            tail.last.set()
            if self._link.lost:
                sending.cancel()
            await asyncio.gather(told, sending, return_exceptions=True)
        if running.cancelled():
            return Exit(status=None, signal=9, seconds=0.0, output_bytes=0)
        return running.result()

    @contextlib.asynccontextmanager
    async def _listening(self, channel: Channel, wanted: bool) -> AsyncIterator[Doors | None]:
        """The two sockets that lead to the worker's, while the command runs."""
        if not wanted:
            yield None
            return
        self._doors.mkdir(mode=0o700)
        carrying: set[asyncio.Task[None]] = set()
        servers = []
        doors = Doors(models=self._doors / "m", proxy=self._doors / "p")
        try:
            for name, path in (("models", doors.models), ("proxy", doors.proxy)):

                async def accept(
                    reader: asyncio.StreamReader, writer: asyncio.StreamWriter, name: str = name
                ) -> None:
                    task = asyncio.current_task()
                    assert task is not None  # noqa: S101
                    carrying.add(task)
                    task.add_done_callback(carrying.discard)
                    lead = self._link.open({"do": "door", "of": channel.number, "door": name})
                    await carry(lead, reader, writer)

                servers.append(await asyncio.start_unix_server(accept, path))
                path.chmod(0o666)  # who works inside may be another user; nobody else gets into the directory
            yield doors
        finally:
            for server in servers:
                server.close()
            for task in list(carrying):
                task.cancel()
            await asyncio.gather(*carrying, return_exceptions=True)
            shutil.rmtree(self._doors, ignore_errors=True)


class _Tail:
    """Sends what a command has written, as it comes."""

    def __init__(self, channel: Channel, logs: list[tuple[int, int]], limit: int | None) -> None:
        self.last = asyncio.Event()  # nothing more is written
        self._channel = channel
        self._logs = logs
        self._left = None if limit is None else limit + SLACK

    async def send(self) -> None:
        offsets = dict.fromkeys((handle for handle, _ in self._logs), 0)
        pause = _QUICK
        while True:
            ending = self.last.is_set()
            came = False
            for handle, kind in self._logs:
                size = BLOCK if self._left is None else min(BLOCK, self._left)
                if block := os.pread(handle, size, offsets[handle]):
                    came = True
                    offsets[handle] += len(block)
                    if self._left is not None:
                        self._left -= len(block)
                    await self._channel.send(block, kind)
            if came:
                pause = _QUICK
            elif ending:
                return
            else:
                pause = min(pause * 1.5, _SLOW)
                with contextlib.suppress(TimeoutError):
                    await asyncio.wait_for(self.last.wait(), pause)


async def _told(channel: Channel) -> None:
    """Wait until the worker wants it to end, or is gone."""
    while True:
        kind, _ = await channel.receive()
        if kind == END:
            return


async def spooled(channel: Channel, place: Path) -> None:
    """Put all that comes into a file of ours."""
    with place.open("xb") as file:
        while True:
            kind, block = await channel.receive()
            if kind == END:
                return
            if kind == DATA:
                file.write(block)


def _made(path: Path, opened: contextlib.ExitStack) -> int:
    handle = os.open(path, os.O_RDONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    opened.callback(os.close, handle)
    return handle


def decoded(files: Mapping[str, str] | None) -> dict[str, bytes] | None:
    """Files as they come in JSON."""
    return None if files is None else {name: base64.b64decode(text) for name, text in files.items()}
