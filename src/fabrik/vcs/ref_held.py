"""A branch of the user's, locked as git locks it while something else is done, and moved at the end."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator
from pathlib import Path

from fabrik.errors import VcsError
from fabrik.vcs.checkout import Place
from fabrik.vcs.failures import failure
from fabrik.vcs.git import command, environment
from fabrik.vcs.near import common_dir

_PATIENCE_SECONDS = 3.0
_PAUSE_SECONDS = 0.05


class Moved(VcsError):
    """The branch is at another commit than expected: somebody has moved it meanwhile."""

    def __init__(self, branch: str, at: str | None, where: str) -> None:
        what = f"the branch {branch} is gone" if at is None else f"the branch {branch} has moved to {at[:12]}"
        super().__init__(what, where=where, todo="make it again, then resume" if at is None else "")
        self.at = at


async def move_ref(place: Place, branch: str, old: str, new: str, why: str, *, tag: str = "") -> None:
    """Move a branch that is not checked out. Arguments and errors as for `ref_held`."""
    async with ref_held(place, branch, old, new, why, tag=tag):
        pass


@contextlib.asynccontextmanager
async def ref_held(
    place: Place, branch: str, old: str, new: str, why: str, *, tag: str = ""
) -> AsyncIterator[None]:
    """Lock a branch that is at `old`, and move it to `new` when the block has ended well.

    tag: a plain tag that is made at `new` along with it, unless there is something in the way of that.

    A lock that stays (of a git that was killed) is removed after a few seconds: who calls this holds a lock
    on the index that says nobody else is at work.
    Raises Moved when it is somewhere else, VcsError. The block has not begun then.
    """
    deadline = time.monotonic() + _PATIENCE_SECONDS
    # Where the branch has a log already, git need not be told to make one; and so it makes none for the tag.
    logged = (common_dir(place) / "logs" / "refs" / "heads" / branch).is_file()
    tag = tag if logged else ""
    while True:
        process = await _begin(place, branch, old, new, why, tag)
        said = await _prepared(process)
        if said is None:
            break
        if tag:
            tag = ""
            continue
        if "but expected" in said or "unable to resolve" in said:
            raise Moved(branch, await _at(place, branch), str(place.root))
        lock = await _lock_file(place, branch)
        if "Unable to create" not in said or lock is None:
            raise failure("update-ref", 128, said, str(place.root))
        if time.monotonic() > deadline:
            lock.unlink(missing_ok=True)
            deadline += _PATIENCE_SECONDS
        await asyncio.sleep(_PAUSE_SECONDS)
    try:
        yield
    except BaseException:
        await _end(process, b"abort\0")
        raise
    if said := await _end(process, b"commit\0"):
        raise failure("update-ref", 128, said, str(place.root))


async def _begin(
    place: Place, branch: str, old: str, new: str, why: str, tag: str
) -> asyncio.subprocess.Process:
    log = [] if tag else ["--create-reflog"]
    argv = command("update-ref", *log, "-m", why, "--stdin", "-z", repo=None, user_config=True, hooks=False)
    more = f"create refs/tags/{tag}\0{new}\0" if tag else ""
    process = await asyncio.create_subprocess_exec(
        *argv,
        cwd=place.root,
        env=environment(user_config=True),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
        start_new_session=True,
    )
    assert process.stdin is not None  # noqa: S101
    process.stdin.write(f"start\0update refs/heads/{branch}\0{new}\0{old}\0{more}prepare\0".encode())
    return process


async def _prepared(process: asyncio.subprocess.Process) -> str | None:
    """None when the branch is locked, else what git says."""
    assert process.stdout is not None  # noqa: S101
    while line := await process.stdout.readline():
        if line == b"prepare: ok\n":
            return None
    return await _end(process, b"") or "it said nothing"


async def _end(process: asyncio.subprocess.Process, last: bytes) -> str:
    """Say the last word; what git complains of, or ""."""
    _, stderr = await process.communicate(last)
    return "" if process.returncode == 0 else stderr.decode(errors="replace").strip() or "it failed"


async def _at(place: Place, branch: str) -> str | None:
    from fabrik.vcs.project import branch_commit

    return await branch_commit(place.root, branch)


async def _lock_file(place: Place, branch: str) -> Path | None:
    from fabrik.vcs.project import facts

    common = (await facts(place.root)).common_dir
    lock = common / "refs" / "heads" / f"{branch}.lock"
    return lock if lock.exists() else None
