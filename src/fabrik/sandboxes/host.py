"""What sandboxes on this machine have in common: one command from its start to its last process."""

from __future__ import annotations

import asyncio
import contextlib
import errno
import os
import resource
import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path, PurePosixPath

from fabrik.errors import FabrikError, SandboxBroken
from fabrik.sandboxes import cgroups, variables, watch
from fabrik.sandboxes.held import Held, NotWanted, StartAnew
from fabrik.sandboxes.layout import Layout, problem
from fabrik.sandboxes.reading import give, read_below, write_files
from fabrik.sandboxes.running import Ended, Running
from fabrik.sandboxes.sandbox import Command, Endpoints, Exit, Limits, SandboxSpec, StoppedBy
from fabrik.sandboxes.streams import Streams, open_streams

_SIGXFSZ = 25
_PACK = Limits(seconds=600.0)  # for tar; a hung disk must not hang the run


class HostSandbox(ABC):
    """A sandbox whose directories and processes are on this machine."""

    workspace: str
    home: str
    endpoints: Endpoints
    always_group: bool  # make a control group even without a limit to enforce, to find leftovers by it
    helpers: int  # fabrik's own processes inside a group

    def __init__(self, spec: SandboxSpec, layout: Layout) -> None:
        self.name = spec.name
        self.spec = spec
        self.layout = layout
        self._helds: set[Held] = set()
        self._active: set[asyncio.Task[Exit]] = set()

    @abstractmethod
    async def start(
        self,
        command: Command,
        streams: Streams,
        word: Word,
    ) -> Running:
        """Make the command's place, say `word.made`, and start it after `word.given`.

        When `word.given` raises, nothing is run and nothing is left. So it is when this raises StartAnew:
        it is called again then, once, with all that the word said.
        """

    async def exec(self, command: Command) -> Exit:
        """See the contract."""
        held = Held()
        held.release()
        return await self._see_to_end(self._begin(command, held), held)

    async def prepare(self, command: Command) -> PreparedCommand:
        """See the contract."""
        held = Held()
        prepared = PreparedCommand(self, self._begin(command, held), held)
        await prepared.made()
        return prepared

    def _begin(self, command: Command, held: Held) -> asyncio.Task[Exit]:
        """The command in a task that is never cancelled, only told to stop."""
        task = asyncio.create_task(self._exec(command, held))
        self._helds.add(held)
        self._active.add(task)
        return task

    async def _see_to_end(self, task: asyncio.Task[Exit], held: Held) -> Exit:
        cancelled = False
        try:
            while not task.done():
                try:
                    await asyncio.shield(task)
                except asyncio.CancelledError:
                    if not task.done():
                        cancelled = True
                        held.stop.set()
                except Exception:  # noqa: BLE001, S110 - raised below, from the task
                    pass
        finally:
            self._helds.discard(held)
            self._active.discard(task)
        if cancelled:
            task.exception()  # seen: the cancellation counts
            raise asyncio.CancelledError
        return task.result()

    async def _exec(self, command: Command, held: Held) -> Exit:
        try:
            watch.require_space([self.layout.root, command.stdout.parent])
            record = self.layout.began()
        except OSError as error:
            raise problem(error, "the sandbox cannot start a command", self.layout.root) from error
        try:
            self._require_workspace()
            self._home(command)
            self._let_in(command)
            with open_streams(command, self.layout.owner) as streams:
                try:
                    return await self._run(command, streams, held)
                except StartAnew:
                    streams.empty()
                    command = replace(command, env={**command.env, **held.env})
                    return await self._run(command, streams, held)
        except OSError as error:
            raise problem(error, "the sandbox cannot start a command", self.layout.root) from error
        finally:
            record.unlink(missing_ok=True)
            if len(self._active) <= 1:  # an older command may still live in an older HOME
                await asyncio.to_thread(self._empty_trash)

    def _require_workspace(self) -> None:
        """Another's workspace may go at any time."""
        if self.layout.reads is not None and not self.layout.workspace.is_dir():
            raise SandboxBroken(
                "the sandbox whose workspace this one reads is gone", where=str(self.layout.reads)
            )

    def _home(self, command: Command) -> None:
        if command.files is None:
            return
        try:
            self.layout.renew_home(command.files)
        except ValueError as error:
            raise SandboxBroken(str(error), where=self.name) from error

    def _let_in(self, command: Command) -> None:
        """Whoever runs the command may connect to its doors; their directory is ours alone."""
        for socket in (command.doors.models, command.doors.proxy) if command.doors else ():
            with contextlib.suppress(FileNotFoundError):  # said where it is shown
                give(socket, self.layout.owner)

    def _empty_trash(self) -> None:
        with contextlib.suppress(OSError):  # stays in the trash until the sandbox is adopted or destroyed
            self.layout.empty_trash()

    async def _run(self, command: Command, streams: Streams, held: Held) -> Exit:
        limits = command.limits
        group, grouped = await asyncio.to_thread(self._group, limits)
        running: Running | None = None
        stopped: StoppedBy | None = None
        ended = Ended(status=None, signal=9)
        try:
            try:
                word = Word(held, self.layout, lambda pid: self._enter(pid, group, limits))
                running = await self.start(command, streams, word)
            except NotWanted:
                pass
            except OSError as error:
                if error.errno != errno.E2BIG:
                    raise
                os.write(streams.stderr, f"{command.argv[0]}: {error.strerror}\n".encode())
                ended = Ended(status=126, signal=None)  # as a shell says of arguments that are too long
            if running is not None:
                watching = watch.watchers(
                    limits,
                    streams=streams,
                    directories=[*self._own_directories(), *self._more_directories()],
                    log=command.stdout,
                    group=group,
                    pid=running.pid,
                    grouped=grouped,
                    helpers=self.helpers,
                )
                ended, stopped = await watch.first(running, watching, held.stop)
        finally:
            if running is not None:
                running.kill()
                await running.gone()
            if group is not None:
                stopped = stopped or group.hit()
                group.kill()
                await group.remove()
        size = streams.output_bytes()
        if stopped is None and _SIGXFSZ in (ended.signal, (ended.status or 0) - 128):
            full = limits.output_bytes is not None and size >= limits.output_bytes
            stopped = "output" if full else "disk"
        return Exit(
            status=ended.status,
            signal=ended.signal,
            stopped_by=stopped,
            seconds=time.monotonic() - held.since,
            output_bytes=size,
        )

    def _own_directories(self) -> list[Path]:
        """What the disk limit counts."""
        return [self.layout.home] if self.layout.reads else [self.layout.workspace, self.layout.home]

    def _more_directories(self) -> list[Path]:
        return []

    def _group(self, limits: Limits) -> tuple[cgroups.Group | None, frozenset[str]]:
        """A control group, if one is of use here, and the names of the limits that it enforces."""
        where = cgroups.bases()
        grouped = {
            name
            for name, base, limit in (
                ("memory", where.memory, limits.memory_bytes),
                ("processes", where.pids, limits.processes),
            )
            if base is not None and limit is not None
        }
        if not where.directories() or not (grouped or self.always_group):
            return None, frozenset()
        try:
            group = cgroups.Group(self.name, where)
        except OSError:
            return None, frozenset()  # watched instead
        try:
            group.limit(limits, self.helpers)
        except OSError:
            return group, frozenset()
        return group, frozenset(grouped)

    def _enter(self, pid: int, group: cgroups.Group | None, limits: Limits) -> None:
        if group is not None:
            group.add(pid)
        _resource_limits(pid, limits)

    async def read_file(self, path: str, max_bytes: int) -> bytes | None:
        """See the contract."""
        place = self.place(path)
        if place is None:
            return None
        root, parts = place
        if root == self.layout.workspace:
            self._require_workspace()
        try:
            return await asyncio.to_thread(read_below, root, parts, max_bytes)
        except PermissionError:  # whoever works inside owns it and has shut it: for us there is nothing
            return None
        except OSError as error:
            raise problem(error, f"{path} cannot be read", self.name) from error

    def place(self, path: str) -> tuple[Path, tuple[str, ...]] | None:
        """Where a path inside lies on the host: a directory of the sandbox, and the way down from it."""
        inside = PurePosixPath(path)
        if not inside.is_absolute():
            return self.layout.workspace, inside.parts
        for shown, root in ((self.workspace, self.layout.workspace), (self.home, self.layout.home)):
            if inside.is_relative_to(shown):
                return root, inside.relative_to(shown).parts
        return None

    async def tar_in(self, archive: Path, directory: str) -> None:
        """See the contract. tar runs inside, where a link in the archive leads nowhere."""
        if self.layout.reads is not None and self._in_workspace(directory):
            raise SandboxBroken(
                f"cannot unpack {directory}: the workspace is read-only, it belongs to another sandbox",
                where=self.name,
            )
        script = 'mkdir -p -- "$1" && exec tar -x -p --no-same-owner -f - -C "$1"'
        await self._tar("unpack", script, directory, stdin=archive)

    def _in_workspace(self, directory: str) -> bool:
        return PurePosixPath(os.path.normpath(PurePosixPath("/", directory))).is_relative_to(self.workspace)

    async def tar_out(self, directory: str, archive: Path, max_bytes: int) -> None:
        """See the contract."""
        try:
            await self._tar("pack", 'exec tar -c -f - -C "$1" .', directory, stdout=archive, limit=max_bytes)
        except BaseException:
            archive.unlink(missing_ok=True)
            raise

    async def _tar(
        self,
        what: str,
        script: str,
        directory: str,
        *,
        stdin: Path | bytes = b"",
        stdout: Path | None = None,
        limit: int | None = None,
    ) -> None:
        log = self.layout.root / f"tar-{os.urandom(4).hex()}.log"
        try:
            end = await self.exec(
                Command(
                    argv=["/bin/sh", "-c", script, "tar", directory],
                    stdin=stdin,
                    stdout=stdout or log,
                    stderr=log,
                    cwd="/",
                    limits=Limits(seconds=_PACK.seconds, output_bytes=limit),
                )
            )
            if limit is not None and (end.stopped_by == "output" or end.output_bytes > limit):
                raise SandboxBroken(f"{directory} is larger than {limit} bytes when packed", where=self.name)
            if not end.ok:
                words = log.read_text(errors="replace").strip().splitlines()[-3:]
                raise SandboxBroken(f"cannot {what} {directory}: {' / '.join(words) or end}", where=self.name)
        finally:
            log.unlink(missing_ok=True)

    async def close(self) -> None:
        """See the contract."""
        for held in self._helds:
            held.stop.set()
        if self._active:
            await asyncio.wait(set(self._active))


