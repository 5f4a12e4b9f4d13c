"""Landing and looking: which commit stands for a session, and what it changed."""

from __future__ import annotations

import asyncio
import os
from datetime import UTC, datetime
from pathlib import Path

import pytest
from vcs_repos import FABRIK, commit, git, make_setting

from fabrik.errors import VcsError
from fabrik.vcs import run_repo
from fabrik.vcs.run_repo import RunRepo

WHEN = datetime(2030, 1, 2, 3, 4, 5, tzinfo=UTC)


def test_commits_that_change_nothing_in_sum(tmp_path: Path) -> None:
    async def scenario() -> None:
        s = await make_setting(tmp_path)
        commit(s.workspace, "Add", a_txt="a\n")
        git(s.workspace, "revert", "--no-edit", "HEAD")
        git(s.workspace, "commit", "-q", "--allow-empty", "-m", "Nothing")
        report, data = s.harvest()
        await s.bring(data)
        landed = await s.repo.land(s.base.commit, report.head, "m", FABRIK, WHEN)
        assert (landed.changed, landed.commit, landed.commits) == (False, s.base.commit, 0)
        assert await s.repo.ref("steps/1/HEAD") == report.head, "they are kept all the same"

    asyncio.run(scenario())


def test_amended_and_rebased_history(tmp_path: Path) -> None:
    async def scenario() -> None:
        s = await make_setting(tmp_path)
        (s.workspace / "a.txt").write_text("a\n")
        git(s.workspace, "add", "-A")
        git(s.workspace, "commit", "-q", "--amend", "-m", "Never was")
        report, data = s.harvest()
        await s.bring(data)
        landed = await s.repo.land(s.base.commit, report.head, "Agent's work", FABRIK, WHEN)
        assert (landed.rewritten, landed.changed, landed.commits) == (True, True, 1)
        assert landed.tree == await s.repo.tree(report.head)
        shown = git(s.repo.path, "log", "-1", "--format=%P|%an|%cd|%s", "--date=iso-strict", landed.commit)
        assert shown == f"{s.base.commit}|fabrik|2030-01-02T03:04:05+00:00|Agent's work"

    asyncio.run(scenario())


def test_merges_inside_a_session_are_kept(tmp_path: Path) -> None:
    async def scenario() -> None:
        s = await make_setting(tmp_path)
        git(s.workspace, "checkout", "-q", "-b", "topic")
        commit(s.workspace, "Topic", t_txt="t\n")
        git(s.workspace, "checkout", "-q", "work")
        commit(s.workspace, "Work", w_txt="w\n")
        git(s.workspace, "merge", "-q", "--no-edit", "topic")
        report, data = s.harvest()
        await s.bring(data)
        landed = await s.repo.land(s.base.commit, report.head, "m", FABRIK, WHEN)
        assert (landed.commit, landed.commits, landed.rewritten) == (report.head, 3, False)

    asyncio.run(scenario())


def test_more_commits_than_one_look_shows(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(run_repo, "_FEW_COMMITS", 3)

    async def scenario() -> None:
        s = await make_setting(tmp_path)
        heads = [commit(s.workspace, f"{n}", a_txt=f"{n}\n") for n in range(5)]
        await s.bring(s.harvest()[1])
        landed = await s.repo.land(s.base.commit, heads[-1], "m", FABRIK, WHEN)
        assert (landed.commit, landed.commits, landed.rewritten) == (heads[-1], 5, False)
        back = await s.repo.land(heads[-1], heads[0], "m", FABRIK, WHEN)
        assert (back.commits, back.rewritten, back.changed) == (1, True, True)

    asyncio.run(scenario())


def test_what_is_not_there(tmp_path: Path) -> None:
    async def scenario() -> None:
        s = await make_setting(tmp_path)
        for call in (
            s.repo.land(s.base.commit, "1" * 40, "m", FABRIK, WHEN),
            s.repo.tree("1" * 40),
            s.repo.diff_stat(s.base.commit, "1" * 40),
            s.repo.diff(s.base.commit, "1" * 40, 100),
            s.repo.read_file("1" * 40, "README.md", 10),
            s.repo.set_ref("candidate", "1" * 40),
        ):
            with pytest.raises(VcsError) as caught:
                await call
            assert "git " in caught.value.what
        assert await s.repo.ref("candidate") is None

    asyncio.run(scenario())


def test_looking_at_differences_and_files(tmp_path: Path) -> None:
    async def scenario() -> None:
        s = await make_setting(tmp_path)
        w = s.workspace
        (w / "src" / "a.py").write_text("a = 1\na = 2\n")
        (w / "src" / "b.py").unlink()
        (w / "bin").write_bytes(b"\0\1\2")
        (w / "odd\nname\t.txt").write_text("x\n")
        (w / os.fsdecode(b"\xff.txt")).write_text("x\n")
        (w / "link").symlink_to("/etc/passwd")
        (w / ".gitattributes").write_text("*.py diff=evil -text\n")
        report, data = s.harvest()
        await s.bring(data)
        changes = {c.path: (c.added, c.removed) for c in await s.repo.diff_stat(s.base.commit, report.head)}
        assert changes == {
            ".gitattributes": (1, 0),
            "bin": (None, None),
            "link": (1, 0),
            "odd\nname\t.txt": (1, 0),
            "src/a.py": (1, 0),
            "src/b.py": (0, 1),
            os.fsdecode(b"\xff.txt"): (1, 0),
        }
        whole = await s.repo.diff(s.base.commit, report.head, 1 << 20)
        assert not whole.truncated
        assert "+a = 2" in whole.text
        cut = await s.repo.diff(s.base.commit, report.head, 100)
        assert cut.truncated
        assert whole.text.startswith(cut.text[:90])
        read = s.repo.read_file
        assert await read(report.head, "src/a.py", 100) == b"a = 1\na = 2\n"
        assert await read(report.head, "src/a.py", 3) == b"a ="
        for none in ("src", "link", "nope", "src/*", "../x", ":/README.md"):
            assert await read(report.head, none, 100) is None
        modes = {entry.path: entry.mode for entry in await s.repo.ls(report.head)}
        assert (modes["link"], modes["src/a.py"]) == ("120000", "100644")

    asyncio.run(scenario())


def test_making_it_again_and_at_once(tmp_path: Path) -> None:
    async def scenario() -> None:
        s = await make_setting(tmp_path)
        await s.repo.set_ref("candidate", s.base.commit)
        path = tmp_path / "home" / "runs" / "r9" / "repo.git"
        repos = await asyncio.gather(*(RunRepo.create(path, s.base) for _ in range(5)))
        assert len(set(repos)) == 1
        assert [entry.name for entry in path.parent.iterdir()] == ["repo.git"]
        assert await RunRepo.create(s.repo.path, s.base) == s.repo
        assert await s.repo.ref("candidate") == s.base.commit, "what is there is kept"
        assert await s.repo.ref("base") == s.base.commit

    asyncio.run(scenario())


def test_a_home_with_odd_characters(tmp_path: Path) -> None:
    async def scenario() -> None:
        odd = tmp_path / 'a "b": c\'d'
        odd.mkdir()
        s = await make_setting(odd)
        head = commit(s.workspace, "Own", a_txt="a\n")
        brought = await s.bring(s.harvest()[1])
        assert brought.head == head
        await s.repo.publish(head, "spec-1", str(s.project))

    asyncio.run(scenario())
