"""The contract of a sandbox and of its provider.

Two kinds of failure are kept apart. A command that fails, is killed or runs into a limit is an `Exit`.
A sandbox that cannot do its work raises `SandboxBroken`, and nobody may show that as the command's output.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal, Protocol


@dataclass(frozen=True, kw_only=True)
class Limits:
    """Bounds on one command and everything it starts. None: unbounded."""

    seconds: float | None = None
    memory_bytes: int | None = None
    processes: int | None = None
    output_bytes: int | None = None  # stdout and stderr together
    disk_bytes: int | None = None  # what the sandbox's own directories may hold


@dataclass(frozen=True, kw_only=True)
class SandboxSpec:
    """What a sandbox is to be. `read_only` paths appear inside at the same path as on the host."""

    name: str  # unique per host: <run id>/<purpose>; creating it again adopts what is there
    root: Path  # a host directory that belongs to this sandbox alone; the provider lays it out
    labels: Mapping[str, str] = field(default_factory=dict)  # for `list`: run=<id>, purpose=…
    read_only: Sequence[Path] = ()
    sources: Mapping[Path, Path] = field(default_factory=dict)  # where one lies, if not at its path
    path: Sequence[str] = ()  # directories put in front of PATH inside
    env: Mapping[str, str] = field(default_factory=dict)
    # Root of another sandbox of this provider: its workspace is shown as this one's, read-only. HOME and what
    # else is written stay this one's own. A provider that does not isolate shows it and cannot protect it.
    # Many may read the same one; it must be there when a sandbox is created, adopted, or runs a command.
    reads: Path | None = None


@dataclass(frozen=True, kw_only=True)
class Doors:
    """Unix sockets on the host that a command may reach as TCP ports on its own loopback."""

    models: Path  # the gateway's door to models
    proxy: Path  # the gateway's HTTP/CONNECT proxy


@dataclass(frozen=True, kw_only=True)
class Endpoints:
    """Where the doors are, seen from inside: URLs such as http://127.0.0.1:4180, no trailing slash."""

    models: str
    proxy: str


@dataclass(frozen=True, kw_only=True)
class Command:
    """One command to run inside. It gets a minimal environment: PATH, HOME, LANG, TERM, and `env`."""

    argv: Sequence[str]
    stdout: Path  # host file, created or truncated; the command writes straight into it
    stderr: Path  # host file; may be the same path as stdout
    env: Mapping[str, str] = field(default_factory=dict)
    cwd: str | None = None  # inside; None: the workspace
    stdin: bytes | Path = b""  # fed and closed; a Path is a host file
    files: Mapping[str, bytes] | None = None  # not None: HOME is made anew and holds just these files
    limits: Limits = Limits()
    doors: Doors | None = None  # None: no network at all


StoppedBy = Literal["time", "output", "memory", "processes", "disk"]


@dataclass(frozen=True, kw_only=True)
class Exit:
    """How a command ended. When this is returned, nothing that the command started is alive."""

    status: int | None  # exit status; None when a signal ended it
    signal: int | None
    stopped_by: StoppedBy | None = None  # the limit that ended it
    seconds: float
    output_bytes: int  # written to stdout and stderr

    @property
    def ok(self) -> bool:
        """Exit status 0, and no limit was hit."""
        return self.status == 0 and self.stopped_by is None


class Prepared(Protocol):
    """A command whose place is made and that has not begun. Exactly one of `run` and `discard` is called."""

    async def run(
        self, files: Mapping[str, bytes] | None = None, env: Mapping[str, str] | None = None
    ) -> Exit:
        """Start it now, with more files in HOME and more variables, and see it to its end.

        env: where one has the name of a variable that it was prepared with, this value counts.
        If it was killed while it waited, nothing of it had run: its place is made anew. Raises as
        `Sandbox.exec` does, and SandboxBroken for a variable that no environment can hold.
        """
        ...

    async def discard(self) -> None:
        """Give it up: nothing was started. Raises nothing."""
        ...


class Sandbox(Protocol):
    """A place where commands run, with a workspace and a HOME of its own."""

    name: str
    workspace: str  # path inside
    home: str  # path inside
    endpoints: Endpoints  # where the doors of a command are found

    async def exec(self, command: Command) -> Exit:
        """Run a command to its end and leave no process behind. When cancelled, kills it all first.

        A program that does not exist gives status 127, one that is not executable 126, as in a shell.
        Raises SandboxBroken when the sandbox cannot start commands, DiskFull when a log cannot be written.
        """
        ...

    async def prepare(self, command: Command) -> Prepared:
        """Do all that comes before a command's start, while something else still runs, and hold it there.

        For a command that is known before its time: starting it then costs next to nothing. Its limit of
        time counts from `Prepared.run`. Raises as `exec` does.
        """
        ...

    async def read_file(self, path: str, max_bytes: int) -> bytes | None:
        """The first max_bytes of a regular file inside (workspace or home), or None if there is none to read.

        Follows no symbolic link. Raises SandboxBroken.
        """
        ...

    async def tar_in(self, archive: Path, directory: str) -> None:
        """Unpack a host tar file into a directory inside.

        Raises SandboxBroken, also for a workspace that is only read.
        """
        ...

    async def tar_out(self, directory: str, archive: Path, max_bytes: int) -> None:
        """Pack a directory inside into a host tar file. Raises SandboxBroken, also beyond max_bytes."""
        ...

    async def close(self) -> None:
        """End every process; what is on disk stays until `Provider.destroy`."""
        ...


@dataclass(frozen=True, kw_only=True)
class SandboxRef:
    """A sandbox that exists, as `list` finds it."""

    name: str
    root: Path
    labels: Mapping[str, str]


@dataclass(frozen=True, kw_only=True)
class Probe:
    """One line of `fabrik doctor`: does a protection hold on this machine?"""

    what: str  # "memory limit"
    holds: bool
    how: str  # "cgroup v1", "watched every second", or the reason why it does not hold
    todo: str = ""  # how to get it


@dataclass(frozen=True, kw_only=True)
class Preflight:
    """Can this provider work here, and what does it protect?"""

    ready: bool
    why: str  # one line: what is missing, or the version found
    todo: str = ""
    probes: Sequence[Probe] = ()


@dataclass(frozen=True, kw_only=True)
class Options:
    """What is configured for container engines. Other providers have no use for it."""

    image: str = ""  # the image that containers are made of; "": the host's own system, read-only
    runtime: str = ""  # the engine's runtime, such as "runsc" (gVisor); "": the engine's own choice


class Provider(Protocol):
    """Makes sandboxes of one kind."""

    name: str
    isolates: bool  # False: says loudly that nothing is protected

    async def preflight(self) -> Preflight:
        """Run the real thing once and report. Raises nothing."""
        ...

    async def create(self, spec: SandboxSpec) -> Sandbox:
        """Make the sandbox, or adopt the one of that name that is there, ending what still runs in it.

        `reads` may be another one each time: the new one counts.
        Raises SandboxBroken (also when there is no such sandbox to read from), DiskFull.
        """
        ...

    async def list(self, root: Path, labels: Mapping[str, str]) -> Sequence[SandboxRef]:
        """The sandboxes below a host directory that carry all these labels. Raises SandboxBroken."""
        ...

    async def end(self, ref: SandboxRef) -> None:
        """End what runs in it; its files stay. Where nothing is, nothing is done. Raises SandboxBroken."""
        ...

    async def destroy(self, ref: SandboxRef) -> None:
        """End its processes and remove its files. Removing what is gone is fine. Raises SandboxBroken.

        A workspace that it only reads is another's, and stays.
        """
        ...
