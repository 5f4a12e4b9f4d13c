"""What no run owns: the copies of projects' histories, and what a dispatch has left that was cut off.

All of it is made while `dispatching` is held, so that what nobody needs once nobody holds that lock is left
over. It is fabrik's because it lies where only fabrik puts things and is made as fabrik makes them.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from pathlib import Path

from fabrik import paths
from fabrik.ledger.types import Run
from fabrik.workflows.cleanup.elsewhere import source_key
from fabrik.workflows.cleanup.model import Kind, Thing
from fabrik.workflows.cleanup.seen import changed_at, is_ours, ours_below

# What a dispatch makes of a run before the ledger has it. A worker makes more: then it was recorded once.
DISPATCHED = frozenset({"inputs", "reports", "repo.git"})
REVIEWED = frozenset({"branch.git", "branch.bundle", "before-the-change"})  # of a review's own place
_ID = 26  # characters of a run's id


def unrecorded(home: paths.Home, known: Collection[str]) -> list[Thing]:
    """Directories of runs that the ledger does not have."""
    found = []
    for directory in ours_below(home.runs):
        if directory.name in known or directory == home.trash:
            continue
        names = {path.name for path in directory.iterdir() if not path.name.startswith(".repo.git.")}
        if len(directory.name) == _ID and names <= DISPATCHED:
            found.append(_thing("dispatch", directory, "a dispatch that was cut off before it was recorded"))
        else:
            found.append(_thing("dispatch", directory, "not in this ledger: left alone", goes=False))
    return found + [
        _thing("dispatch", aside, "a dispatch of a review that was cut off")
        for aside in ours_below(home.projects, ".review-*")
        if {path.name for path in aside.iterdir()} <= REVIEWED
    ]


async def histories(home: paths.Home, runs: Sequence[Run], going: Collection[str]) -> list[Thing]:
    """The copies of projects' histories that no run will need, when those in `going` are gone."""
    copies = [path for path in _copies(home.projects) if (path / "base.git").is_dir()]
    needed = borrowed(home, going)
    unused = [path for path in copies if not _holds(path / "base.git", needed)]
    if not unused:
        return []
    keys = {await source_key(project) for project in {run.project for run in runs}}
    found = []
    for path in unused:
        if path.name in keys:
            found.append(_thing("project", path, "no run needs this copy of a project's history"))
        else:
            why = "no run needs it, but its project is not to be found: it may be the only copy"
            found.append(_thing("project", path, why, goes=False))
    return found


def borrowed(home: paths.Home, going: Collection[str]) -> set[Path]:
    """The object directories that the repositories of runs borrow from; also of runs that are not ours."""
    found: set[Path] = set()
    for alternates in home.runs.glob("*/repo.git/objects/info/alternates"):
        if alternates.parents[3].name in going:
            continue
        try:
            lines = alternates.read_text(errors="surrogateescape").splitlines()
        except OSError:
            continue
        found.update(Path(line).resolve() for line in lines if line)
    return found


def _holds(repository: Path, needed: Collection[Path]) -> bool:
    return any(path.is_relative_to(repository.resolve()) for path in needed)


def _copies(projects: Path) -> list[Path]:
    """projects/KEY, and projects/without-TIP/KEY for reviews of branches that another run began on."""
    found = []
    for directory in ours_below(projects):
        if directory.name.startswith("."):
            continue
        inside = [] if (directory / "base.git").exists() else list(ours_below(directory))
        found += inside or [directory]
    return found


def trash(home: paths.Home) -> list[Thing]:
    """What an earlier cleanup had begun to remove."""
    if not is_ours(home.trash):
        return []
    return [_thing("trash", path, "an earlier cleanup was cut off") for path in ours_below(home.trash)]


def _thing(kind: Kind, path: Path, why: str, *, goes: bool = True) -> Thing:
    name = path.name if path.parent.parent.name != "projects" else f"{path.parent.name}/{path.name}"
    return Thing(kind=kind, name=name, path=path, at=changed_at(path), goes=goes, why=why)
