"""What lies below a sandbox's root on the host.

labels.json   who this is; written before anything else is made, removed last
execs/        one file per command that may be running: what a crash leaves is looked for only if there is one
workspace/    bound into the sandbox; one that reads another's has none
home/         bound into the sandbox
etc/          only for `bubblewrap`: what it shows as /etc, copied from the host's
tmp/          only for `none`
trash/        old homes, on their way out

Only workspace, home and tmp can be written from inside; they belong to the user that runs what is inside.
A workspace that belongs to another sandbox is never made, counted or removed here.
"""

from __future__ import annotations

import contextlib
import errno
import json
import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from uuid import uuid4

from fabrik.errors import DiskFull, FabrikError, SandboxBroken
from fabrik.sandboxes import shown_etc
from fabrik.sandboxes.reading import give, write_files
from fabrik.sandboxes.remove import remove_tree
from fabrik.sandboxes.sandbox import SandboxRef, SandboxSpec
from fabrik.sandboxes.unprivileged import Owner

_LIST_DEPTH = 6  # runs/<id>/sandboxes/<purpose> is 3 below the directory of all runs
_FULL = (errno.ENOSPC, errno.EDQUOT)


@dataclass(frozen=True)
class Layout:
    """The places of one sandbox."""

    root: Path
    reads: Path | None = None  # root of the sandbox whose workspace is shown; None: it has its own
    owner: Owner | None = None  # of what can be written from inside; None: the user that we are

    @property
    def labels(self) -> Path:
        return self.root / "labels.json"

    @property
    def execs(self) -> Path:
        return self.root / "execs"

    @property
    def workspace(self) -> Path:
        return (self.reads or self.root) / "workspace"

    @property
    def home(self) -> Path:
        return self.root / "home"

    @property
    def etc(self) -> Path:
        return self.root / "etc"

    @property
    def tmp(self) -> Path:
        return self.root / "tmp"

    @property
    def trash(self) -> Path:
        return self.root / "trash"

    def began(self) -> Path:
        """Record that a command is about to start."""
        record = self.execs / uuid4().hex
        os.close(os.open(record, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600))
        return record

    def dirty(self) -> bool:
        """Whether a command may still be running, or a crash may have left one."""
        try:
            with os.scandir(self.execs) as entries:
                return any(True for _ in entries)
        except FileNotFoundError:
            return False

    def renew_home(self, files: Mapping[str, bytes]) -> None:
        """Put a HOME with just these files in place of the one that is there.

        Raises ValueError on a path that leaves HOME, and OSError; the old HOME stays then.
        """
        self.trash.mkdir(mode=0o700, exist_ok=True)
        fresh = self.trash / uuid4().hex
        fresh.mkdir(mode=0o700)
        try:
            give(fresh, self.owner)
            write_files(fresh, files, self.owner)
        except BaseException:
            remove_tree(fresh)
            raise
        with contextlib.suppress(FileNotFoundError):
            self.home.rename(self.trash / uuid4().hex)
        fresh.rename(self.home)

    def renew_etc(self) -> None:
        """Make what is shown as /etc, where it is missing or the host's has changed. Raises OSError."""
        if shown_etc.as_now(self.etc):
            return
        self.trash.mkdir(mode=0o700, exist_ok=True)
        fresh = self.trash / uuid4().hex
        shown_etc.lay_out(fresh)
        with contextlib.suppress(FileNotFoundError):
            self.etc.rename(self.trash / uuid4().hex)
        fresh.rename(self.etc)

    def empty_trash(self) -> None:
        """Remove the old homes. Raises OSError."""
        try:
            old = list(self.trash.iterdir())
        except FileNotFoundError:
            return
        for home in old:
            remove_tree(home)


def problem(error: OSError, what: str, where: Path | str) -> FabrikError:
    """The error a user sees for a failed system call on the host side of a sandbox."""
    if error.errno in _FULL:
        return DiskFull(
            f"no space is left: {what}", where=str(where), todo="free some disk space, then resume"
        )
    return SandboxBroken(f"{what}: {error.strerror or error}", where=str(where))


