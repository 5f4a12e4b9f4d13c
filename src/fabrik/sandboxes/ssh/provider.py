"""The provider `ssh:DESTINATION`: sandboxes on any machine that one reaches with OpenSSH.

That machine runs the same walls as this one: bubblewrap, where it is installed. What a sandbox is called
there is written on this machine first, below the sandbox's root, so that nothing there is unknown here.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from fabrik.errors import FabrikError, SandboxBroken, UsageError
from fabrik.sandboxes import layout
from fabrik.sandboxes.layout import Layout
from fabrik.sandboxes.sandbox import Preflight, Probe, SandboxRef, SandboxSpec
from fabrik.sandboxes.ssh.box import Keys, SshSandbox
from fabrik.sandboxes.ssh.carry import carry
from fabrik.sandboxes.ssh.connection import Connection, connect
from fabrik.sandboxes.ssh.keys import key_of, known_key
from fabrik.sandboxes.ssh.link import Channel, Json


class Ssh:
    """Commands run on another machine; only files that are asked for come back."""

    def __init__(self, target: str, options: object = None) -> None:  # noqa: ARG002
        """target: what one gives to `ssh`: an alias, user@host, ssh://user@host:port. Raises UsageError."""
        if not target or target.startswith("-") or not target.isprintable() or " " in target:
            raise UsageError(
                f"{target!r} is no destination for ssh" if target else "it needs the name of a machine",
                where="--sandbox",
                todo="use ssh:HOST, ssh:USER@HOST, or an alias of ~/.ssh/config",
            )
        self.target = target
        self.name = f"ssh:{target}"
        self.isolates = True  # until the machine says that it has no bubblewrap
        self._connection: Connection | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._connecting: asyncio.Lock | None = None

    async def preflight(self) -> Preflight:
        """See the contract."""
        try:
            connection = await self._connect()
            found = await connection.ask("hello", {})
            if missing := _strings(found.get("missing")):
                return Preflight(
                    ready=False,
                    why=f"{self.target} lacks {', '.join(missing)}",
                    todo=f"install it there: apt-get install {' '.join(missing)}",
                )
            said = await connection.ask("preflight", {})
        except FabrikError as problem:
            return Preflight(ready=False, why=problem.what, todo=problem.todo)
        return Preflight(
            ready=said.get("ready") is True,
            why=f"{self.target}: {_text(said, 'why')}",
            todo=_text(said, "todo"),
            probes=[_probe(probe) for probe in list(said.get("probes") or ())[:100]],
        )

    async def create(self, spec: SandboxSpec) -> SshSandbox:
        """See the contract."""
        try:
            there = Layout(spec.root, spec.reads)
            layout.make(there, spec, self.name, [])
            keys = Keys(own=key_of(spec.root), reads=key_of(spec.reads) if spec.reads else None)
        except OSError as error:
            raise layout.problem(error, "the sandbox cannot be made", spec.root) from error
        box = SshSandbox(spec, keys, self._connect)
        await box.make()
        return box

    async def list(self, root: Path, labels: Mapping[str, str]) -> Sequence[SandboxRef]:
        """See the contract. What this machine knows is all there is: it is written here first."""
        try:
            return await asyncio.to_thread(layout.find, root, self.name, labels)
        except OSError as error:
            raise layout.problem(error, "the sandboxes cannot be listed", root) from error

    async def end(self, ref: SandboxRef) -> None:
        """See the contract."""
        if key := known_key(ref.root):
            connection = await self._connect()
            await connection.ask("end", {"key": key, "name": ref.name})

    async def destroy(self, ref: SandboxRef) -> None:
        """See the contract."""
        there, labels = Layout(ref.root), layout.read_labels(ref.root)
        if labels is None:
            if ref.root.exists() and any(ref.root.iterdir()):
                raise SandboxBroken(
                    "the directory holds no sandbox: it is left as it is", where=str(ref.root)
                )
        elif labels.name != ref.name:
            raise SandboxBroken(f"the directory belongs to the sandbox {labels.name!r}", where=str(ref.root))
        if key := known_key(ref.root):
            try:
                connection = await self._connect()
                await connection.ask("destroy", {"key": key, "name": ref.name})
            except FabrikError as problem:
                leak = f"~/.local/state/fabrik-ssh/boxes/{key}"
                raise SandboxBroken(
                    f"it cannot be removed there: {problem.what}",
                    where=str(ref.root),
                    todo=f"try again when {self.target} can be reached; it is {leak} on {self.target}",
                ) from problem
            connection.known.discard(key)
        try:
            await asyncio.to_thread(layout.erase, there)
        except OSError as error:
            raise layout.problem(error, "the sandbox's record cannot be removed", ref.root) from error

    async def _connect(self) -> Connection:
        """The connection that is there, or a new one. Raises SandboxBroken."""
        loop = asyncio.get_running_loop()
        if self._loop is not loop or self._connecting is None:
            self._loop, self._connection, self._connecting = loop, None, asyncio.Lock()
        async with self._connecting:
            if self._connection is None or self._connection.link.lost:
                self._connection = None
                self._connection = made = await connect(self.target, self._opened)
                found = await made.ask("hello", {})
                self.isolates = found.get("bwrap") is True
            return self._connection

    async def _opened(self, channel: Channel, words: Json) -> None:
        """A connection to one of the doors of a command that runs there; to nothing else."""
        connection, of = self._connection, words.get("of")
        doors = connection.doors.get(of) if connection is not None and isinstance(of, int) else None
        if doors is None or words.get("do") != "door":
            return
        path = {"models": doors.models, "proxy": doors.proxy}.get(str(words.get("door")))
        if path is None:
            return
        try:
            reader, writer = await asyncio.open_unix_connection(path)
        except OSError:  # the gateway is gone: the caller sees a closed connection
            return
        await carry(channel, reader, writer)


def _text(said: Mapping[str, Any], name: str) -> str:
    found = said.get(name)
    return "".join(c for c in found if c.isprintable())[:1000] if isinstance(found, str) else ""


def _strings(found: Any) -> Sequence[str]:
    return [str(one)[:100] for one in found[:10]] if isinstance(found, list) else []


def _probe(said: Any) -> Probe:
    words = said if isinstance(said, dict) else {}
    return Probe(
        what=_text(words, "what"),
        holds=words.get("holds") is True,
        how=_text(words, "how"),
        todo=_text(words, "todo"),
    )
