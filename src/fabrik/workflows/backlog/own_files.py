"""The backlog's own files in a commit: only the host writes markers and logs, and only people change specs.

A backlog may lie in the very repository that its specs are about. What lands there is then read by the host
as a marker, a log or the next specification, so no commit of an agent's may bring any of it.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from pathlib import Path

from fabrik.backlog.folder import Folder, spec_name
from fabrik.workflows.backlog.sealed import SealedBacklog
from fabrik.workflows.work import Work

LINK = "120000"  # git's mode of a symbolic link
TOLD = 5  # paths of one kind
KINDS = {
    "markers and logs are written by the host alone": "leave them out of the commit",
    "notes are no part of a commit": "write them into the SCRATCHPAD.md that you were named, in your HOME",
    "the specifications that are there are people's": "leave them as they are",
    "no link may stand in the backlog": "write a plain file",
}
MARKERS, NOTES, SPECS, LINKS = KINDS


async def own_file_problems(work: Work, sealed: SealedBacklog, commit: str) -> tuple[str, ...]:
    """What a commit changes of the backlog that it may not change, a line for each kind. Raises VcsError."""
    top = _inside(sealed)
    if top is None:
        return ()
    before = {entry.path for entry in await work.repo.ls(work.base)}
    modes = {entry.path: entry.mode for entry in await work.repo.ls(commit)}
    found: dict[str, list[str]] = {}
    for file in await work.repo.diff_stat(work.base, commit):
        if kind := _kind(file.path, top, sealed.spec, before, modes):
            found.setdefault(kind, []).append(file.path)
    return tuple(
        f"it changes {', '.join(paths[:TOLD])}{' …' if len(paths) > TOLD else ''}: {kind}; {KINDS[kind]}"
        for kind, paths in found.items()
    )


def _inside(sealed: SealedBacklog) -> str | None:
    """Where the backlog is in the repository: "", or a path that ends in a slash; None: elsewhere."""
    if sealed.root is None:
        return None
    try:
        path = Path(sealed.folder).resolve().relative_to(Path(sealed.root).resolve()).as_posix()
    except ValueError:
        return None
    return "" if path == "." else f"{path}/"


def _kind(path: str, top: str, own: str, before: Collection[str], modes: Mapping[str, str]) -> str | None:
    """Why this path may not be changed; None when it may."""
    if not path.startswith(top):
        return LINKS if top.startswith(f"{path}/") and path in modes else None
    inside = path.removeprefix(top)
    place = Folder(directory=Path())
    if any(
        inside == kept or inside.startswith(f"{kept}/")
        for kept in ("specs/candidates", "specs/done", "runs", place.log.as_posix())
    ):
        return MARKERS
    if inside == place.scratchpad.as_posix():
        return NOTES
    if inside != "specs" and not inside.startswith("specs/"):
        return None
    if modes.get(path) == LINK or inside == "specs":
        return LINKS
    name = inside.removeprefix("specs/")
    return SPECS if name != own and path in before and spec_name(name) is not None else None
