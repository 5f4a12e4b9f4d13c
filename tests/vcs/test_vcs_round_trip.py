"""From a project to a workspace and back, on the healthy path."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime
from pathlib import Path

import pytest
from vcs_repos import FABRIK, clone, commit, git, make_setting, sh

WHEN = datetime(2030, 1, 2, 3, 4, 5, tzinfo=UTC)


@pytest.mark.parametrize("object_format", ["sha1", "sha256"])
def test_committed_and_uncommitted_work_comes_back_and_is_published(
    tmp_path: Path, object_format: str
) -> None:
    async def scenario() -> None:
        s = await make_setting(tmp_path, object_format=object_format)
        first = commit(s.workspace, "Agent's own", src__c_py="c = 3\n")
        (s.workspace / "src" / "d.py").write_text("d = 4\n")
        (s.workspace / "noise.log").write_text("ignored\n")
        report, data = s.harvest()
        assert (report.new, report.leftover, report.git, report.skipped) == (True, True, "healthy", 0)
        brought = await s.bring(data)
        assert brought.head == report.head
        assert brought.refs == {"refs/heads/work": first}
        landed = await s.repo.land(s.base.commit, report.head, "unused", FABRIK, WHEN)
        assert (landed.commit, landed.commits, landed.rewritten, landed.changed) == (
            report.head,
            2,
            False,
            True,
        )
        assert landed.tree == await s.repo.tree(report.head)
        files = s.files(landed.commit)
        assert files["src/c.py"] == "c = 3"
        assert files["src/d.py"] == "d = 4"
        assert "noise.log" not in files
        log = git(s.repo.path, "log", "--format=%an <%ae> %s", f"{s.base.commit}..{landed.commit}")
        assert log.splitlines() == [
            "fabrik <fabrik@localhost> Leftovers",
            "Someone <someone@example.com> Agent's own",
        ]
        before = sh(s.project, "sh", "-c", "git status --porcelain; git rev-parse HEAD; ls -A .git")
        await s.repo.publish(landed.commit, "spec-1", str(s.project))
        await s.repo.publish(landed.commit, "spec-1", str(s.project))
        assert git(s.project, "rev-parse", "spec-1") == landed.commit
        assert sh(s.project, "sh", "-c", "git status --porcelain; git rev-parse HEAD; ls -A .git") == before
        git(s.project, "fsck", "--strict")
        git(s.repo.path, "fsck", "--strict")

    asyncio.run(scenario())


def test_a_workspace_is_a_clean_clone_without_a_remote(tmp_path: Path) -> None:
    async def scenario() -> None:
        s = await make_setting(tmp_path)
        assert git(s.workspace, "status", "--porcelain=v2", "--branch").splitlines() == [
            f"# branch.oid {s.base.commit}",
            "# branch.head work",
        ]
        assert git(s.workspace, "remote") == ""
        assert git(s.workspace, "for-each-ref", "--format=%(refname)") == "refs/heads/work"
        assert git(s.workspace, "log", "--format=%s").splitlines() == ["More", "Begin"]
        who = sh(s.workspace, "git", "var", "GIT_AUTHOR_IDENT")
        assert who.startswith('An "able" agent <agent@example.com> ')
        git(s.workspace, "fsck", "--strict")

    asyncio.run(scenario())


def test_nothing_done_gives_no_bundle(tmp_path: Path) -> None:
    async def scenario() -> None:
        s = await make_setting(tmp_path)
        report, data = s.harvest()
        assert data == b""
        assert (report.head, report.new, report.leftover, report.git) == (
            s.base.commit,
            False,
            False,
            "healthy",
        )
        landed = await s.repo.land(s.base.commit, report.head, "m", FABRIK, WHEN)
        assert (landed.changed, landed.commit, landed.commits) == (False, s.base.commit, 0)

    asyncio.run(scenario())


def test_the_next_session_builds_on_the_landed_commit(tmp_path: Path) -> None:
    async def scenario() -> None:
        s = await make_setting(tmp_path)
        at = s.base.commit
        for number in range(4):
            workspace = tmp_path / f"workspace{number}"
            clone(s.repo, at, workspace, tmp_path)
            (workspace / f"file{number}").write_text(f"{number}\n")
            turn = type(s)(s.project, s.base, s.repo, workspace, tmp_path)
            report, data = turn.harvest(base=at)
            brought = await turn.bring(data, f"steps/{number}")
            assert brought.head is not None
            landed = await s.repo.land(at, brought.head, "m", FABRIK, WHEN)
            assert (landed.commit, landed.commits) == (report.head, 1)
            at = landed.commit
            await s.repo.set_ref("candidate", at)
        assert await s.repo.ref("candidate") == at
        assert git(s.repo.path, "rev-list", "--count", f"{s.base.commit}..{at}") == "4"
        git(s.repo.path, "fsck", "--strict")

    asyncio.run(scenario())
