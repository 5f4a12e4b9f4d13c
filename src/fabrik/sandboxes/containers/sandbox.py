"""A sandbox whose commands run in containers: one container for each command, gone with it."""

from __future__ import annotations

import asyncio
import os
from pathlib import PurePosixPath

from fabrik.errors import SandboxBroken
from fabrik.sandboxes import bwrap_args, inside
from fabrik.sandboxes.containers import arguments, control, refused
from fabrik.sandboxes.containers.arguments import Image
from fabrik.sandboxes.containers.control import Control, Start
from fabrik.sandboxes.containers.engine import Engine, complaint
from fabrik.sandboxes.containers.leftovers import remove
from fabrik.sandboxes.held import StartAnew
from fabrik.sandboxes.host import HostSandbox, Word
from fabrik.sandboxes.pidfd import Child, PidFd
from fabrik.sandboxes.running import Ended
from fabrik.sandboxes.sandbox import Command, Endpoints
from fabrik.sandboxes.streams import Streams

_START = 120.0  # seconds for an engine to start a container, on a busy machine too
_PATIENCE = 20.0  # seconds for an engine to remove a container whose processes have ended


class ContainerSandbox(HostSandbox):
    """A workspace and a HOME; each command gets its own container around them."""

    workspace = bwrap_args.WORKSPACE
    home = bwrap_args.HOME
    endpoints = Endpoints(
        models=f"http://127.0.0.1:{bwrap_args.MODELS_PORT}", proxy=f"http://127.0.0.1:{bwrap_args.PROXY_PORT}"
    )
    always_group = False  # killing the first process of a pid namespace kills all of it
    helpers = 1  # the first process
    engine: Engine  # these two are set by the provider
    image: Image

    async def start(self, command: Command, streams: Streams, word: Word) -> Contained:
        contained = Contained(self, command)
        try:
            pid = await contained.made()
            await word.made(pid)
            more = await word.given()
            start = Start(
                argv=command.argv,
                cwd=str(PurePosixPath(self.workspace, command.cwd or "")),
                env=inside.environment(self.spec, self.home, {**command.env, **more}),
                refused=refused.program(),
            )
            try:
                await contained.control.tell(start, streams)
            except ConnectionError:
                if word.awaited:
                    raise StartAnew from None  # it was lost while it waited
            except ValueError as error:
                raise SandboxBroken(f"the command cannot be started: {error}", where=self.name) from error
        except BaseException:
            contained.kill()
            await contained.gone()
            raise
        return contained


class Contained:
    """A command in its container. Killing the first process inside kills all there are, at once."""

    def __init__(self, box: ContainerSandbox, command: Command) -> None:
        """Raises SandboxBroken, OSError."""
        self._name = arguments.container_name(box.name)
        self._engine = box.engine
        self._sandbox = box.name
        self.control = Control(box.layout.root / "control")
        self._words = os.memfd_create("engine", os.MFD_CLOEXEC)  # what the engine's tool says
        self._first: PidFd | None = None
        self._killed = False
        try:
            _people(self.control)
            self._tool = Child(
                arguments.run(
                    box.engine,
                    box.image,
                    name=self._name,
                    spec=box.spec,
                    layout=box.layout,
                    control=self.control.directory,
                    command=command,
                ),
                env=box.engine.environ(),
                stdout=self._words,
                stderr=self._words,
            )
        except BaseException:
            self._put_back()
            raise
        self.pid = self._tool.pid

    async def made(self) -> int:
        """Wait for the first process; its number. Raises SandboxBroken when there will be none."""
        called = asyncio.create_task(self.control.called())
        ended = asyncio.create_task(self._tool.wait())
        try:
            await asyncio.wait({called, ended}, timeout=_START, return_when=asyncio.FIRST_COMPLETED)
            if not called.done():
                raise self._refused(ended.done())
            first = PidFd(called.result())
            if self.control.lost():  # then the number could be another's by now
                first.close()
                raise self._refused(True)
        except ProcessLookupError:
            raise self._refused(True) from None
        finally:
            called.cancel()
            ended.cancel()
            await asyncio.gather(called, ended, return_exceptions=True)
        self._first, self.pid = first, first.pid
        return first.pid

    def _refused(self, ended: bool) -> SandboxBroken:
        said = complaint(os.pread(self._words, 1 << 16, 0))
        why = said or ("it ended without a word" if ended else f"nothing in {_START:.0f} seconds")
        return SandboxBroken(
            f"{self._engine.name} starts no container: {why}", where=self._sandbox, todo="run `fabrik doctor`"
        )

    async def wait(self) -> Ended:
        said = await self.control.heard()
        kind, _, number = said.partition(" ")
        if kind == "exit":
            return Ended(status=int(number), signal=None)
        if kind == "signal":
            return Ended(status=None, signal=int(number))
        if kind == "broken":
            raise control.broken(said, self._sandbox)
        return Ended(status=None, signal=9)  # ended by us, by the kernel, or with its sandbox

    def kill(self) -> None:
        self._killed = True
        if self._first is not None:
            self._first.kill()

    async def gone(self) -> None:
        try:
            if self._first is not None:
                await self._first.gone()  # not before the last process of its namespace
            try:
                await asyncio.wait_for(self._tool.wait(), _PATIENCE if self._first is not None else 0.0)
            except TimeoutError:
                await remove(self._engine, [self._name])
            await self._tool.close()
        finally:
            self._put_back()

    def _put_back(self) -> None:
        if self._words >= 0:
            os.close(self._words)
            self._words = -1
        if self._first is not None:
            self._first.close()
        self.control.close()


def _people(place: Control) -> None:
    """The users whom a command sees: root, itself, nobody. Raises OSError."""
    uid, gid = arguments.user()
    place.put(
        "passwd",
        f"root:x:0:0:root:/root:/bin/sh\nagent:x:{uid}:{gid}:agent:{bwrap_args.HOME}:/bin/sh\n"
        "nobody:x:65534:65534:nobody:/nonexistent:/usr/sbin/nologin\n".encode(),
    )
    place.put("group", f"root:x:0:\nagent:x:{gid}:\nnogroup:x:65534:\n".encode())