class Word:
    """What a provider says and hears while it starts a command."""

    def __init__(self, held: Held, layout: Layout, enter: Callable[[int], None]) -> None:
        self._held = held
        self._layout = layout
        self._enter = enter
        self.awaited = not held.said  # the command is prepared: more may come with the word

    async def made(self, pid: int) -> None:
        """This process is the top of all that the command will start: put it into its groups now.

        The kernel may take tens of milliseconds to move a process into a group; others need not wait.
        """
        await asyncio.to_thread(self._enter, pid)

    async def given(self) -> Mapping[str, str]:
        """Wait for the word to start; the variables that come with it. Raises NotWanted."""
        await self._held.wait()
        if not self.awaited:
            return {}  # nothing came with it, or it is told anew
        if self._held.files:
            write_files(self._layout.home, self._held.files, self._layout.owner)
        return self._held.env


class PreparedCommand:
    """See `Prepared`."""

    def __init__(self, sandbox: HostSandbox, task: asyncio.Task[Exit], held: Held) -> None:
        self._sandbox = sandbox
        self._task = task
        self._held = held

    async def made(self) -> None:
        """Wait until it is ready to start, or has failed: then `run` raises why."""
        held = asyncio.create_task(self._held.holding.wait())
        try:
            await asyncio.wait({held, self._task}, return_when=asyncio.FIRST_COMPLETED)
        except asyncio.CancelledError:
            await self.discard()
            raise
        finally:
            held.cancel()

    async def run(
        self, files: Mapping[str, bytes] | None = None, env: Mapping[str, str] | None = None
    ) -> Exit:
        """See the contract."""
        try:
            variables.require(env or {}, self._sandbox.name)
        except SandboxBroken:
            await self.discard()
            raise
        self._held.release(files, env)
        return await self._sandbox._see_to_end(self._task, self._held)

    async def discard(self) -> None:
        """See the contract."""
        self._held.stop.set()
        with contextlib.suppress(FabrikError):
            await self._sandbox._see_to_end(self._task, self._held)


def _resource_limits(pid: int, limits: Limits) -> None:
    """The limits that the kernel keeps per process; backstops only, the watchers hold what was asked for.

    Never RLIMIT_AS: node and bun reserve huge ranges. The number of processes is counted per user
    namespace since Linux 5.14, and not at all for the real root.
    """
    wanted = [(resource.RLIMIT_CORE, 0)]
    if limits.disk_bytes is not None and limits.output_bytes is not None:
        wanted.append((resource.RLIMIT_FSIZE, max(limits.disk_bytes, limits.output_bytes)))
    for kind, value in wanted:
        with contextlib.suppress(ProcessLookupError, PermissionError, ValueError):
            resource.prlimit(pid, kind, (value, value))
