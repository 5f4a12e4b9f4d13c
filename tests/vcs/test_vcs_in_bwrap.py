"""The scripts where they really run: in a bubblewrap sandbox, with the objects bound read-only."""

from __future__ import annotations

import asyncio
import os
import shutil
import subprocess
from pathlib import Path

import pytest
from vcs_repos import AGENT, FABRIK, git, make_project

from fabrik.vcs.base import fetch_base
from fabrik.vcs.harvest import parse
from fabrik.vcs.inside import clone_argv, harvest_argv
from fabrik.vcs.run_repo import RunRepo

pytestmark = pytest.mark.skipif(shutil.which("bwrap") is None, reason="needs bubblewrap")


def boxed(workspace: Path, repo: RunRepo, argv: list[str], stdout: Path) -> bytes:
    """Run in a sandbox without a network; returns stderr."""
    command = [
        "bwrap",
        "--unshare-all",
        "--unshare-user",
        "--uid",
        "1000",
        "--gid",
        "1000",
        "--cap-drop",
        "ALL",
    ]
    for place in ("/usr", "/bin", "/lib", "/lib64", "/etc"):
        if Path(place).exists():
            command += ["--ro-bind", place, place]
    command += ["--proc", "/proc", "--dev", "/dev", "--tmpfs", "/tmp", "--tmpfs", "/home/agent"]
    for objects in repo.objects:
        command += ["--ro-bind", str(objects), str(objects)]
    command += ["--bind", str(workspace), "/workspace", "--chdir", "/workspace", "--clearenv"]
    command += ["--setenv", "PATH", os.environ["PATH"], "--setenv", "HOME", "/home/agent"]
    with stdout.open("wb") as file:
        done = subprocess.run([*command, *argv], stdout=file, stderr=subprocess.PIPE, check=False)
    assert done.returncode == 0, done.stderr.decode()
    return done.stderr


AGENT_AT_WORK = """
set -e
cd /workspace
echo a > a.txt; git add a.txt; git commit -qm "Own work"
echo b > b.txt; mkfifo pipe
git config core.fsmonitor "touch /workspace/sprung"
if git cat-file -e "$1" 2>/dev/null; then echo "sees $1" > leak.txt; fi
git cat-file --batch-all-objects --batch-check > seen.txt
(echo evil > "$2/objects/evil") 2>/dev/null && echo written > written.txt || true
"""


@pytest.mark.parametrize("object_format", ["sha1", "sha256"])
def test_a_whole_session(tmp_path: Path, object_format: str) -> None:
    async def scenario() -> None:
        project = make_project(tmp_path / "project", object_format=object_format)
        git(project, "checkout", "-q", "-b", "secret")
        git(project, "commit", "-q", "--allow-empty", "-m", "secret")
        secret = git(project, "rev-parse", "secret")
        git(project, "checkout", "-q", "main")
        base = await fetch_base(tmp_path / "projects", str(project), None)
        repo = await RunRepo.create(tmp_path / "runs" / "r1" / "repo.git", base)
        workspace, out = tmp_path / "workspace", tmp_path / "out"
        workspace.mkdir()
        boxed(workspace, repo, clone_argv(repo.objects, base.commit, "/workspace", AGENT), out)
        assert out.read_bytes() == b""
        boxed(workspace, repo, ["sh", "-c", AGENT_AT_WORK, "agent", secret, str(base.repository)], out)
        said = boxed(
            workspace, repo, harvest_argv(repo.objects, base.commit, "/workspace", "Rest", FABRIK), out
        )
        report = parse(said)
        assert (report.git, report.leftover, report.partial) == ("healthy", True, False)
        brought = await repo.bring_in(out, "steps/1")
        assert brought.head == report.head
        names = {entry.path for entry in await repo.ls(report.head)}
        assert {"a.txt", "b.txt", "seen.txt"} <= names
        assert not {"leak.txt", "written.txt", "pipe", "sprung"} & names
        seen = await repo.read_file(report.head, "seen.txt", 1 << 20)
        assert seen is not None
        assert secret.encode() not in seen
        log = git(repo.path, "log", "--format=%an: %s", f"{base.commit}..{report.head}").splitlines()
        assert log == ["fabrik: Rest", 'An "able" agent: Own work']

    asyncio.run(scenario())


def test_git_deleted_inside(tmp_path: Path) -> None:
    async def scenario() -> None:
        project = make_project(tmp_path / "project")
        base = await fetch_base(tmp_path / "projects", str(project), None)
        repo = await RunRepo.create(tmp_path / "runs" / "r1" / "repo.git", base)
        workspace, out = tmp_path / "workspace", tmp_path / "out"
        workspace.mkdir()
        boxed(workspace, repo, clone_argv(repo.objects, base.commit, "/workspace", AGENT), out)
        boxed(workspace, repo, ["sh", "-c", "rm -rf .git src; echo x > x.txt"], out)
        said = boxed(
            workspace, repo, harvest_argv(repo.objects, base.commit, "/workspace", "Rest", FABRIK), out
        )
        report = parse(said)
        assert (report.git, report.leftover) == ("missing", True)
        await repo.bring_in(out, "steps/1")
        assert {entry.path for entry in await repo.ls(report.head)} == {"README.md", ".gitignore", "x.txt"}

    asyncio.run(scenario())
