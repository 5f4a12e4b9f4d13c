"""One command on another machine: its input goes there, what it prints comes into the worker's files."""

from __future__ import annotations

import asyncio
import base64
import contextlib
import os
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any, get_args

from fabrik.errors import FabrikError, SandboxBroken
from fabrik.sandboxes import watch
from fabrik.sandboxes.layout import problem
from fabrik.sandboxes.sandbox import Command, Doors, Exit, StoppedBy
from fabrik.sandboxes.ssh.connection import Connection, result
from fabrik.sandboxes.ssh.link import BLOCK, DATA, ERRORS, SAY, Channel, Closed, Json, LinkLost
from fabrik.sandboxes.streams import Streams

_SLACK = 2 << 20  # bytes of output beyond the limit; the helper stops at half of that
_PATIENCE = 60.0  # seconds until a command must have ended there that is not wanted any more
_LOOK = 16 << 20  # bytes of output between two looks at the free space


class Running:
    """A command that was asked for. `finish` is called once, or `give_up`."""

    def __init__(
        self,
        connection: Connection,
        command: Command,
        streams: Streams,
        rename: Mapping[str, str],
        opened: contextlib.ExitStack,
    ) -> None:
        self.doors: Doors | None = command.doors
        self._connection = connection
        self._command = command
        self._streams = streams
        self._rename = rename
        self._opened = opened
        self._channel: Channel | None = None
        self._stopping = False
        self._full: FabrikError | None = None
        self._came = 0
        self._task: asyncio.Task[Json] | None = None
        self._is_held = asyncio.Event()
        self._patience: asyncio.TimerHandle | None = None

    async def begin(self, more: Mapping[str, Any], *, hold: bool) -> None:
        """Ask for it. Problems are raised by `finish`."""
        self._task = asyncio.create_task(self._whole(more, hold=hold))

    async def held(self) -> None:
        """Wait until it is ready to start, or has failed: then `finish` raises why."""
        waiting = asyncio.create_task(self._is_held.wait())
        assert self._task is not None  # noqa: S101
        try:
            await asyncio.wait({waiting, self._task}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            waiting.cancel()

    async def go(self, files: Mapping[str, bytes], env: Mapping[str, str]) -> None:
        """Say the word for one that is held."""
        if self._channel is not None:
            with contextlib.suppress(LinkLost, Closed):
                await self._channel.say({"go": True})
                await self._channel.put({"files": _encoded(files), "env": dict(env)})

    def stop(self) -> None:
        """End it, or never begin it."""
        if self._task is None or self._task.done():
            return
        self._stopping = True
        if self._channel is not None and not self._channel.closed_by_us:
            with contextlib.suppress(LinkLost):
                self._channel.end_now()
        if self._patience is None:
            lose = self._connection.link.lose
            loop = asyncio.get_running_loop()
            self._patience = loop.call_later(_PATIENCE, lose, "a command was not ended there")

    async def give_up(self) -> None:
        """Never begin it; wait until nothing of it is there. Raises nothing but a cancellation."""
        self.stop()
        with contextlib.suppress(FabrikError):
            await self.finish()

    async def finish(self) -> Exit:
        """See it to its end. When cancelled, ends it all there first. Raises SandboxBroken, DiskFull."""
        assert self._task is not None  # noqa: S101
        cancelled = False
        while not self._task.done():
            try:
                await asyncio.shield(self._task)
            except asyncio.CancelledError:
                if not self._task.done():
                    cancelled = True
                    self.stop()
            except Exception:  # noqa: BLE001, S110 - raised below, from the task
                pass
        if cancelled:
            self._task.exception()  # seen: the cancellation counts
            raise asyncio.CancelledError
        return self._exit(self._task.result())

    async def _whole(self, more: Mapping[str, Any], *, hold: bool) -> Json:
        command = self._command
        # An empty stdin needs no file there.
        stdin = isinstance(command.stdin, Path) or bool(command.stdin)
        try:
            channel = self._channel = self._connection.begin("exec")
            self._connection.doors[channel.number] = command.doors
            request = {
                **more,
                "hold": hold,
                "argv": list(command.argv),
                "env": dict(command.env),
                "cwd": command.cwd,
                "files": None if command.files is None else _encoded(command.files),
                "limits": asdict(command.limits),
                "doors": command.doors is not None,
                "stdin": stdin,
                "one_log": self._streams.stdout == self._streams.stderr,
            }
            await channel.put(request)
            if stdin:
                await self._feed(channel)
            if self._stopping:
                channel.end_now()
            while True:
                kind, block = await channel.receive()
                if kind == SAY:
                    self._is_held.set()
                elif kind in (DATA, ERRORS):
                    self._write(self._streams.stdout if kind == DATA else self._streams.stderr, block)
        except Closed as closed:
            if self._full is not None:
                raise self._full from None
            return result(closed.words, self._connection.target, self._rename)
        except LinkLost as lost:
            raise self._full or self._connection.broken(lost) from lost
        finally:
            if self._patience is not None:
                self._patience.cancel()
            if self._channel is not None:
                self._connection.doors.pop(self._channel.number, None)
                self._channel.close()
            self._opened.close()

    async def _feed(self, channel: Channel) -> None:
        while block := os.read(self._streams.stdin, BLOCK):
            await channel.send(block)
        await channel.end()

    def _write(self, handle: int, block: bytes) -> None:
        """Write what came, as long as there is room and it is not more than the limit allows."""
        before = self._came
        self._came += len(block)
        if self._full is not None:
            return
        limit = self._command.limits.output_bytes
        try:
            if limit is not None and self._came > limit + _SLACK:
                self._connection.link.lose("it sent more output than it may")
                raise SandboxBroken("it sends more output than it may", where=self._connection.target)
            if before // _LOOK != self._came // _LOOK:
                watch.require_space([self._command.stdout.parent])
            while block:
                block = block[os.write(handle, block) :]
        except OSError as error:
            self._full = problem(error, "the log cannot be written", self._command.stdout)
            self.stop()
        except FabrikError as error:
            self._full = error
            self.stop()

    def _exit(self, said: Json) -> Exit:
        """Raises SandboxBroken for what no command's end looks like."""
        status, signal, stopped = said.get("status"), said.get("signal"), said.get("stopped_by")
        seconds, size = said.get("seconds"), said.get("output_bytes")
        for number in (status, signal):
            if number is not None and (not isinstance(number, int) or not 0 <= number < 256):
                raise SandboxBroken("the helper names no status", where=self._connection.target)
        if not isinstance(seconds, (int, float)) or not isinstance(size, int):
            raise SandboxBroken("the helper does not say how it ended", where=self._connection.target)
        if stopped is not None and stopped not in get_args(StoppedBy):
            raise SandboxBroken("the helper names no limit", where=self._connection.target)
        return Exit(
            status=status,
            signal=signal,
            stopped_by=stopped,
            seconds=float(seconds),
            output_bytes=max(size, 0),
        )


def _encoded(files: Mapping[str, bytes]) -> dict[str, str]:
    return {name: base64.b64encode(content).decode() for name, content in files.items()}
