"""What a checkpoint says of itself: manifest.json in its directory, and first in a file that holds one."""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from fabrik.errors import UsageError

MAKE_ANOTHER = "make another one: fabrik run checkpoint RUN"
MANIFEST, WORKSPACE, REPOSITORY = "manifest.json", "workspace.tar", "repository.bundle"
_BLOCK = 1 << 20


@dataclass(frozen=True, kw_only=True)
class Part:
    """A file of a checkpoint."""

    bytes: int
    sha256: str


@dataclass(frozen=True, kw_only=True)
class Manifest:
    """One checkpoint."""

    v: int
    name: str
    run: str
    spec: str
    project: str
    base: str  # the commit that the run starts from
    commit: (
        str | None
    )  # at which the workspace stands; None: a session was at work, and it holds unsaved files
    in_step: bool  # its .git is at that commit, too
    repo: str  # the path of the repository that its .git borrows from
    sandbox: str
    why: str
    fabrik: str  # version that made it
    at: float  # seconds since the epoch
    workspace: Part
    repository: Part | None  # the run's own commits as a git bundle; None: it has none

    @property
    def size(self) -> int:
        """Bytes of all of it."""
        return self.workspace.bytes + (self.repository.bytes if self.repository else 0)


def write(directory: Path, manifest: Manifest) -> None:
    """Put it beside the files that it is about. Raises OSError."""
    (directory / MANIFEST).write_text(json.dumps(asdict(manifest), indent=2) + "\n", encoding="utf-8")


def read(directory: Path) -> Manifest:
    """What a checkpoint says of itself. Raises UsageError when that is none, or of another version."""
    try:
        raw = json.loads((directory / MANIFEST).read_bytes()[:_BLOCK])
    except (OSError, ValueError) as error:
        raise UsageError("this is no checkpoint", where=str(directory), todo=MAKE_ANOTHER) from error
    return parsed(raw, str(directory))


def parsed(raw: Any, where: str) -> Manifest:
    """A manifest from JSON. Raises UsageError."""
    try:
        if raw["v"] != 1:
            raise UsageError(
                f"this checkpoint is of version {raw['v']}, unknown here", where=where, todo=MAKE_ANOTHER
            )
        found = Manifest(
            **{
                name: raw[name]
                for name in Manifest.__dataclass_fields__
                if name not in ("workspace", "repository")
            },
            workspace=_part(raw["workspace"]),
            repository=_part(raw["repository"]) if raw["repository"] is not None else None,
        )
    except (KeyError, TypeError, ValueError) as error:
        raise UsageError("its manifest cannot be read", where=where, todo=MAKE_ANOTHER) from error
    return found


def _part(raw: Any) -> Part:
    return Part(bytes=int(raw["bytes"]), sha256=str(raw["sha256"]))


def measured(file: Path) -> Part:
    """A file's size and hash. Raises OSError."""
    with file.open("rb") as opened:
        digest = hashlib.file_digest(opened, "sha256").hexdigest()
        return Part(bytes=opened.tell(), sha256=digest)


def require_whole(directory: Path, manifest: Manifest, where: str) -> None:
    """Raises UsageError unless the files are those that the manifest is about. where: named in the error."""
    for name, part in ((WORKSPACE, manifest.workspace), (REPOSITORY, manifest.repository)):
        if part is None:
            continue
        try:
            same = measured(directory / name) == part
        except OSError:
            same = False
        if not same:
            raise UsageError(f"{name} is not what it was when this was saved", where=where, todo=MAKE_ANOTHER)
