"""Reads the files of held-out checks. They come from the spec's surroundings and from nowhere else."""

from __future__ import annotations

from pathlib import Path

from fabrik.problems import Problem
from fabrik.specs.files import read_bytes
from fabrik.specs.model import Spec

MAX_BYTES = 8 << 20  # of one file


def read_holdout(spec: Spec, problems: list[Problem]) -> dict[str, bytes]:
    """The content of every source path that the spec's held-out checks name. Problems go to the list.

    A source lies in the directory of the spec, or in the repository that the spec is part of: a spec that
    came with somebody else's repository must not name files of this machine.
    """
    contents: dict[str, bytes] = {}
    root = _root(spec.path)
    for check in spec.holdout:
        for source in check.files.values():
            if source in contents:
                continue
            path = spec.path.parent / source
            if Path(source).is_absolute() or not _inside(path, root):
                what = f"the held-out file {source!r} lies outside of {root}"
                todo = "name a path relative to the spec, of a file beside or below it"
                problems.append(
                    Problem(file=str(spec.path), where=f"check {check.name!r}", what=what, todo=todo)
                )
                continue
            content = read_bytes(path, MAX_BYTES)
            if isinstance(content, Problem):
                what = f"its held-out file {source}: {content.what}"
                problems.append(Problem(file=str(spec.path), where=f"check {check.name!r}", what=what))
                continue
            contents[source] = content
    return contents


def _root(spec: Path) -> Path:
    """The repository that holds the spec, else the spec's directory."""
    directory = spec.parent.resolve()
    return next((place for place in (directory, *directory.parents) if (place / ".git").exists()), directory)


def _inside(path: Path, root: Path) -> bool:
    try:
        return path.resolve().is_relative_to(root)
    except (OSError, RuntimeError, ValueError):  # a circle of links, a NUL character
        return False
