"""Held-out checks prove something only as long as no agent can read them: not in what it gets to see."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from pathlib import Path

from fabrik.errors import UsageError
from fabrik.specs.model import Loaded
from fabrik.vcs.base import Base
from fabrik.vcs.project import tracked_paths
from fabrik.vcs.reading import ls


async def require_unseen(base: Base, loaded: Loaded, project: Path | None) -> None:
    """See that the commit a run starts from holds neither held-out files nor the spec that names them.

    project: the root of a local project, in which paths are looked up; contents are looked up in any case.
    Raises UsageError, VcsError.
    """
    spec = loaded.spec
    if not spec.holdout:
        return
    places = {spec.path.parent / source: source for check in spec.holdout for source in check.files.values()}
    destinations = {path for check in spec.holdout for path in check.files}
    inside = _inside([*places, spec.path], project)
    tracked = await tracked_paths(base.repository, base.commit, sorted({*destinations, *inside.values()}))
    known = {entry.id: entry.path for entry in await ls(base.repository, base.commit)}
    if path := _where(spec.path, loaded.spec_bytes, inside, tracked, known, base.commit):
        raise UsageError(
            f"the spec has held-out checks, and agents could read it: {path} is part of {base.commit[:12]}",
            where=str(spec.path),
            todo=f"take it out of the project (git rm --cached {path}; name it in .gitignore; commit), or"
            " keep the spec outside of the project",
        )
    seen = destinations & tracked
    for place, source in places.items():
        if path := _where(place, loaded.holdout_files[source], inside, tracked, known, base.commit):
            seen.add(path)
    if seen:
        raise UsageError(
            "held-out files are in the project's repository, where agents can read them: "
            + ", ".join(sorted(seen)),
            where=str(spec.path),
            todo="keep held-out tests out of what git tracks there, for example beside a spec outside of it",
        )


def _inside(paths: Iterable[Path], project: Path | None) -> dict[Path, str]:
    """Those of the paths that lie in the project → the path that git would track them by."""
    if project is None:
        return {}
    root = project.resolve()
    found = {}
    for path in paths:
        real = path.resolve()
        if real.is_relative_to(root) and real != root:
            found[path] = str(real.relative_to(root))
    return found


def _where(
    place: Path,
    content: bytes,
    inside: dict[Path, str],
    tracked: set[str],
    known: dict[str, str],
    commit: str,
) -> str | None:
    """Where the commit holds a file, by its path or by its content; None when it does not."""
    if inside.get(place) in tracked:
        return inside[place]
    if not content.strip():  # an empty file, an empty __init__.py: in many repositories, and no secret
        return None
    return known.get(_blob_id(content, commit))


def _blob_id(content: bytes, commit: str) -> str:
    """The id that git gives a file's content, in the hash of a commit's repository (gitformat-pack(5))."""
    digest = hashlib.sha256() if len(commit) == 64 else hashlib.sha1(usedforsecurity=False)
    digest.update(b"blob %d\0" % len(content))
    digest.update(content)
    return digest.hexdigest()
