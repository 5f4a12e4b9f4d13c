"""The command-line tools of container engines: what is the same for all of them, and what is not."""

from __future__ import annotations

import asyncio
import contextlib
import os
import shutil
from collections.abc import Sequence
from dataclasses import dataclass

from fabrik.errors import SandboxBroken

_PATIENCE = 60.0  # seconds for an answer of the engine, on a busy machine too
# What an engine's tool needs of the worker's environment; nothing of it enters a container.
_PASSED = ("PATH", "HOME", "USER", "LOGNAME", "TMPDIR", "XDG_RUNTIME_DIR", "DBUS_SESSION_BUS_ADDRESS")
_PASSED_PREFIXES = ("XDG_", "DOCKER_", "CONTAINER_", "CONTAINERS_", "PODMAN_", "STORAGE_")


@dataclass(frozen=True, kw_only=True)
class Answer:
    """What the engine's tool said."""

    status: int
    out: str
    words: str  # what it complained of, shortened to what a user can use


@dataclass(frozen=True, kw_only=True)
class Engine:
    """One engine as this machine has it."""

    name: str  # "podman", "docker"
    program: str
    options: tuple[str, ...] = ()  # in front of every subcommand
    run: tuple[str, ...] = ()  # what only this engine's `run` needs
    remove: tuple[str, ...] = ()  # what only this engine's `rm` needs
    local: str = ""  # in front of the name of an image that was made here
    get: str  # how to install it
    gvisor: bool = False  # containers run on gVisor's kernel, not on the host's

    def argv(self, *words: str) -> list[str]:
        """A whole command line of its tool."""
        return [self.program, *self.options, *words]

    def environ(self) -> dict[str, str]:
        """What its tool gets of the worker's environment."""
        found = {
            name: value
            for name, value in os.environ.items()
            if name in _PASSED or name.startswith(_PASSED_PREFIXES)
        }
        return {"PATH": os.defpath, **found, "LC_ALL": "C.UTF-8"}

    async def ask(self, *words: str, stdin: bytes = b"", seconds: float = _PATIENCE) -> Answer:
        """Run its tool to the end. Raises SandboxBroken when it is not there or does not answer in time."""
        if shutil.which(self.program) is None:
            raise SandboxBroken(f"{self.program} is not installed", where=self.name, todo=self.get)
        process = await asyncio.create_subprocess_exec(
            *self.argv(*words),
            env=self.environ(),
            cwd="/",
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
            start_new_session=True,
        )
        try:
            out, err = await asyncio.wait_for(process.communicate(stdin), seconds)
        except BaseException as error:
            with contextlib.suppress(ProcessLookupError):
                process.kill()
            await process.wait()
            if isinstance(error, TimeoutError):
                raise SandboxBroken(
                    f"no answer in {seconds:.0f} seconds: {' '.join(self.argv(*words[:2]))}",
                    where=self.name,
                    todo=f"see whether `{self.program} ps` answers; start the engine again if it does not",
                ) from None
            raise
        return Answer(status=process.returncode or 0, out=out.decode(errors="replace"), words=complaint(err))

    async def insist(self, *words: str, stdin: bytes = b"", seconds: float = _PATIENCE) -> str:
        """What its tool prints. Raises SandboxBroken also when it fails."""
        answer = await self.ask(*words, stdin=stdin, seconds=seconds)
        if answer.status != 0:
            raise SandboxBroken(
                f"{self.name} {words[0]}: {answer.words or f'status {answer.status}'}",
                where=self.name,
                todo="run `fabrik doctor`",
            )
        return answer.out


def complaint(stderr: bytes) -> str:
    """The one line of an engine's complaints that says what is wrong: the last error, without decoration."""
    lines = [line.strip() for line in stderr.decode(errors="replace").splitlines()]
    lines = [line for line in lines if line and "level=warning" not in line and not _hint(line)]
    errors: Sequence[str] = [line for line in lines if "rror" in line] or lines
    return (errors[-1] if errors else "").removeprefix("Error: ").removeprefix("docker: ")[:600]


def _hint(line: str) -> bool:
    return line.startswith(("See 'docker", "Run 'docker", "WARN"))
