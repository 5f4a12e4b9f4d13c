"""The checkpoints of a run: directories in its own, made aside and renamed, and files that hold one each."""

from __future__ import annotations

import contextlib
import json
import os
import re
import shutil
import tarfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

from fabrik.errors import UsageError
from fabrik.workflows.checkpoints.manifest import (
    MAKE_ANOTHER,
    MANIFEST,
    REPOSITORY,
    WORKSPACE,
    Manifest,
    parsed,
    read,
    require_whole,
    write,
)

_NAME = re.compile(r"checkpoint-([1-9][0-9]{0,8})")
_HALF = ".half-"
_MANIFEST_BYTES = 1 << 20


def listed(shelf: Path) -> list[Manifest]:
    """The checkpoints of a run, oldest first; those that cannot be read are left out."""
    found = []
    for number in sorted(_numbers(shelf)):
        with contextlib.suppress(UsageError):
            found.append(read(shelf / f"checkpoint-{number}"))
    return found


def place_of(shelf: Path, name: str | None) -> Path:
    """The directory of a checkpoint; None: of the newest. Raises UsageError, naming what there is."""
    numbers = sorted(_numbers(shelf))
    if not numbers:
        raise UsageError("this run has no checkpoint", todo="fabrik run checkpoint RUN")
    wanted = name or f"checkpoint-{numbers[-1]}"
    match = _NAME.fullmatch(wanted if wanted.startswith("checkpoint-") else f"checkpoint-{wanted}")
    if match is None or int(match[1]) not in numbers:
        names = ", ".join(f"checkpoint-{number}" for number in numbers[-8:])
        raise UsageError(f"there is no checkpoint {wanted!r}", todo=f"there are: {names}; or give a file")
    return shelf / match[0]


@contextmanager
def new(shelf: Path) -> Iterator[tuple[str, Path]]:
    """A name, and a directory to be filled that is seen under that name once the block has ended well.

    What an earlier one left half-made goes. Call it with the run's lock held. Raises OSError.
    """
    shelf.mkdir(mode=0o700, exist_ok=True)
    for half in shelf.glob(f"{_HALF}*"):
        shutil.rmtree(half)
    name = f"checkpoint-{max(_numbers(shelf), default=0) + 1}"
    half = shelf / f"{_HALF}{name}"
    half.mkdir(mode=0o700)
    try:
        yield name, half
        half.rename(shelf / name)
    except BaseException:
        shutil.rmtree(half, ignore_errors=True)
        with contextlib.suppress(OSError):
            shelf.rmdir()  # only when there is no other
        raise


def _numbers(shelf: Path) -> list[int]:
    try:
        names = [entry.name for entry in os.scandir(shelf)]
    except OSError:
        return []
    return [int(match[1]) for name in names if (match := _NAME.fullmatch(name))]


def export(place: Path, file: Path) -> None:
    """Write a checkpoint into one file: a tar of its manifest, its bundle and its workspace, in this order.

    Raises OSError, UsageError when the file is there.
    """
    aside = file.with_name(f".{file.name}.half")
    if file.exists():
        raise UsageError("this file is there already", where=str(file), todo="give another one with --to")
    try:
        with tarfile.open(aside, "w", format=tarfile.PAX_FORMAT) as tar:
            for name in (MANIFEST, REPOSITORY, WORKSPACE):
                if (place / name).exists():
                    tar.add(place / name, arcname=name, recursive=False, filter=_plain)
        aside.rename(file)
    finally:
        aside.unlink(missing_ok=True)


def _plain(member: tarfile.TarInfo) -> tarfile.TarInfo:
    member.uid = member.gid = 0
    member.uname = member.gname = ""
    member.mode = 0o600
    return member


def take_in(file: Path, half: Path, name: str, run: str) -> Manifest:
    """Fill the directory of a new checkpoint from a file that `export` made. Nothing in it is trusted.

    Raises UsageError when it is no such file, is damaged, or belongs to another run; OSError.
    """
    try:
        with tarfile.open(file, "r:") as tar:
            manifest = _first(tar, file)
            _require_run(manifest, run, file)
            parts = {WORKSPACE: manifest.workspace}
            if manifest.repository is not None:
                parts[REPOSITORY] = manifest.repository
            for member in tar:
                if member.name == MANIFEST:
                    continue
                part = parts.pop(member.name, None)
                content = tar.extractfile(member) if part is not None and member.isreg() else None
                if part is None or content is None or member.size != part.bytes:
                    raise _broken(f"{member.name[:80]!r} does not belong into a checkpoint", file)
                with (half / member.name).open("xb") as copy:
                    shutil.copyfileobj(content, copy, 1 << 20)
    except (tarfile.TarError, EOFError) as error:
        raise _broken("it is cut off, or no checkpoint", file) from error
    if parts:
        raise _broken(f"{', '.join(sorted(parts))} is missing in it", file)
    require_whole(half, manifest, str(file))
    taken = replace(manifest, name=name)
    write(half, taken)
    return taken


def _first(tar: tarfile.TarFile, file: Path) -> Manifest:
    member = tar.next()
    content = tar.extractfile(member) if member is not None and member.isreg() else None
    if member is None or content is None or member.name != MANIFEST or member.size > _MANIFEST_BYTES:
        raise _broken("it holds no checkpoint", file)
    try:
        return parsed(json.loads(content.read()), str(file))
    except ValueError as error:
        raise _broken("its manifest cannot be read", file) from error


def _broken(what: str, file: Path) -> UsageError:
    return UsageError(what, where=str(file), todo=MAKE_ANOTHER)


def _require_run(manifest: Manifest, run: str, file: Path) -> None:
    if manifest.run != run:
        raise UsageError(
            f"this checkpoint is of the run {manifest.run}",
            where=str(file),
            todo=f"fabrik run restore {manifest.run[-8:]} {file}",
        )
