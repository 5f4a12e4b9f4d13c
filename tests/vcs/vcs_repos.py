"""Real repositories for the tests of this room, and the scripts run as a sandbox would run them."""

from __future__ import annotations

import asyncio
import os
import subprocess
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from fabrik.vcs.base import Base, fetch_base
from fabrik.vcs.harvest import Harvest, parse
from fabrik.vcs.inside import clone_argv, harvest_argv
from fabrik.vcs.project import Identity
from fabrik.vcs.run_repo import Brought, RunRepo

AGENT = Identity(name='An "able" agent', email="agent@example.com", configured=True)
FABRIK = Identity(name="fabrik", email="fabrik@localhost", configured=False)
WHEN = datetime(2030, 1, 2, tzinfo=UTC)

ENV = {
    **{name: value for name, value in os.environ.items() if not name.startswith("GIT_")},
    "GIT_CONFIG_NOSYSTEM": "1",
    "GIT_CONFIG_GLOBAL": "/dev/null",
    "LC_ALL": "C",
}


def sh(place: Path, *argv: str, check: bool = True) -> str:
    """Run a command in a directory, as somebody at a terminal would; returns its stdout."""
    done = subprocess.run(argv, cwd=place, env=ENV, capture_output=True, check=False)
    if check and done.returncode != 0:
        raise AssertionError(f"{argv}: {done.returncode}\n{done.stdout!r}\n{done.stderr!r}")
    return done.stdout.decode(errors="surrogateescape").rstrip("\n")


def git(place: Path, *args: str, check: bool = True) -> str:
    return sh(
        place, "git", "-c", "user.name=Someone", "-c", "user.email=someone@example.com", *args, check=check
    )


def commit(place: Path, message: str, **files: str) -> str:
    """Write files (`__` in a name is a slash, `_` a dot), commit them all, return the commit."""
    for name, text in files.items():
        path = place / name.replace("__", "/").replace("_", ".")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    git(place, "add", "-A")
    git(place, "commit", "-q", "--allow-empty", "-m", message)
    return git(place, "rev-parse", "HEAD")


def write(place: Path, **files: str) -> None:
    """Write files (`_` in a name is a dot), and commit nothing."""
    for name, text in files.items():
        (place / name.replace("_", ".")).write_text(text)


def make_project(place: Path, *, object_format: str = "sha1") -> Path:
    """A small project with a few commits on main."""
    place.mkdir(parents=True)
    git(place, "init", "-q", "-b", "main", f"--object-format={object_format}")
    commit(place, "Begin", README_md="hello\n", _gitignore="*.log\nbuild/\n")
    commit(place, "More", src__a_py="a = 1\n", src__b_py="b = 2\n")
    return place


@dataclass(frozen=True)
class Setting:
    """A project, a run's repository, and a workspace cloned from it."""

    project: Path
    base: Base
    repo: RunRepo
    workspace: Path
    tmp: Path

    def harvest(
        self, *, mode: str = "trust", base: str | None = None, max_file: int = 1 << 20
    ) -> tuple[Harvest, bytes]:
        """Run the harvest; its report and its bundle."""
        argv = harvest_argv(
            self.repo.objects,
            base or self.base.commit,
            str(self.workspace),
            "Leftovers",
            FABRIK,
            mode="salvage" if mode == "salvage" else "trust",
            max_file=max_file,
        )
        done = run_inside(argv, self.tmp)
        assert done.returncode == 0, done.stderr.decode(errors="replace")
        report = parse(done.stderr)
        assert bool(done.stdout) == report.new
        return report, done.stdout

    async def bring(self, data: bytes, into: str = "steps/1") -> Brought:
        file = self.tmp / "out.bundle"
        file.write_bytes(data)
        return await self.repo.bring_in(file, into)

    def files(self, commit: str) -> dict[str, str]:
        """Every path of a commit in the run's repository, with its content."""
        entries = [
            (path, facts.split()[2])
            for facts, _, path in (
                record.partition("\t")
                for record in git(self.repo.path, "ls-tree", "-r", "-z", commit).split("\0")
            )
            if path
        ]
        asked = "".join(f"{at}\n" for _, at in entries).encode()
        command = ["git", "cat-file", "--batch=%(objectsize)"]
        done = subprocess.run(
            command, cwd=self.repo.path, env=ENV, input=asked, capture_output=True, check=True
        )
        rest, found = done.stdout, {}
        for path, _ in entries:
            size, _, rest = rest.partition(b"\n")
            found[path] = rest[: int(size)].decode(errors="replace").rstrip("\n")
            rest = rest[int(size) + 1 :]
        return found


def run_inside(argv: Sequence[str], tmp: Path, **more: str) -> subprocess.CompletedProcess[bytes]:
    """Run a script with the minimal environment that a sandbox gives."""
    scratch = tmp / "scratch"
    scratch.mkdir(exist_ok=True)
    env = {
        "PATH": os.environ["PATH"],
        "HOME": str(tmp / "home"),
        "LANG": "C.UTF-8",
        "TMPDIR": str(scratch),
        **more,
    }
    done = subprocess.run(argv, cwd=tmp, env=env, capture_output=True, timeout=120, check=False)
    assert list(scratch.iterdir()) == [], "the script left something behind"
    return done


async def make_setting(tmp: Path, *, object_format: str = "sha1", project: Path | None = None) -> Setting:
    """A project, its base, a run's repository and a workspace with the clone."""
    source = project or make_project(tmp / "project", object_format=object_format)
    base = await fetch_base(tmp / "home" / "projects", str(source), None)
    repo = await RunRepo.create(tmp / "home" / "runs" / "r1" / "repo.git", base)
    workspace = tmp / "workspace"
    clone(repo, base.commit, workspace, tmp)
    return Setting(source, base, repo, workspace, tmp)


def clone(repo: RunRepo, at: str, workspace: Path, tmp: Path) -> None:
    workspace.mkdir()
    done = run_inside(clone_argv(repo.objects, at, str(workspace), AGENT), tmp)
    assert done.returncode == 0, done.stderr.decode()


def outcome(
    tmp_path: Path, nasty: Callable[[Setting], object], mode: str = "trust", max_file: int = 1 << 20
) -> tuple[Harvest, dict[str, str], Setting]:
    """Let an agent do its worst in a workspace; returns the report, and the files that landed."""

    async def scenario() -> tuple[Harvest, dict[str, str], Setting]:
        s = await make_setting(tmp_path)
        nasty(s)
        report, data = s.harvest(mode=mode, max_file=max_file)
        if not report.new:
            return report, s.files(s.base.commit), s
        brought = await s.bring(data)
        assert brought.head == report.head
        landed = await s.repo.land(s.base.commit, report.head, "Put together", FABRIK, WHEN)
        git(s.repo.path, "fsck", "--strict", "--connectivity-only")
        return report, s.files(landed.commit), s

    return asyncio.run(scenario())


def canary(workspace: Path) -> Path:
    """A program that leaves a trace when somebody runs it."""
    program = workspace.parent / "trap.sh"
    program.write_text(f"#!/bin/sh\ntouch {workspace.parent}/sprung\ncat\n")
    program.chmod(0o755)
    return program
