"""What the tests of landing share: a project, a snapshot of it, and work that is to land on it."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from pathlib import Path

from vcs_repos import FABRIK, WHEN, git, make_project

from fabrik.vcs.base import fetch_base
from fabrik.vcs.checkout import Snapshot, snapshot
from fabrik.vcs.landing import Landing, advance
from fabrik.vcs.run_repo import RunRepo


@dataclass
class Kit:
    """A project, what was snapshotted of it, and a repository of fabrik's with work on top."""

    project: Path
    shot: Snapshot
    repo: RunRepo
    work: Path  # a clone in which the work is made

    def make(self, **files: str | None) -> str:
        """Commit work on top of the snapshot (None removes a file); the commit, in fabrik's repository."""
        for name, text in files.items():
            path = self.work / name.replace("__", "/").replace("_", ".")
            if text is None:
                path.unlink()
            else:
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_text(text)
        git(self.work, "add", "-A")
        git(self.work, "commit", "-q", "-m", "Work")
        return self.bring()

    def bring(self) -> str:
        git(self.repo.path, "fetch", "-q", str(self.work), "+HEAD:refs/fabrik/work")
        return git(self.work, "rev-parse", "HEAD")

    def landing(self, new: str) -> Landing:
        return Landing(
            branch=self.shot.branch,
            tip=self.shot.tip,
            known=self.shot.commit,
            commit=new,
            why="fabrik: lands",
        )

    def land(self, new: str, owner: str = "me") -> bool:
        return asyncio.run(advance(self.repo.path, self.shot.place, self.landing(new), owner, umask=0o022))

    def status(self) -> str:
        return git(self.project, "status", "--porcelain")

    def head(self) -> str:
        return git(self.project, "rev-parse", "HEAD")


def make_kit(tmp_path: Path, project: Path | None = None) -> Kit:
    project = project or make_project(tmp_path / "p")

    async def prepare() -> tuple[Snapshot, RunRepo]:
        shot = await snapshot(project, FABRIK, WHEN, "Uncommitted work")
        base = await fetch_base(tmp_path / "home/projects", str(project), shot.commit)
        return shot, await RunRepo.create(tmp_path / "home/run/repo.git", base)

    shot, repo = asyncio.run(prepare())
    work = tmp_path / "work"
    git(tmp_path, "clone", "-q", "--shared", "--no-checkout", str(repo.path), str(work))
    git(work, "checkout", "-q", "--detach", shot.commit)
    return Kit(project, shot, repo, work)
