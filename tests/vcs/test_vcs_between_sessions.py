"""A workspace that is used again: git laid anew for the next session, another commit for checks."""

from __future__ import annotations

import asyncio
from pathlib import Path

from vcs_repos import AGENT, clone, commit, git, make_setting, run_inside, write

from fabrik.vcs.inside import COMMIT_FILE, NOT_AT_COMMIT, at_commit_argv, resync_argv


def test_a_nested_repository_again_in_the_next_session(tmp_path: Path) -> None:
    """Its files are tracked by now, and its .git is still there."""

    async def scenario() -> None:
        s = await make_setting(tmp_path)
        inner = s.workspace / "app"
        inner.mkdir()
        git(inner, "init", "-q")
        commit(inner, "inner", one_txt="1\n")
        first, data = s.harvest()
        await s.bring(data)
        resynced = run_inside(resync_argv(s.repo.objects, first.head, str(s.workspace), AGENT), s.tmp)
        assert resynced.returncode == 0, resynced.stderr
        assert s.harvest(base=first.head)[0].new is False
        (inner / "one.txt").write_text("changed\n")
        (inner / "two.txt").write_text("2\n")
        second, data = s.harvest(base=first.head)
        await s.bring(data, "steps/2")
        files = s.files(second.head)
        assert (files["app/one.txt"], files["app/two.txt"]) == ("changed", "2")

    asyncio.run(scenario())


def test_git_laid_anew_under_the_files(tmp_path: Path) -> None:
    async def scenario() -> None:
        s = await make_setting(tmp_path)
        write(s.workspace, b_txt="b\n", x_log="ignored\n")
        report, data = s.harvest()
        await s.bring(data)
        (s.workspace / ".git" / "config").write_text("[core]\n\tfsmonitor = evil\n")
        for _ in range(2):
            argv = resync_argv(s.repo.objects, report.head, str(s.workspace), AGENT)
            done = run_inside(argv, s.tmp)
            assert done.returncode == 0, done.stderr
            assert git(s.workspace, "status", "--porcelain") == ""
            assert git(s.workspace, "rev-parse", "HEAD") == report.head
            assert (s.workspace / "x.log").exists()
            assert "evil" not in (s.workspace / ".git" / "config").read_text()

    asyncio.run(scenario())


def test_a_checkout_of_another_commit_keeps_what_is_ignored(tmp_path: Path) -> None:
    async def scenario() -> None:
        s = await make_setting(tmp_path)
        first = commit(s.workspace, "Own", a_txt="a\n")
        await s.bring(s.harvest()[1])
        checks = tmp_path / "checks"
        clone(s.repo, s.base.commit, checks, tmp_path)
        write(checks, x_log="installed\n", rubbish_txt="x\n", README_md="scribbled\n")
        named = tmp_path / "home" / COMMIT_FILE
        named.parent.mkdir(exist_ok=True)
        named.write_text(f"{first}\n")
        argv = at_commit_argv(str(checks), f"cat {checks}/a.txt; exit 7")
        done = run_inside(argv, tmp_path)
        assert not named.exists()
        assert (done.returncode, done.stdout) == (7, b"a\n"), done.stderr
        assert git(checks, "status", "--porcelain") == ""
        assert (checks / "a.txt").read_text() == "a\n"
        assert (checks / "README.md").read_text() == "hello\n"
        assert (checks / "x.log").exists()
        assert not (checks / "rubbish.txt").exists()
        (checks / ".git" / "index.lock").touch()
        named.write_text(f"{s.base.commit}\n")
        done = run_inside(at_commit_argv(str(checks), "echo ran"), tmp_path)
        assert (done.returncode, done.stdout) == (NOT_AT_COMMIT, b""), "no check runs at another commit"

    asyncio.run(scenario())
