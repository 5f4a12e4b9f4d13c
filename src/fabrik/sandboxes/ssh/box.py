"""A sandbox on another machine, as the worker holds it."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

from fabrik.errors import FabrikError, SandboxBroken
from fabrik.sandboxes import inside, variables, watch
from fabrik.sandboxes.layout import Layout, problem
from fabrik.sandboxes.sandbox import Command, Endpoints, Exit, SandboxSpec
from fabrik.sandboxes.ssh.command import Running
from fabrik.sandboxes.ssh.connection import Connection, result
from fabrik.sandboxes.ssh.link import BLOCK, DATA, Closed, LinkLost
from fabrik.sandboxes.ssh.shown import Shown
from fabrik.sandboxes.streams import open_streams

Connect = Callable[[], Awaitable[Connection]]


@dataclass(frozen=True, kw_only=True)
class Keys:
    """The names of sandboxes on the other machine."""

    own: str
    reads: str | None


class SshSandbox:
    """See the contract."""

    workspace: str
    home: str
    endpoints: Endpoints

    def __init__(self, spec: SandboxSpec, keys: Keys, connect: Connect) -> None:
        self.name = spec.name
        self._spec = spec
        self._keys = keys
        self._connect = connect
        self._shown = Shown(spec.read_only)
        self._record = Layout(spec.root, spec.reads)
        self._rename: dict[str, str] = {}
        self._making = asyncio.Lock()
        self._running: set[Running] = set()

    async def make(self) -> None:
        """Make it there, or adopt it, ending what still runs in it. Raises SandboxBroken, DiskFull."""
        connection = await self._connect()
        spec = self._spec
        said = await connection.ask(
            "create",
            {
                "key": self._keys.own,
                "name": spec.name,
                "labels": dict(spec.labels),
                "read_only": [str(path) for path in spec.read_only],
                "sources": await self._shown.bring(connection),
                "path": list(spec.path),
                "env": dict(spec.env),
                "reads": self._keys.reads,
            },
            self._rename,
        )
        self.workspace, self.home = _path(said, "workspace"), _path(said, "home")
        self.endpoints = Endpoints(models=_url(said, "models"), proxy=_url(said, "proxy"))
        self._rename = {_path(said, "root"): str(spec.root)}
        if spec.reads is not None:
            self._rename[_path(said, "reads")] = str(spec.reads)
        connection.known.add(self._keys.own)

    async def _there(self) -> Connection:
        """The connection, with this sandbox at its other end."""
        connection = await self._connect()
        if self._keys.own not in connection.known:
            async with self._making:
                if self._keys.own not in connection.known:
                    await self.make()
        return connection

    async def exec(self, command: Command) -> Exit:
        """See the contract."""
        running = await self._begin(command, hold=False)
        return await self._finish(running)

    async def prepare(self, command: Command) -> PreparedOverSsh:
        """See the contract."""
        running = await self._begin(command, hold=True)
        try:
            await running.held()
        except BaseException:
            await running.give_up()
            self._running.discard(running)
            raise
        return PreparedOverSsh(self, running)

    async def _begin(self, command: Command, *, hold: bool) -> Running:
        variables.require(command.env, self.name)
        with contextlib.ExitStack() as opened:
            try:
                watch.require_space([command.stdout.parent])
            except OSError as error:
                raise problem(error, "the sandbox cannot start a command", command.stdout) from error
            self._require_workspace()
            if command.doors is not None:
                inside.require_sockets(command.doors)
            streams = opened.enter_context(open_streams(command))
            connection = await self._there()
            sources = await self._shown.bring(connection)
            running = Running(connection, command, streams, self._rename, opened.pop_all())
        self._running.add(running)
        await running.begin({"key": self._keys.own, "sources": sources}, hold=hold)
        return running

    async def _finish(self, running: Running) -> Exit:
        try:
            return await running.finish()
        finally:
            self._running.discard(running)

    def _require_workspace(self) -> None:
        """Another's workspace may go at any time."""
        if self._record.reads is not None and not self._record.workspace.is_dir():
            raise SandboxBroken(
                "the sandbox whose workspace this one reads is gone", where=str(self._record.reads)
            )

    async def read_file(self, path: str, max_bytes: int) -> bytes | None:
        """See the contract."""
        inside_path = PurePosixPath(path)
        connection = await self._there()
        if not inside_path.is_absolute() or inside_path.is_relative_to(self.workspace):
            self._require_workspace()
        found = bytearray()
        said = await self._data(
            connection, "read", {"path": path, "most": max_bytes}, found.extend, most=max_bytes
        )
        return bytes(found) if said.get("there") is True else None

    async def tar_in(self, archive: Path, directory: str) -> None:
        """See the contract."""
        connection = await self._there()
        channel = connection.begin("tar_in")
        try:
            await channel.put({"key": self._keys.own, "directory": directory})
            with archive.open("rb") as file:
                while block := file.read(BLOCK):
                    await channel.send(block)
            await channel.end()
            result(await channel.closed(), connection.target, self._rename)
        except (LinkLost, Closed) as cut:
            raise connection.broken(cut, self._rename) from cut
        except OSError as error:
            raise problem(error, "the archive cannot be read", archive) from error
        finally:
            channel.close()

    async def tar_out(self, directory: str, archive: Path, max_bytes: int) -> None:
        """See the contract."""
        connection = await self._there()
        try:
            with archive.open("wb") as file:
                await self._data(
                    connection,
                    "tar_out",
                    {"directory": directory, "most": max_bytes},
                    file.write,
                    most=max_bytes,
                )
        except OSError as error:
            archive.unlink(missing_ok=True)
            raise problem(error, "the archive cannot be written", archive) from error
        except BaseException:
            archive.unlink(missing_ok=True)
            raise

    async def _data(
        self,
        connection: Connection,
        what: str,
        body: dict[str, Any],
        put: Callable[[bytes], object],
        *,
        most: int,
    ) -> Mapping[str, Any]:
        """A request whose answer is data, of at most so many bytes whatever the other side sends."""
        channel = connection.begin(what)
        size = 0
        try:
            await channel.put({"key": self._keys.own, **body})
            while True:
                kind, block = await channel.receive()
                if kind == DATA:
                    size += len(block)
                    if size > most:
                        raise SandboxBroken(f"it sends more than {most} bytes", where=self.name)
                    put(block)
        except Closed as closed:
            return result(closed.words, connection.target, self._rename)
        except LinkLost as lost:
            raise connection.broken(lost) from lost
        finally:
            channel.close()

    async def close(self) -> None:
        """See the contract. Raises nothing when the connection is gone: then nothing runs there any more."""
        for running in list(self._running):
            running.stop()
        connection = await self._connect() if self._running else None
        if connection is not None:
            with contextlib.suppress(FabrikError):
                await connection.ask("close", {"key": self._keys.own})


class PreparedOverSsh:
    """See `Prepared`."""

    def __init__(self, sandbox: SshSandbox, running: Running) -> None:
        self._sandbox = sandbox
        self._running = running

    async def run(
        self, files: Mapping[str, bytes] | None = None, env: Mapping[str, str] | None = None
    ) -> Exit:
        """See the contract."""
        try:
            variables.require(env or {}, self._sandbox.name)
        except SandboxBroken:
            await self.discard()
            raise
        await self._running.go(files or {}, env or {})
        return await self._sandbox._finish(self._running)

    async def discard(self) -> None:
        """See the contract."""
        await self._running.give_up()
        self._sandbox._running.discard(self._running)


def _path(said: Mapping[str, Any], name: str) -> str:
    found = said.get(name)
    if not (isinstance(found, str) and found.startswith("/") and len(found) < 4096 and found.isprintable()):
        raise SandboxBroken(f"the helper named no {name}")
    return found


def _url(said: Mapping[str, Any], name: str) -> str:
    found = said.get(name)
    head = "http://127.0.0.1:"
    if not (isinstance(found, str) and found.startswith(head) and found[len(head) :].isdigit()):
        raise SandboxBroken(f"the helper named no door to {name}")
    return found
