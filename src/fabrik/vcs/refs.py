"""Refs of fabrik's own repositories, changed all together or not at all."""

from __future__ import annotations

import asyncio
import contextlib
import os
import re
import time
from collections.abc import Awaitable, Callable, Iterable, Mapping
from pathlib import Path

from fabrik.errors import VcsError
from fabrik.vcs.failures import GitFailed
from fabrik.vcs.git import git
from fabrik.vcs.loose import Loose

_LOCKED = re.compile(r"Unable to create '([^'\n]+\.lock)': File exists")
_PATIENCE_SECONDS = 3.0  # git holds the lock of a ref for milliseconds
_PAUSE_SECONDS = 0.05
_FEW = 4  # refs that are written without a git process


async def update_refs(repo: Path, refs: Mapping[str, str], *, delete: Iterable[str] = ()) -> None:
    """Set refs to these ids, and delete others: all or nothing. Raises VcsError, DiskFull."""
    delete = tuple(delete)
    loose = Loose.of(repo)
    few = not delete and len(refs) <= _FEW and all(loose.find(at) for at in refs.values())
    if few and _written(repo, refs):
        return
    lines = [f"delete {name}\0\0" for name in delete]
    lines += [f"update {name}\0{at}\0\0" for name, at in refs.items()]
    data = "".join(lines).encode("utf-8", errors="surrogateescape")
    await past_old_locks(repo, lambda: git("update-ref", "--stdin", "-z", repo=repo, input=data))


def _written(repo: Path, refs: Mapping[str, str]) -> bool:
    """Write a few refs as git does, each under its lock. False where anything is in the way: git tells what.

    fabrik's own repositories keep each ref in a file of its own, and no log of it.
    """
    locks: dict[Path, Path] = {}
    try:
        for name, at in refs.items():
            file = repo / os.fsdecode(name.encode("utf-8", errors="surrogateescape"))
            file.parent.mkdir(parents=True, exist_ok=True)
            if file.is_dir() or file.is_symlink():
                return False
            lock = file.with_name(f"{file.name}.lock")
            descriptor = os.open(lock, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o666)
            locks[lock] = file
            with os.fdopen(descriptor, "wb", buffering=0) as opened:
                opened.write(f"{at}\n".encode())
                os.fsync(descriptor)
        for lock, file in [*locks.items()]:
            lock.rename(file)
            del locks[lock]
    except OSError:
        return False
    finally:
        for lock in locks:
            lock.unlink(missing_ok=True)
    return True


async def past_old_locks(repo: Path, change: Callable[[], Awaitable[bytes]]) -> None:
    """Make a change to a repository of fabrik's that nobody else changes meanwhile.

    A lock file that a killed git left behind is removed after a few seconds. Raises what `change` raises.
    """
    deadline = time.monotonic() + _PATIENCE_SECONDS
    while True:
        try:
            await change()
            return
        except GitFailed as error:
            left = _LOCKED.search(error.stderr)
            if left is None:
                raise
            if time.monotonic() > deadline:
                _remove(Path(left[1]), repo)
                deadline += _PATIENCE_SECONDS
            await asyncio.sleep(_PAUSE_SECONDS)


async def list_refs(repo: Path, prefix: str) -> dict[str, str]:
    """The refs below a prefix that ends in a slash, by full name. Raises VcsError."""
    output = await git("for-each-ref", "--format=%(refname) %(objectname)", prefix, repo=repo)
    lines = output.decode("utf-8", errors="surrogateescape").splitlines()
    return {name: at for name, _, at in (line.rpartition(" ") for line in lines)}


def _remove(lock: Path, repo: Path) -> None:
    if not lock.is_relative_to(repo) and not lock.resolve().is_relative_to(repo.resolve()):
        raise VcsError("git is blocked by a lock file elsewhere", where=str(lock))
    with contextlib.suppress(FileNotFoundError):
        lock.unlink()
