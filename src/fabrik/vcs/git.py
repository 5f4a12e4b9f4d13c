"""The git command, run from the host in one of two modes.

fabrik's own repositories: nothing of the user's or the machine's configuration counts. The user's project
and remotes (`user_config=True`): the user's configuration, ssh and credential helpers work as in a terminal,
but git never asks a question. In neither mode does git run in a directory that an agent could write.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import IO, TypeVar

from fabrik.errors import EnvironmentProblem, VcsError
from fabrik.vcs.failures import failure, git_missing

OLDEST = (2, 34)  # Debian 12 and Ubuntu 22.04 have this or newer
MAX_OUTPUT = 256 << 20  # bytes of stdout that are kept; more is an error, or cut where the caller allows it
NETWORK_SECONDS = 3600.0  # a clone of a very large repository takes long; a dead connection ends earlier
_STDERR_KEPT = 64 << 10
Taken = TypeVar("Taken")
_GRACE_SECONDS = 2.0  # between SIGTERM, upon which git removes its lock files, and SIGKILL

_ALWAYS = (
    "-c", "gc.auto=0",
    "-c", "maintenance.auto=false",
    "-c", "protocol.ext.allow=never",
    "-c", "protocol.version=2",
    "-c", "advice.detachedHead=false",
)  # fmt: skip
_OWN = (
    "-c", "core.hooksPath=/dev/null",
    "-c", "core.fsmonitor=false",
    "-c", "core.attributesFile=/dev/null",
    "-c", "core.excludesFile=/dev/null",
    "-c", "core.fsync=committed",
    "-c", "core.fsyncMethod=batch",
)  # fmt: skip
_USER = (
    "-c", "http.lowSpeedLimit=1",
    "-c", "http.lowSpeedTime=120",
)  # fmt: skip

_OWN_ENV = {
    "GIT_CONFIG_GLOBAL": "/dev/null",
    "GIT_CONFIG_NOSYSTEM": "1",
    "GIT_ATTR_NOSYSTEM": "1",
    "GIT_NO_REPLACE_OBJECTS": "1",
}
_COMMON_ENV = {"GIT_TERMINAL_PROMPT": "0", "GIT_OPTIONAL_LOCKS": "0", "LC_ALL": "C", "LANGUAGE": ""}
# What points git at another place than the one that was asked for, or changes what it prints.
_NOT_FROM_USER = frozenset(
    {
        "GIT_DIR",
        "GIT_WORK_TREE",
        "GIT_INDEX_FILE",
        "GIT_COMMON_DIR",
        "GIT_OBJECT_DIRECTORY",
        "GIT_PREFIX",
        "GIT_NAMESPACE",
        "GIT_ALTERNATE_OBJECT_DIRECTORIES",
        "GIT_SHALLOW_FILE",
        "GIT_GRAFT_FILE",
        "GIT_REPLACE_REF_BASE",
        "GIT_CONFIG",
        "GIT_IMPLICIT_WORK_TREE",
        "GIT_EXTERNAL_DIFF",
        "GIT_DIFF_OPTS",
        "GIT_LITERAL_PATHSPECS",
        "GIT_GLOB_PATHSPECS",
        "GIT_NOGLOB_PATHSPECS",
        "GIT_ICASE_PATHSPECS",
        "GIT_DEFAULT_HASH",
        "GIT_QUARANTINE_PATH",
        "GIT_REFLOG_ACTION",
    }
)


@dataclass(frozen=True, kw_only=True)
class Output:
    """What a git command left."""

    status: int  # as a shell shows it: 128 + n for signal n
    stdout: bytes
    stderr: str
    truncated: bool = False  # there was more on stdout than was asked for


def environment(*, user_config: bool) -> dict[str, str]:
    """The environment of a git process: see the two modes above."""
    if user_config:
        kept = {name: value for name, value in os.environ.items() if name not in _NOT_FROM_USER}
        return {**kept, **_COMMON_ENV}
    kept = {name: value for name, value in os.environ.items() if not name.startswith("GIT_")}
    return {**kept, **_COMMON_ENV, **_OWN_ENV}


def command(*args: str, repo: Path | None, user_config: bool, hooks: bool) -> list[str]:
    """The argv of a git process. `repo` is a git directory, named so that git searches for nothing."""
    place = [f"--git-dir={repo}"] if repo is not None else []
    if not user_config:
        return ["git", *place, *_ALWAYS, *_OWN, *args]
    no_hooks = [] if hooks else ["-c", "core.hooksPath=/dev/null"]
    return ["git", *place, *_ALWAYS, *_USER, *no_hooks, *args]


async def run(
    *args: str,
    repo: Path | None = None,
    cwd: Path | None = None,
    user_config: bool = False,
    hooks: bool = False,
    input: bytes | IO[bytes] | None = None,
    env: Mapping[str, str] | None = None,
    seconds: float | None = None,
    max_output: int = MAX_OUTPUT,
    umask: int = -1,
) -> Output:
    """Run git to its end and return what it left, whatever its exit status.

    repo: a git directory. cwd: where git is started, and searches for a repository when `repo` is not given.
    hooks: the user's own hooks may run (user_config only). input: bytes, or an open file to read from.
    max_output: git is stopped when it prints more, and `truncated` says so.
    umask: of what git makes; -1: ours.
    Raises EnvironmentProblem when git is missing, VcsError after `seconds`.
    """
    argv = command(*args, repo=repo, user_config=user_config, hooks=hooks)
    place = cwd or repo or Path("/")
    with _memory("stderr") as said, _memory("stdin") as given:
        if isinstance(input, bytes):
            given.write(input)
            given.seek(0)
        process = await _start(
            argv,
            place,
            env={**environment(user_config=user_config), **(env or {})},
            stdin=input if input is not None and not isinstance(input, bytes) else given,
            stderr=said,
            umask=umask,
        )
        try:
            async with asyncio.timeout(seconds):
                stdout, truncated = await _read(process, max_output)
                if truncated:
                    await _end(process)
                status = await process.wait()
        except TimeoutError:
            raise VcsError(
                f"git {_verb(args)} was stopped after {seconds:.0f} seconds",
                where=str(place),
                todo="try again later",
            ) from None
        finally:
            if process.returncode is None:
                await asyncio.shield(_end(process))
        stderr = _said(said)
    return Output(status=_status(status), stdout=stdout, stderr=stderr, truncated=truncated)


async def git(
    *args: str,
    repo: Path | None = None,
    cwd: Path | None = None,
    user_config: bool = False,
    hooks: bool = False,
    input: bytes | IO[bytes] | None = None,
    env: Mapping[str, str] | None = None,
    seconds: float | None = None,
    where: str = "",
    umask: int = -1,
) -> bytes:
    """Run git and return its stdout. `where` names the place in errors; the rest as for `run`.

    Raises VcsError with git's own last line when it fails, DiskFull, EnvironmentProblem when git is missing.
    """
    output = await run(
        *args, repo=repo, cwd=cwd, user_config=user_config, hooks=hooks, input=input, env=env,
        seconds=seconds, umask=umask,
    )  # fmt: skip
    place = where or str(repo or cwd or "")
    if output.truncated:
        raise VcsError(f"git {args[0]} printed more than {MAX_OUTPUT >> 20} MiB", where=place)
    if output.status != 0:
        raise failure(_verb(args), output.status, output.stderr, place)
    return output.stdout


async def read_git(
    *args: str, repo: Path, take: Callable[[asyncio.StreamReader], Awaitable[Taken]], input: bytes = b""
) -> Taken:
    """Run git in a repository of fabrik's, and let `take` read its stdout as it comes, to the end.

    For what may be too large to be held. Raises what `take` raises, VcsError with git's own last line when it
    fails, DiskFull, EnvironmentProblem when git is missing.
    """
    argv = command(*args, repo=repo, user_config=False, hooks=False)
    with _memory("stderr") as said, _memory("stdin") as given:
        given.write(input)
        given.seek(0)
        process = await _start(argv, repo, env=environment(user_config=False), stdin=given, stderr=said)
        assert process.stdout is not None  # noqa: S101
        try:
            try:
                taken = await take(process.stdout)
            except EOFError:  # git stopped in the middle: its own words say more, when there are any
                if status := await process.wait():
                    raise failure(_verb(args), _status(status), _said(said), str(repo)) from None
                raise VcsError(f"git {_verb(args)} ended in the middle", where=str(repo)) from None
            await _drain(process)
            status = await process.wait()
        finally:
            if process.returncode is None:
                await asyncio.shield(_end(process))
        if status:
            raise failure(_verb(args), _status(status), _said(said), str(repo))
    return taken


def _status(code: int) -> int:
    return code if code >= 0 else 128 - code


def _said(stderr: IO[bytes]) -> str:
    size = os.fstat(stderr.fileno()).st_size
    return os.pread(stderr.fileno(), _STDERR_KEPT, max(0, size - _STDERR_KEPT)).decode(errors="replace")


async def version() -> tuple[int, ...]:
    """The version of git, such as (2, 39, 5). Raises EnvironmentProblem when it is missing or too old."""
    text = (await git("version")).decode(errors="replace")
    numbers = tuple(int(part) for part in text.split()[2].split(".")[:3] if part.isdigit())
    if numbers[:2] < OLDEST:
        raise EnvironmentProblem(
            f"git {'.'.join(map(str, numbers))} is too old",
            where="PATH",
            todo=f"install git {'.'.join(map(str, OLDEST))} or newer",
        )
    return numbers


def _verb(args: tuple[str, ...]) -> str:
    """The subcommand among arguments that may start with `-c name=value`."""
    rest = list(args)
    while len(rest) > 2 and rest[0] == "-c":
        del rest[:2]
    return rest[0]


def _memory(name: str) -> IO[bytes]:
    """A file in memory: a pipe could be held open by what git leaves running (ssh with ControlPersist)."""
    return os.fdopen(os.memfd_create(f"git-{name}"), "w+b", buffering=0)


async def _start(
    argv: list[str],
    place: Path,
    *,
    env: Mapping[str, str],
    stdin: IO[bytes],
    stderr: IO[bytes],
    umask: int = -1,
) -> asyncio.subprocess.Process:
    try:
        return await asyncio.create_subprocess_exec(
            *argv,
            cwd=place,
            env=env,
            stdin=stdin,
            stdout=asyncio.subprocess.PIPE,
            stderr=stderr,
            umask=umask,
            start_new_session=True,  # no terminal: neither git nor ssh can stop to ask
        )
    except FileNotFoundError as error:
        if error.filename == "git":
            raise git_missing() from None
        raise VcsError("this directory does not exist (any more)", where=str(place)) from None
    except NotADirectoryError:
        raise VcsError("this is not a directory", where=str(place)) from None
    except OSError as error:
        raise EnvironmentProblem(f"git cannot be started: {error.strerror}", where=str(place)) from error


async def _read(process: asyncio.subprocess.Process, max_output: int) -> tuple[bytes, bool]:
    assert process.stdout is not None  # noqa: S101
    kept = bytearray()
    while block := await process.stdout.read(1 << 16):
        kept += block
        if len(kept) > max_output:
            return bytes(kept[:max_output]), True
    return bytes(kept), False


async def _end(process: asyncio.subprocess.Process) -> None:
    """Stop git and its helpers: politely first, so that it removes its lock files."""
    for number in (signal.SIGTERM, signal.SIGKILL):
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, number)
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(_GRACE_SECONDS):
                await _drain(process)
                await process.wait()


async def _drain(process: asyncio.subprocess.Process) -> None:
    assert process.stdout is not None  # noqa: S101
    while await process.stdout.read(1 << 16):
        pass
