"""What the machine shows: directories that are really ours, their sizes and ages, marked processes."""

from __future__ import annotations

import asyncio
import os
import stat
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from fabrik.sandboxes.procs import MARK, everybody

_MARK = f"{MARK}=".encode()


def is_ours(directory: Path) -> bool:
    """A real directory, no link, that belongs to this user."""
    try:
        found = directory.lstat()
    except OSError:
        return False
    return stat.S_ISDIR(found.st_mode) and found.st_uid == os.geteuid()


def ours_below(directory: Path, pattern: str = "*") -> Iterator[Path]:
    """The directories of ours in a directory, by name."""
    if directory.is_dir():
        yield from sorted(path for path in directory.glob(pattern) if is_ours(path))


def changed_at(path: Path) -> float | None:
    """When a directory was changed last, seconds since the epoch."""
    try:
        return path.lstat().st_mtime
    except OSError:
        return None


def is_empty(directory: Path) -> bool:
    """Nothing is in it, or it is not there."""
    try:
        with os.scandir(directory) as entries:
            return not any(True for _ in entries)
    except OSError:
        return True


def marked() -> dict[str, tuple[int, ...]]:
    """The processes that carry the mark of a sandbox, by its name; this one is not among them."""
    found: dict[str, list[int]] = {}
    for pid in everybody():
        if pid == os.getpid():
            continue
        try:
            environment = Path(f"/proc/{pid}/environ").read_bytes().split(b"\0")
        except OSError:
            continue
        for line in environment:
            if line.startswith(_MARK):
                found.setdefault(os.fsdecode(line[len(_MARK) :]), []).append(pid)
                break
    return {name: tuple(pids) for name, pids in found.items()}


async def sizes(paths: Sequence[Path]) -> Mapping[Path, int]:
    """Bytes that each holds on the disk. Asked of `du`, which follows no link and copes with any depth."""
    if not paths:
        return {}
    process = await asyncio.create_subprocess_exec(
        "du", "-sx", "--block-size=1", "--null", "--files0-from=-",
        stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.DEVNULL,
        env={"PATH": os.environ.get("PATH", os.defpath), "LC_ALL": "C"},
    )  # fmt: skip
    output, _ = await process.communicate(b"".join(os.fsencode(path) + b"\0" for path in paths))
    found = {}
    for line in output.split(b"\0"):
        number, _, name = line.partition(b"\t")
        if name:
            found[Path(os.fsdecode(name))] = int(number)
    return found
