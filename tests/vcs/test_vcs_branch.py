"""A branch of somebody else's as a bundle, apart from the project's history; what it is compared with."""

from __future__ import annotations

import asyncio
import subprocess
from pathlib import Path

import pytest

from fabrik.errors import UsageError, VcsError
from fabrik.vcs.base import Base, fetch_base
from fabrik.vcs.branch import Branch, bundle_branch, default_base
from fabrik.vcs.run_repo import RunRepo


def git(*args: str, cwd: Path) -> str:
    done = subprocess.run(["git", *args], cwd=cwd, check=True, capture_output=True, text=True)
    return done.stdout.strip()


def commit(project: Path, name: str) -> str:
    (project / name).write_text(name)
    git("add", "-A", cwd=project)
    git("commit", "-q", "-m", f"Write {name}", cwd=project)
    return git("rev-parse", "HEAD", cwd=project)


@pytest.fixture(params=["sha1", "sha256"])
def project(tmp_path: Path, request: pytest.FixtureRequest) -> Path:
    """main: base, m; feature: base, a, merge of m, b."""
    path = tmp_path / "project"
    path.mkdir()
    git("init", "-q", "-b", "main", f"--object-format={request.param}", cwd=path)
    git("config", "user.name", "Ada", cwd=path)
    git("config", "user.email", "ada@example.org", cwd=path)
    commit(path, "base")
    git("checkout", "-q", "-b", "feature", cwd=path)
    commit(path, "a")
    git("checkout", "-q", "main", cwd=path)
    commit(path, "m")
    git("checkout", "-q", "feature", cwd=path)
    git("merge", "-q", "--no-edit", "main", cwd=path)
    commit(path, "b")
    git("checkout", "-q", "main", cwd=path)
    return path


def bundle(tmp_path: Path, project: Path, branch: str = "feature", base: str = "main") -> tuple[Base, Branch]:
    async def both() -> tuple[Base, Branch]:
        found = await fetch_base(tmp_path / "projects", str(project), base)
        aside = tmp_path / "aside"
        aside.mkdir(exist_ok=True)
        return found, await bundle_branch(found, str(project), branch, aside)

    return asyncio.run(both())


def test_it_is_what_the_branch_has_since_it_met_the_base_last(tmp_path: Path, project: Path) -> None:
    base, branch = bundle(tmp_path, project)
    assert branch.tip == git("rev-parse", "feature", cwd=project)
    assert branch.fork == git("rev-parse", "main", cwd=project)  # merged into the branch: its best merge base
    assert (branch.changed, branch.commits, branch.lines, branch.exposed) == (("a", "b"), 3, 2, False)
    assert sorted(path.name for path in (tmp_path / "aside").iterdir()) == ["branch.bundle"]

    async def bring() -> dict[str, str]:
        repo = await RunRepo.create(
            tmp_path / "run.git", Base(repository=base.repository, commit=branch.fork)
        )
        brought = await repo.bring_in(branch.bundle, "subject")
        assert [entry.path for entry in await repo.ls(branch.tip)] == ["a", "b", "base", "m"]
        return dict(brought.refs)

    assert set(asyncio.run(bring()).values()) == {branch.tip}
    with pytest.raises(subprocess.CalledProcessError):  # the shared repository has nothing of it
        git(f"--git-dir={base.repository}", "cat-file", "-e", branch.tip, cwd=tmp_path)


@pytest.mark.parametrize("earlier", ["feature", "feature~1", "feature~2"])
def test_commits_that_another_run_began_at_are_told(tmp_path: Path, project: Path, earlier: str) -> None:
    asyncio.run(fetch_base(tmp_path / "projects", str(project), earlier))
    _, branch = bundle(tmp_path, project)
    assert branch.exposed


def test_a_bundle_that_was_tampered_with_is_not_taken(tmp_path: Path, project: Path) -> None:
    base, branch = bundle(tmp_path, project)
    data = bytearray(branch.bundle.read_bytes())
    data[-30] ^= 1
    branch.bundle.write_bytes(data)

    async def bring() -> None:
        repo = await RunRepo.create(
            tmp_path / "run.git", Base(repository=base.repository, commit=branch.fork)
        )
        await repo.bring_in(branch.bundle, "subject")

    with pytest.raises(VcsError):
        asyncio.run(bring())


@pytest.mark.parametrize(
    ("branch", "base", "said"),
    [
        ("main", "main", "is the base itself"),
        ("main~1", "main", "has nothing that the base"),
        ("main", "feature", "has nothing that the base"),
        ("same", "main", "changes no file"),
        ("nowhere", "main", "there is no commit 'nowhere'"),
        ("--upload-pack=x", "main", "there is no commit"),
    ],
)
def test_what_cannot_be_reviewed(tmp_path: Path, project: Path, branch: str, base: str, said: str) -> None:
    git("checkout", "-q", "-b", "same", cwd=project)
    git("commit", "-q", "--allow-empty", "-m", "nothing", cwd=project)
    with pytest.raises(UsageError, match=said):
        bundle(tmp_path, project, branch, base)
    assert list((tmp_path / "aside").iterdir()) == []


def test_the_default_branch(tmp_path: Path, project: Path) -> None:
    def found(where: Path, branch: str) -> str | None:
        return asyncio.run(default_base(where, git("rev-parse", branch, cwd=where)))

    assert found(project, "feature") == "refs/heads/main"
    clone = tmp_path / "clone"
    git("clone", "-q", str(project), str(clone), cwd=tmp_path)
    assert found(clone, "origin/feature") == "refs/heads/main"  # as near as the remote's
    git("update-ref", "refs/heads/main", "main~1", cwd=clone)
    assert found(clone, "origin/feature") == "refs/remotes/origin/main"  # the local one is old
    git("checkout", "-q", "--detach", cwd=clone)
    git("branch", "-q", "-D", "main", cwd=clone)
    assert found(clone, "origin/feature") == "refs/remotes/origin/main"
    git("branch", "-q", "-m", "main", "odd", cwd=project)
    assert found(project, "feature") is None
    git("config", "init.defaultBranch", "odd", cwd=project)
    assert found(project, "feature") == "refs/heads/odd"
