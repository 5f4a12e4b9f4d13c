"""A result as a branch: made once, never moved, and nothing else of the project is touched."""

from __future__ import annotations

import asyncio
import hashlib
from pathlib import Path

import pytest
from vcs_repos import Setting, commit, git, make_project, make_setting

from fabrik.errors import UsageError, VcsError
from fabrik.vcs.publish import push_to_remote


async def with_result(tmp_path: Path) -> tuple[Setting, str]:
    s = await make_setting(tmp_path)
    commit(s.workspace, "Own", a_txt="a\n")
    brought = await s.bring(s.harvest()[1])
    assert brought.head is not None
    return s, brought.head


def fingerprint(project: Path) -> dict[str, str]:
    """Everything in a project but its objects, the new branch and its log."""
    return {
        str(path.relative_to(project)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in project.rglob("*")
        if path.is_file() and "objects" not in path.parts and path.name != "spec-1"
    }


def test_a_dirty_project_is_left_as_it_is(tmp_path: Path) -> None:
    async def scenario() -> None:
        s, head = await with_result(tmp_path)
        (s.project / "README.md").write_text("half done\n")
        (s.project / "a.txt").write_text("in the way of a checkout\n")
        (s.project / "src" / "new.py").write_text("staged\n")
        git(s.project, "add", "src/new.py")
        (s.project / ".git" / "index.lock").touch()
        before = fingerprint(s.project)
        await s.repo.publish(head, "spec-1", str(s.project))
        assert fingerprint(s.project) == before
        assert git(s.project, "rev-parse", "spec-1") == head
        assert "fabrik" in git(s.project, "reflog", "show", "spec-1")

    asyncio.run(scenario())


def test_a_branch_that_is_there_at_another_commit(tmp_path: Path) -> None:
    async def scenario() -> None:
        s, head = await with_result(tmp_path)
        git(s.project, "branch", "spec-1", "HEAD~1")
        with pytest.raises(UsageError, match="'spec-1' is there already") as caught:
            await s.repo.publish(head, "spec-1", str(s.project))
        assert "--branch" in caught.value.todo
        assert git(s.project, "rev-parse", "spec-1") == git(s.project, "rev-parse", "HEAD~1")

    asyncio.run(scenario())


def test_a_branch_that_is_checked_out(tmp_path: Path) -> None:
    async def scenario() -> None:
        s, head = await with_result(tmp_path)
        before = git(s.project, "rev-parse", "main")
        with pytest.raises(UsageError, match="there already"):
            await s.repo.publish(head, "main", str(s.project))
        git(s.project, "worktree", "add", "-q", "-b", "side", str(tmp_path / "side"))
        with pytest.raises(UsageError, match="there already"):
            await s.repo.publish(head, "side", str(s.project))
        git(s.project, "checkout", "-q", "--orphan", "unborn")
        with pytest.raises(UsageError, match="checked out there, without a commit"):
            await s.repo.publish(head, "unborn", str(s.project))
        assert git(s.project, "rev-parse", "main", "side").split() == [before, before]

    asyncio.run(scenario())


def test_a_branch_beside_a_branch_of_its_prefix(tmp_path: Path) -> None:
    async def scenario() -> None:
        s, head = await with_result(tmp_path)
        git(s.project, "branch", "spec")
        with pytest.raises(UsageError, match="beside the branches"):
            await s.repo.publish(head, "spec/1", str(s.project))

    asyncio.run(scenario())


def test_into_a_worktree_of_the_project(tmp_path: Path) -> None:
    async def scenario() -> None:
        s, head = await with_result(tmp_path)
        git(s.project, "worktree", "add", "-q", "-b", "side", str(tmp_path / "side"))
        await s.repo.publish(head, "spec-1", str(tmp_path / "side"))
        assert git(s.project, "rev-parse", "spec-1") == head

    asyncio.run(scenario())


def test_a_target_that_is_no_repository(tmp_path: Path) -> None:
    async def scenario() -> None:
        s, head = await with_result(tmp_path)
        (tmp_path / "plain").mkdir()
        with pytest.raises(VcsError, match="not a git repository"):
            await s.repo.publish(head, "spec-1", str(tmp_path / "plain"))

    asyncio.run(scenario())


def test_to_an_address(tmp_path: Path) -> None:
    async def scenario() -> None:
        s, head = await with_result(tmp_path)
        git(tmp_path, "clone", "-q", "--bare", str(s.project), "server.git")
        url = f"file://{tmp_path / 'server.git'}"
        await s.repo.publish(head, "spec-1", url)
        await s.repo.publish(head, "spec-1", url)
        server = tmp_path / "server.git"
        assert git(server, "rev-parse", "spec-1") == head
        git(server, "update-ref", "refs/heads/spec-2", "main")
        with pytest.raises(UsageError, match="at another commit"):
            await s.repo.publish(head, "spec-2", url)
        assert git(server, "rev-parse", "spec-2") == git(server, "rev-parse", "main")
        with pytest.raises(VcsError):
            await s.repo.publish(head, "spec-1", "file:///nowhere")

    asyncio.run(scenario())


def test_to_a_remote_of_the_project(tmp_path: Path) -> None:
    async def scenario() -> None:
        s, head = await with_result(tmp_path)
        git(tmp_path, "clone", "-q", "--bare", str(s.project), "server.git")
        server = tmp_path / "server.git"
        git(s.project, "remote", "add", "origin", str(server))
        await s.repo.publish(head, "spec-1", str(s.project))
        await push_to_remote(s.project, "spec-1", "origin", head)
        await push_to_remote(s.project, "spec-1", "origin", head)
        assert git(server, "rev-parse", "spec-1") == head
        git(s.project, "commit", "-q", "--allow-empty", "-m", "on top of main")
        with pytest.raises(UsageError, match="at another commit"):
            await push_to_remote(s.project, "main", "origin", git(s.project, "rev-parse", "HEAD"))
        hook = server / "hooks" / "pre-receive"
        hook.parent.mkdir(exist_ok=True)
        hook.write_text("#!/bin/sh\necho 'not on a Friday' >&2\nexit 1\n")
        hook.chmod(0o755)
        with pytest.raises(VcsError, match="declined"):
            await push_to_remote(s.project, "spec-3", "origin", head)

    asyncio.run(scenario())


def test_the_users_own_hook_decides_about_a_push(tmp_path: Path) -> None:
    async def scenario() -> None:
        s, head = await with_result(tmp_path)
        make_project(tmp_path / "server")
        git(s.project, "remote", "add", "origin", str(tmp_path / "server"))
        await s.repo.publish(head, "spec-1", str(s.project))
        hook = s.project / ".git" / "hooks" / "pre-push"
        hook.parent.mkdir(exist_ok=True)
        hook.write_text("#!/bin/sh\nexit 1\n")
        hook.chmod(0o755)
        with pytest.raises(VcsError):
            await push_to_remote(s.project, "spec-1", "origin", head)
        assert git(tmp_path / "server", "branch", "--list", "spec-1") == ""

    asyncio.run(scenario())
