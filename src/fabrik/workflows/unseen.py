"""Held-out checks prove something only as long as no agent can read them: not in what it gets to see."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from fabrik.errors import UsageError
from fabrik.specs.model import Loaded
from fabrik.vcs.base import Base
from fabrik.vcs.contents import blob_id, present
from fabrik.vcs.project import tracked_paths
from fabrik.vcs.reading import ls


async def require_unseen(
    base: Base, loaded: Loaded, project: Path | None, warn: Callable[[str], None]
) -> None:
    """See that neither the commit a run starts from nor its history holds held-out files, nor it their spec.

    project: the root of a local project, in which paths are looked up; contents are looked up in any case.
    A spec that is only in older commits is told by `warn`. Raises UsageError, VcsError.
    """
    spec = loaded.spec
    if not spec.holdout:
        return
    files = {spec.path.parent / name: content for name, content in loaded.holdout_files.items()}
    destinations = {path for check in spec.holdout for path in check.files}
    view = await _view(base, {spec.path: loaded.spec_bytes, **files}, destinations, project)
    if path := view.where(spec.path):
        raise UsageError(
            f"the spec has held-out checks, and agents could read it: {path} is part of {base.commit[:12]}",
            where=str(spec.path),
            todo=f"take it out of the project (git rm --cached {path}; name it in .gitignore; commit), or"
            " keep the spec outside of the project",
        )
    seen = (destinations & view.tracked) | {path for file in files if (path := view.where(file))}
    if seen:
        raise UsageError(
            "held-out files are in the project's repository, where agents can read them: "
            + ", ".join(sorted(seen)),
            where=str(spec.path),
            todo="keep held-out tests out of what git tracks there, for example beside a spec outside of it",
        )
    if old := [str(file) for file in files if file in view.present]:
        raise UsageError(
            f"was committed in the project once, where an agent can read it: {', '.join(old)}",
            where=str(spec.path),
            todo="change it, if only a comment, so that what was committed once is not what counts",
        )
    if spec.path in view.present:
        warn(
            f"in the project's history, where an agent that looks for it can read it: {spec.path}\n"
            "  → it names the held-out checks: change it, or give them other names"
        )


@dataclass(frozen=True, kw_only=True)
class _View:
    """What an agent gets to see of some files of the host."""

    tracked: set[str]  # paths of the commit
    inside: Mapping[Path, str]  # file → the path that git would track it by
    ids: Mapping[Path, str]
    names: Mapping[str, str]  # id → a path in the commit that has this content
    present: set[Path]  # files whose content is in the commit or an older one

    def where(self, file: Path) -> str | None:
        """Where the commit holds a file, by its path or by its content; None when it does not."""
        if self.inside.get(file) in self.tracked:
            return self.inside[file]
        return self.names.get(self.ids.get(file, ""))


async def _view(
    base: Base, files: Mapping[Path, bytes], destinations: set[str], project: Path | None
) -> _View:
    inside = _inside(files, project)
    # An empty file (an empty __init__.py) is in many repositories, and is no secret.
    ids = {file: blob_id(content, base.commit) for file, content in files.items() if content.strip()}
    there = await present(base.repository, ids.values())
    entries = await ls(base.repository, base.commit) if there else ()
    return _View(
        tracked=await tracked_paths(base.repository, base.commit, sorted({*destinations, *inside.values()})),
        inside=inside,
        ids=ids,
        names={entry.id: entry.path for entry in entries},
        present={file for file, known in ids.items() if known in there},
    )


def _inside(paths: Iterable[Path], project: Path | None) -> dict[Path, str]:
    """Those of the paths that lie in the project → the path that git would track them by."""
    if project is None:
        return {}
    root = project.resolve()
    real = {path: path.resolve() for path in paths}
    return {
        path: str(at.relative_to(root)) for path, at in real.items() if at.is_relative_to(root) and at != root
    }