def make(layout: Layout, spec: SandboxSpec, provider: str, cgroups: list[str]) -> None:
    """Lay out a sandbox, or check that what is there is this sandbox. Raises SandboxBroken and OSError."""
    if layout.reads is not None:
        _require_source(layout.reads, layout.root, provider)
    layout.root.mkdir(mode=0o700, parents=True, exist_ok=True)
    there = read_labels(layout.root)
    if there is None and any(layout.root.iterdir()):
        raise SandboxBroken(
            "the directory is not empty and holds no sandbox",
            where=str(layout.root),
            todo="remove the directory, or give the sandbox another root",
        )
    if there is not None and (there.name, there.provider) != (spec.name, provider):
        raise SandboxBroken(
            f"the directory belongs to the sandbox {there.name!r} of {there.provider}", where=str(layout.root)
        )
    known = [*there.cgroups, *cgroups] if there else cgroups
    labels = {
        "v": 1,
        "provider": provider,
        "name": spec.name,
        "labels": dict(spec.labels),
        "cgroups": list(dict.fromkeys(known)),
        "reads": str(layout.reads) if layout.reads else None,
    }
    if there is None or there.as_json() != labels:
        temporary = layout.root / ".labels.json.new"
        temporary.write_text(json.dumps(labels), encoding="utf-8")
        temporary.replace(layout.labels)
    own = () if layout.reads else (layout.workspace,)
    layout.execs.mkdir(mode=0o700, exist_ok=True)
    for directory in (*own, layout.home):
        directory.mkdir(mode=0o700, exist_ok=True)
        give(directory, layout.owner)


def _require_source(source: Path, reader: Path, provider: str) -> None:
    """Raises SandboxBroken unless a sandbox of this provider, with a workspace of its own, lives there."""
    there = read_labels(source)
    if source == reader:
        why = "a sandbox cannot read its own workspace as another's"
    elif there is None:
        why = "the sandbox whose workspace is to be read is gone"
    elif there.provider != provider:
        why = f"its workspace is to be read, and it is a sandbox of {there.provider}, not of {provider}"
    elif there.reads is not None:
        why = f"its workspace is to be read, and it reads that of another one itself: {there.reads}"
    elif not (source / "workspace").is_dir():
        why = "the workspace that is to be read is gone"
    else:
        return
    raise SandboxBroken(why, where=str(source), todo="make that sandbox first, then the one that reads it")


@dataclass(frozen=True, kw_only=True)
class Labels:
    """What labels.json says."""

    provider: str
    name: str
    labels: Mapping[str, str]
    cgroups: tuple[str, ...]  # directories that groups of this sandbox were made in
    reads: str | None = None  # root of the sandbox whose workspace it shows

    def as_json(self) -> dict[str, object]:
        return {
            "v": 1,
            "provider": self.provider,
            "name": self.name,
            "labels": dict(self.labels),
            "cgroups": list(self.cgroups),
            "reads": self.reads,
        }


def read_labels(root: Path) -> Labels | None:
    """Who lives in this directory; None if nobody does, or not readably so."""
    try:
        raw = json.loads((root / "labels.json").read_text(encoding="utf-8"))
        return Labels(
            provider=str(raw["provider"]),
            name=str(raw["name"]),
            labels={str(key): str(value) for key, value in raw["labels"].items()},
            cgroups=tuple(str(path) for path in raw.get("cgroups", ())),
            reads=str(raw["reads"]) if raw.get("reads") is not None else None,
        )
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return None


def find(root: Path, provider: str, labels: Mapping[str, str]) -> list[SandboxRef]:
    """The sandboxes of a provider below a directory that carry all these labels. Raises OSError."""
    found = []
    for directory, there in _walk(root, _LIST_DEPTH):
        if there.provider == provider and all(there.labels.get(k) == v for k, v in labels.items()):
            found.append(SandboxRef(name=there.name, root=directory, labels=there.labels))
    return found


def _walk(directory: Path, depth: int) -> Iterator[tuple[Path, Labels]]:
    if there := read_labels(directory):
        yield directory, there  # and no step further: what lies below may be written by an agent
        return
    if depth == 0:
        return
    try:
        with os.scandir(directory) as entries:
            below = sorted(e.name for e in entries if e.is_dir(follow_symlinks=False))
    except FileNotFoundError:
        return
    for name in below:
        if not name.endswith(".git"):
            yield from _walk(directory / name, depth - 1)


def erase(layout: Layout) -> None:
    """Remove a sandbox's files, labels.json last, so that an interrupted removal is found again."""
    try:
        below = list(layout.root.iterdir())
    except FileNotFoundError:
        return
    for path in below:
        if path != layout.labels:
            remove_tree(path)
    layout.labels.unlink(missing_ok=True)
    layout.root.rmdir()
