"""The workspace: the directory whose repositories the specs of a backlog are about."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from fabrik.backlog.folder import Folder
from fabrik.errors import UsageError, VcsError
from fabrik.vcs.project import facts

LOOKED_AT = 500  # directories of a workspace that are looked at for repositories


@dataclass(frozen=True, kw_only=True)
class Repository:
    """One repository of the workspace."""

    name: str  # its path below the workspace root; "." is the root itself
    root: Path


@dataclass(frozen=True, kw_only=True)
class Workspace:
    """A workspace root, and the backlog that belongs to it."""

    root: Path
    folder: Folder

    async def repository(self, wanted: str | None) -> Repository:
        """The repository that a spec says, or the only one there is. Raises UsageError, VcsError."""
        if wanted is not None:
            return await self._named(wanted)
        if (self.root / ".git").exists():
            return Repository(name=".", root=self.root)
        found = await self.repositories()
        # The backlog may be in a repository of its own, which is not what its specs are about.
        others = [one for one in found if one.root != self.folder.directory]
        if len(others or found) == 1:
            return (others or found)[0]
        if not found:
            raise UsageError(
                "it says no `Repo:`, and there is no repository in the workspace",
                where=str(self.root),
                todo="name the workspace with --workspace-root, or begin a repository: git init",
            )
        names = ", ".join(repository.name for repository in found[:10])
        raise UsageError(
            f"it says no `Repo:`, and the workspace has {len(found)} repositories: {names}",
            where=str(self.root),
            todo="write one of them into the spec: Repo: NAME",
        )

    async def _named(self, wanted: str) -> Repository:
        if wanted == self.root.name and not (self.root / wanted).exists() and (self.root / ".git").exists():
            wanted = "."
        place = inside(self.root, wanted)
        if place is None:
            raise UsageError(
                f"`Repo: {wanted}` leads out of the workspace",
                where=str(self.root),
                todo="name a directory of it, or another workspace with --workspace-root",
            )
        if not (place / ".git").exists():
            there = ", ".join(one.name for one in await self.repositories()) or "none"
            what = "is no git repository" if place.is_dir() else "is not there"
            raise UsageError(
                f"`Repo: {wanted}` {what}", where=str(place), todo=f"repositories of the workspace: {there}"
            )
        found = await facts(place)
        if found.root is None or not found.root.samefile(place):
            raise UsageError(f"`Repo: {wanted}` is no working tree of its own", where=str(place))
        return Repository(name=place.relative_to(self.root).as_posix(), root=place)

    async def repositories(self) -> list[Repository]:
        """The root, if it is one, and its directories that are repositories."""
        found = [Repository(name=".", root=self.root)] if (self.root / ".git").exists() else []
        try:
            below = sorted(path for path in self.root.iterdir() if path.is_dir() and not path.is_symlink())
        except OSError as error:
            raise UsageError(f"cannot be read: {error.strerror}", where=str(self.root)) from error
        for path in below[:LOOKED_AT]:
            if (path / ".git").exists() and not path.name.startswith("."):
                try:
                    if (await facts(path)).root is not None:
                        found.append(Repository(name=path.name, root=path))
                except (UsageError, VcsError):
                    continue
        return found

    @property
    def backlog(self) -> str:
        """The backlog folder below the root; its own name where it is somewhere else."""
        try:
            relative = self.folder.directory.resolve().relative_to(self.root.resolve()).as_posix()
        except ValueError:
            return self.folder.directory.name or "backlog"
        return "" if relative == "." else relative


def inside(root: Path, wanted: str) -> Path | None:
    """The directory that is meant, when it lies in the root, also with all links followed."""
    path = PurePosixPath(wanted)
    if path.is_absolute() or ".." in path.parts or "\0" in wanted:
        return None
    place = root / path
    try:
        place.resolve().relative_to(root.resolve())
    except (ValueError, OSError):
        return None
    return place


def find_workdir(repository: Repository, wanted: str | None, root: Path) -> str:
    """The directory inside the repository that a spec's `Workdir:` means; "" is its top.

    It is written below the workspace root, as people do, or below the repository. It need not be there yet.
    Raises UsageError when it leads out of the repository.
    """
    if wanted is None:
        return ""
    path = PurePosixPath(wanted)
    name = PurePosixPath(repository.name)
    if path.is_absolute():
        try:
            path = PurePosixPath(Path(wanted).relative_to(root).as_posix())
        except ValueError:
            path = PurePosixPath("..")
    if not name.parts and path.parts[:1] == (root.name,) and not (root / root.name).exists():
        name = PurePosixPath(root.name)
    if name.parts and path.parts[: len(name.parts)] == name.parts:
        path = PurePosixPath(*path.parts[len(name.parts) :])
    if ".." in path.parts or inside(repository.root, str(path)) is None:
        raise UsageError(
            f"`Workdir: {wanted}` leads out of the repository",
            where=str(repository.root),
            todo="name a directory of the spec's repository",
        )
    return "" if str(path) == "." else str(path)
