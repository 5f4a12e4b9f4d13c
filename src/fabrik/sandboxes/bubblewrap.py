"""The provider `bubblewrap`: every command in namespaces of its own, made by bwrap without privileges."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import subprocess
from functools import lru_cache

from fabrik.errors import SandboxBroken
from fabrik.sandboxes import bwrap_args, inside, seccomp, userns, variables
from fabrik.sandboxes.bwrap_args import Descriptors
from fabrik.sandboxes.held import StartAnew
from fabrik.sandboxes.host import HostSandbox, Word
from fabrik.sandboxes.layout import problem
from fabrik.sandboxes.pidfd import Child, PidFd
from fabrik.sandboxes.procs import parent_of
from fabrik.sandboxes.provider import HostProvider
from fabrik.sandboxes.running import Ended
from fabrik.sandboxes.sandbox import Command, Endpoints, Preflight, SandboxSpec
from fabrik.sandboxes.streams import Streams

_MISSING = "bwrap is not installed"
_GET = "apt-get install bubblewrap"


@lru_cache(maxsize=1)
def flags() -> frozenset[str]:
    """The options that the installed bwrap has. Raises SandboxBroken when there is none."""
    try:
        text = subprocess.run(
            ["bwrap", "--help"], capture_output=True, text=True, check=False, stdin=subprocess.DEVNULL
        ).stdout
    except OSError as problem:
        raise SandboxBroken(_MISSING, where="bubblewrap", todo=_GET) from problem
    return frozenset(word for word in text.split() if word.startswith("--"))


class BubblewrapSandbox(HostSandbox):
    """A workspace and a HOME; each command gets its own bwrap around them."""

    workspace = bwrap_args.WORKSPACE
    home = bwrap_args.HOME
    endpoints = Endpoints(
        models=f"http://127.0.0.1:{bwrap_args.MODELS_PORT}", proxy=f"http://127.0.0.1:{bwrap_args.PROXY_PORT}"
    )
    always_group = False  # killing the first process of a pid namespace kills all of it
    helpers = 2  # bwrap's reaper and the shim

    async def start(self, command: Command, streams: Streams, word: Word) -> Boxed:
        with contextlib.ExitStack() as ours, contextlib.ExitStack() as hold:
            status = _pipe(ours, keep=0)
            block = _pipe(hold, keep=1)
            go = _pipe(hold, keep=1)
            env = variables.place() if command.doors and word.awaited else None
            if env is not None:
                hold.callback(os.close, env)
            with contextlib.ExitStack() as theirs:
                for fd in (status[1], block[0], go[0]):
                    theirs.callback(os.close, fd)
                fds = Descriptors(
                    status=status[1],
                    block=block[0],
                    go=go[0] if command.doors else None,
                    env=env,
                    filter=_filter(theirs),
                    users=userns.shared(self.layout.owner) if self.layout.owner else None,
                )
                child = Child(
                    bwrap_args.arguments(self.spec, self.layout, command, flags=flags(), fds=fds),
                    env=inside.environment(self.spec, self.home, command.env),
                    stdin=streams.stdin,
                    stdout=streams.stdout,
                    stderr=streams.stderr,
                    pass_fds=fds.all(),
                    owner=self.layout.owner,
                )
            boxed = Boxed(child, status[0], streams.stderr, self.name)
            ours.pop_all()  # closed by `gone`
            try:
                if await boxed.made() is not None:
                    await word.made(boxed.pid)
                    if command.doors:
                        os.write(block[1], b"x")  # the forwarder starts, and waits before the command
                    await _told(word, go[1] if command.doors else block[1], env)
            except BrokenPipeError:
                pass  # it gave up; `wait` says why
            except BaseException:
                boxed.kill()
                await boxed.gone()
                raise
        return boxed


async def _told(word: Word, go: int, env: int | None) -> None:
    """Pass the word on when it comes. Raises NotWanted, StartAnew, BrokenPipeError."""
    more = await word.given()
    if more and env is None:
        raise StartAnew  # the command's environment was fixed with its namespaces: no forwarder sets it
    if more and env is not None:
        variables.put(env, more)
    try:
        os.write(go, b"x")
    except BrokenPipeError:
        if word.awaited:
            raise StartAnew from None
        raise


def _pipe(closing: contextlib.ExitStack, *, keep: int) -> tuple[int, int]:
    """A pipe of which we keep the end `keep`; the other one is for bwrap."""
    ends = os.pipe2(os.O_CLOEXEC)
    os.set_blocking(ends[keep], False)
    closing.callback(os.close, ends[keep])
    return ends


def _filter(closing: contextlib.ExitStack) -> int | None:
    refused = seccomp.open_program()
    if refused is not None:
        closing.callback(os.close, refused)
    return refused


class Boxed:
    """A command in its bwrap. Killing the first process inside kills all there are, at once."""

    def __init__(self, child: Child, status: int, stderr: int, name: str) -> None:
        self._outer = child
        self._inner: PidFd | None = None
        self._status = status
        self._words = b""  # what bwrap said on its status descriptor
        self._stderr = stderr
        self._name = name
        self._killed = False
        self.pid = child.pid

    async def made(self) -> int | None:
        """Wait for the namespaces; the first process in them, or None when bwrap gave up."""
        loop = asyncio.get_running_loop()
        while b"\n" not in self._words:
            readable = loop.create_future()
            loop.add_reader(self._status, _wake, readable)
            try:
                await readable
            finally:
                loop.remove_reader(self._status)
            if not self._listen():
                return None
        pid = int(json.loads(self._words.splitlines()[0])["child-pid"])
        try:
            inner = PidFd(pid)
        except OSError:
            return None
        # The number could have gone to a stranger already, had bwrap failed and ended in the meantime.
        if parent_of(pid) != self._outer.pid:
            inner.close()
            return None
        self._inner, self.pid = inner, pid
        return pid

    def _listen(self) -> bool:
        """Read what is there; False at the end."""
        try:
            block = os.read(self._status, 4096)
        except BlockingIOError:
            return True
        self._words += block
        return bool(block)

    async def wait(self) -> Ended:
        code = await self._outer.wait()
        if self._killed or code < 0:
            return Ended(status=None, signal=9 if self._killed else -code)
        before = -1
        while before != len(self._words):
            before = len(self._words)
            self._listen()
        if b'"exit-code"' in self._words:
            # As in a shell: bwrap says 128 + n when a signal ended the command.
            if 128 < code <= 128 + 64:
                return Ended(status=None, signal=code - 128)
            return Ended(status=code, signal=None)
        return self._never_ran()

    def _never_ran(self) -> Ended:
        """The command was not started, so all that is on stderr are bwrap's own words."""
        with open(f"/proc/self/fd/{self._stderr}", "rb") as log:
            words = log.read(4096).decode(errors="replace").strip()
        if "bwrap: execvp" in words:
            return Ended(status=127 if words.endswith("No such file or directory") else 126, signal=None)
        raise SandboxBroken(
            words or "bwrap ended without a word", where=self._name, todo="run `fabrik doctor`"
        )

    def kill(self) -> None:
        self._killed = True
        if self._inner is not None:
            self._inner.kill()
        else:
            self._outer.handle.kill()

    async def gone(self) -> None:
        if self._inner is not None:
            await self._inner.gone()  # not before the last process of its namespace
            self._inner.close()
        await self._outer.close()
        if self._status >= 0:
            os.close(self._status)
            self._status = -1


def _wake(future: asyncio.Future[None]) -> None:
    if not future.done():
        future.set_result(None)


class Bubblewrap(HostProvider[BubblewrapSandbox]):
    """Namespaces of the kernel: no network, no other process, only a few of the host's files."""

    name = "bubblewrap"
    isolates = True
    sandbox = BubblewrapSandbox

    async def create(self, spec: SandboxSpec) -> BubblewrapSandbox:
        box = await super().create(spec)
        try:
            box.layout.renew_etc()
        except OSError as error:
            raise problem(error, "the sandbox cannot be made", spec.root) from error
        return box

    async def preflight(self) -> Preflight:
        from fabrik.sandboxes.probes import bubblewrap

        return await bubblewrap()
