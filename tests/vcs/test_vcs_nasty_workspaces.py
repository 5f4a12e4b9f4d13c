"""Everything an agent can do to its workspace: the harvest brings the work all the same."""

from __future__ import annotations

import asyncio
import os
import shutil
import socket
import subprocess
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import pytest
from vcs_repos import AGENT, FABRIK, Setting, clone, commit, git, make_setting, run_inside, sh

from fabrik.errors import VcsError
from fabrik.vcs.harvest import Harvest, parse
from fabrik.vcs.inside import (
    COMMIT_FILE,
    NOT_AT_COMMIT,
    NOT_HARVESTED,
    at_commit_argv,
    harvest_argv,
    resync_argv,
)

WHEN = datetime(2030, 1, 2, tzinfo=UTC)


def write(place: Path, **files: str) -> None:
    for name, text in files.items():
        (place / name.replace("_", ".")).write_text(text)


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


def test_hooks_filters_and_configuration_of_the_agent_have_no_effect(tmp_path: Path) -> None:
    def nasty(s: Setting) -> None:
        w, trap = s.workspace, canary(s.workspace)
        (w / ".git" / "hooks").mkdir(exist_ok=True)
        for hook in (
            "pre-commit",
            "post-commit",
            "post-checkout",
            "reference-transaction",
            "post-index-change",
        ):
            (w / ".git" / "hooks" / hook).symlink_to(trap)
        for key, value in {
            "core.fsmonitor": str(trap),
            "core.hooksPath": str(trap.parent),
            "core.worktree": "/nowhere",
            "core.sshCommand": str(trap),
            "filter.evil.clean": str(trap),
            "filter.evil.required": "true",
            "commit.gpgsign": "true",
            "gpg.program": str(trap),
            "alias.status": f"!{trap}",
            "core.excludesFile": str(w / "everything"),
            "include.path": "/nowhere/config",
        }.items():
            sh(w.parent, "git", "config", "--file", str(w / ".git" / "config"), key, value)
        (w / "everything").write_text("*\n")
        (w / ".git" / "info" / "exclude").write_text("hidden*\n")
        write(w, _gitattributes="* filter=evil diff=evil\n", hidden_txt="found\n")
        home = s.tmp / "home" / ".config" / "git"
        home.mkdir(parents=True, exist_ok=True)
        (home / "ignore").write_text("*\n")
        (s.tmp / "home" / ".gitconfig").write_text(f"[core]\nfsmonitor={trap}\n")

    report, files, s = outcome(tmp_path, nasty)
    assert report.git == "healthy"
    assert files["hidden.txt"] == "found"
    assert not (s.tmp / "sprung").exists()


def test_a_broken_configuration_does_not_matter(tmp_path: Path) -> None:
    def nasty(s: Setting) -> None:
        commit(s.workspace, "Own", a_txt="a\n")
        (s.workspace / ".git" / "config").write_text("[[[ this is nothing\n")
        write(s.workspace, b_txt="b\n")

    report, files, s = outcome(tmp_path, nasty)
    assert (report.git, report.leftover) == ("healthy", True)
    assert {"a.txt", "b.txt"} <= set(files)
    assert git(s.repo.path, "log", "-1", "--format=%s", f"{report.head}^") == "Own"


@pytest.mark.parametrize("lock", ["index.lock", "HEAD.lock", "refs/heads/work.lock", "packed-refs.lock"])
def test_lock_files_left_over(tmp_path: Path, lock: str) -> None:
    def nasty(s: Setting) -> None:
        (s.workspace / ".git" / lock).touch()
        write(s.workspace, b_txt="b\n")

    report, files, _ = outcome(tmp_path, nasty)
    assert (report.git, files["b.txt"]) == ("healthy", "b")


def test_a_detached_head_and_other_branches_come_along(tmp_path: Path) -> None:
    at: dict[str, str] = {}

    def nasty(s: Setting) -> None:
        w = s.workspace
        git(w, "checkout", "-q", "-b", "feature/one")
        at["one"] = commit(w, "One", one_txt="1\n")
        git(w, "pack-refs", "--all")
        git(w, "checkout", "-q", "-b", "feature/two", "work")
        at["two"] = commit(w, "Two", two_txt="2\n")
        write(w, stashed_txt="s\n")
        git(w, "stash", "-q", "--include-untracked")
        git(w, "checkout", "-q", "--detach", "work")
        at["three"] = commit(w, "Three", three_txt="3\n")

    report, files, s = outcome(tmp_path, nasty)
    assert report.head == at["three"]
    assert "one.txt" not in files
    assert git(s.repo.path, "rev-parse", "refs/fabrik/steps/1/heads/feature/one") == at["one"]
    assert git(s.repo.path, "rev-parse", "refs/fabrik/steps/1/heads/feature/two") == at["two"]
    assert git(s.repo.path, "log", "-1", "--format=%s", "refs/fabrik/steps/1/stash").startswith("WIP on")


def test_a_merge_in_progress_with_conflicts(tmp_path: Path) -> None:
    def nasty(s: Setting) -> None:
        w = s.workspace
        git(w, "checkout", "-q", "-b", "other")
        commit(w, "Theirs", README_md="theirs\n")
        git(w, "checkout", "-q", "work")
        commit(w, "Ours", README_md="ours\n")
        git(w, "merge", "-q", "other", check=False)
        assert "UU" in git(w, "status", "--porcelain")

    report, files, _ = outcome(tmp_path, nasty)
    assert (report.leftover, report.git) == (True, "healthy")
    assert "<<<<<<<" in files["README.md"]


@pytest.mark.parametrize("garbage", [b"", b"DIRC garbage", os.urandom(4000)])
def test_a_corrupted_index(tmp_path: Path, garbage: bytes) -> None:
    def nasty(s: Setting) -> None:
        commit(s.workspace, "Own", a_txt="a\n")
        (s.workspace / ".git" / "index").write_bytes(garbage)
        write(s.workspace, b_txt="b\n")
        (s.workspace / "src" / "a.py").unlink()

    report, files, _ = outcome(tmp_path, nasty)
    assert (report.git, report.leftover) == ("healthy", True)
    assert set(files) == {"README.md", ".gitignore", "src/b.py", "a.txt", "b.txt"}


def test_a_split_index(tmp_path: Path) -> None:
    def nasty(s: Setting) -> None:
        git(s.workspace, "update-index", "--split-index")
        write(s.workspace, b_txt="b\n")

    report, files, _ = outcome(tmp_path, nasty)
    assert (report.git, files["b.txt"]) == ("healthy", "b")


def test_flags_that_hide_changes(tmp_path: Path) -> None:
    def nasty(s: Setting) -> None:
        w = s.workspace
        git(w, "update-index", "--assume-unchanged", "src/a.py")
        git(w, "update-index", "--skip-worktree", "src/b.py")
        (w / "src" / "a.py").write_text("changed a\n")
        (w / "src" / "b.py").write_text("changed b\n")
        assert git(w, "status", "--porcelain") == ""

    report, files, _ = outcome(tmp_path, nasty)
    assert report.leftover
    assert (files["src/a.py"], files["src/b.py"]) == ("changed a", "changed b")


def test_a_sparse_checkout_deletes_nothing(tmp_path: Path) -> None:
    def nasty(s: Setting) -> None:
        git(s.workspace, "sparse-checkout", "set", "--no-cone", "/README.md")
        assert not (s.workspace / "src").exists()
        write(s.workspace, README_md="changed\n")

    _, files, _ = outcome(tmp_path, nasty)
    assert files["README.md"] == "changed"
    assert files["src/a.py"] == "a = 1"


def test_git_is_deleted(tmp_path: Path) -> None:
    def nasty(s: Setting) -> None:
        commit(s.workspace, "Own", a_txt="a\n")
        shutil.rmtree(s.workspace / ".git")
        (s.workspace / "src" / "a.py").write_text("changed\n")

    report, files, s = outcome(tmp_path, nasty)
    assert (report.git, report.leftover) == ("missing", True)
    assert (files["a.txt"], files["src/a.py"]) == ("a", "changed")
    assert git(s.repo.path, "rev-parse", f"{report.head}^") == s.base.commit


def test_git_is_made_anew(tmp_path: Path) -> None:
    def nasty(s: Setting) -> None:
        shutil.rmtree(s.workspace / ".git")
        git(s.workspace, "init", "-q", "-b", "fresh")
        commit(s.workspace, "All mine", a_txt="a\n")

    report, files, s = outcome(tmp_path, nasty)
    assert report.git == "healthy"
    assert files["a.txt"] == "a"
    landed = asyncio.run(s.repo.land(s.base.commit, report.head, "Put together", FABRIK, WHEN))
    again = asyncio.run(s.repo.land(s.base.commit, report.head, "Put together", FABRIK, WHEN))
    assert landed == again
    assert landed.rewritten
    assert git(s.repo.path, "log", "-1", "--format=%P %s", landed.commit) == f"{s.base.commit} Put together"


@pytest.mark.parametrize("new", ["file", "link", "fifo", "dangling", "gitfile", "nonsense-gitfile", "empty"])
def test_git_is_replaced(tmp_path: Path, new: str) -> None:
    def nasty(s: Setting) -> None:
        dot, moved = s.workspace / ".git", s.tmp / "elsewhere"
        commit(s.workspace, "Own", a_txt="a\n")
        write(s.workspace, b_txt="b\n")
        dot.rename(moved)
        match new:
            case "file":
                dot.write_bytes(os.urandom(100_000))
            case "link":
                dot.symlink_to(moved)
            case "fifo":
                os.mkfifo(dot)
            case "dangling":
                dot.symlink_to("/nowhere")
            case "gitfile":
                dot.write_text(f"gitdir: {moved}\n")
            case "nonsense-gitfile":
                dot.write_text("gitdir: ../nowhere\n")
            case "empty":
                dot.mkdir()

    report, files, _ = outcome(tmp_path, nasty)
    assert report.git == ("healthy" if new in ("link", "gitfile") else "damaged")
    assert (files["a.txt"], files["b.txt"]) == ("a", "b")
    assert report.leftover


@pytest.mark.parametrize(
    "place",
    ["refs/heads/work", "refs/heads/other", "HEAD", "packed-refs", "objects/ab/pipe", "index", "refs"],
)
def test_pipes_in_git_block_nobody(tmp_path: Path, place: str) -> None:
    def nasty(s: Setting) -> None:
        commit(s.workspace, "Own", a_txt="a\n")
        target = s.workspace / ".git" / place
        if target.is_dir():
            shutil.rmtree(target)
        target.unlink(missing_ok=True)
        target.parent.mkdir(exist_ok=True)
        os.mkfifo(target)
        write(s.workspace, b_txt="b\n")

    report, files, _ = outcome(tmp_path, nasty)
    assert (files["a.txt"], files["b.txt"]) == ("a", "b")
    assert report.git == ("healthy" if place == "index" else "damaged")


def test_alternates_removed_and_pointing_elsewhere(tmp_path: Path) -> None:
    def nasty(s: Setting) -> None:
        commit(s.workspace, "Own", a_txt="a\n")
        write(s.workspace, b_txt="b\n")
        (s.workspace / ".git" / "objects" / "info" / "alternates").write_text("/nowhere\n")

    report, files, _ = outcome(tmp_path, nasty)
    assert report.git == "healthy"
    assert (files["a.txt"], files["b.txt"]) == ("a", "b")


def test_objects_deleted(tmp_path: Path) -> None:
    def nasty(s: Setting) -> None:
        commit(s.workspace, "Own", a_txt="a\n")
        for entry in (s.workspace / ".git" / "objects").iterdir():
            if len(entry.name) == 2:
                shutil.rmtree(entry)
        write(s.workspace, b_txt="b\n")

    report, files, _ = outcome(tmp_path, nasty)
    assert (report.git, report.leftover) == ("damaged", True)
    assert (files["a.txt"], files["b.txt"]) == ("a", "b")


def test_objects_scribbled_over(tmp_path: Path) -> None:
    def nasty(s: Setting) -> None:
        commit(s.workspace, "Own", a_txt="a\n" * 100)
        for file in (s.workspace / ".git" / "objects").glob("??/*"):
            file.chmod(0o644)
            file.write_bytes(file.read_bytes()[:10] + b"scribble")

    report, files, _ = outcome(tmp_path, nasty)
    assert report.git == "damaged"
    assert "a.txt" in files


def test_one_broken_branch_does_not_cost_the_others_work(tmp_path: Path) -> None:
    def nasty(s: Setting) -> None:
        commit(s.workspace, "Own", a_txt="a\n")
        (s.workspace / ".git" / "refs" / "heads" / "ghost").write_text("1234567890" * 4 + "\n")

    report, files, s = outcome(tmp_path, nasty)
    assert report.git == "healthy"
    assert any("only HEAD" in note for note in report.notes)
    assert git(s.repo.path, "log", "-1", "--format=%s", report.head) == "Own"
    assert files["a.txt"] == "a"


def test_strange_refs_are_left_out(tmp_path: Path) -> None:
    def nasty(s: Setting) -> None:
        head = commit(s.workspace, "Own", a_txt="a\n")
        heads = s.workspace / ".git" / "refs" / "heads"
        for name in ("two words", "a..b", "x.lock", "que?", "new\nline", "at@{1}", "ünïcode"):
            (heads / name).write_text(head + "\n")
        (heads / "short").write_text("123\n")
        (heads / "null").write_text("\0" * 50)
        (heads / "deep").mkdir()
        (heads / "deep" / "er").write_text(head + "\n")

    report, _, s = outcome(tmp_path, nasty)
    assert report.git == "healthy"
    names = git(s.repo.path, "for-each-ref", "--format=%(refname)", "refs/fabrik/steps/").splitlines()
    assert {name.removeprefix("refs/fabrik/steps/1/") for name in names} == {
        "HEAD",
        "heads/work",
        "heads/deep/er",
        "heads/ünïcode",
    }


def test_more_branches_than_anybody_needs(tmp_path: Path) -> None:
    def nasty(s: Setting) -> None:
        head = commit(s.workspace, "Own", a_txt="a\n")
        for number in range(600):
            (s.workspace / ".git" / "refs" / "heads" / f"b{number}").write_text(head + "\n")

    report, files, _ = outcome(tmp_path, nasty)
    assert files["a.txt"] == "a"
    assert any("only HEAD" in note for note in report.notes)


def test_unborn_head(tmp_path: Path) -> None:
    def nasty(s: Setting) -> None:
        git(s.workspace, "checkout", "-q", "--orphan", "nothing-yet")
        write(s.workspace, b_txt="b\n")

    report, files, s = outcome(tmp_path, nasty)
    assert report.leftover
    assert files["b.txt"] == "b"
    assert git(s.repo.path, "rev-parse", f"{report.head}^") == s.base.commit


def test_history_taken_back(tmp_path: Path) -> None:
    def nasty(s: Setting) -> None:
        git(s.workspace, "reset", "-q", "--hard", "HEAD~1")

    report, files, s = outcome(tmp_path, nasty)
    assert report.head == git(s.project, "rev-parse", "HEAD~1")
    assert set(files) == {"README.md", ".gitignore"}


def test_nested_repositories_bring_their_files(tmp_path: Path) -> None:
    def nasty(s: Setting) -> None:
        for name in ("app", "empty", "committed", "app/deeper"):
            (s.workspace / name).mkdir()
            git(s.workspace / name, "init", "-q")
            (s.workspace / name / "file.txt").write_text(f"{name}\n")
            if name != "empty":
                git(s.workspace / name, "add", "file.txt")
                git(s.workspace / name, "commit", "-q", "-m", "inner")
        git(s.workspace, "add", "committed")
        git(s.workspace, "commit", "-q", "-m", "A bare reference")

    report, files, s = outcome(tmp_path, nasty)
    for name in ("app", "empty", "committed", "app/deeper"):
        assert files[f"{name}/file.txt"] == name
        assert (s.workspace / name / ".git").is_dir(), "the workspace is as it was"
    assert len(report.notes) == 4


def test_a_hostile_nested_repository_runs_nothing(tmp_path: Path) -> None:
    def nasty(s: Setting) -> None:
        inner = s.workspace / "inner"
        inner.mkdir()
        git(inner, "init", "-q")
        commit(inner, "inner", x_txt="x\n")
        git(s.workspace, "add", "inner")
        git(s.workspace, "commit", "-q", "-m", "reference")
        git(inner, "config", "core.fsmonitor", str(canary(s.workspace)))
        (inner / "x.txt").write_text("dirty\n")

    _, files, s = outcome(tmp_path, nasty)
    assert files["inner/x.txt"] == "dirty"
    assert not (s.tmp / "sprung").exists()


def test_special_files_are_passed_over(tmp_path: Path) -> None:
    def nasty(s: Setting) -> None:
        w = s.workspace
        os.mkfifo(w / "pipe")
        (w / "src" / "a.py").unlink()
        os.mkfifo(w / "src" / "a.py")
        with socket.socket(socket.AF_UNIX) as door:
            place = os.open(w, os.O_DIRECTORY)
            door.bind(f"/proc/self/fd/{place}/door")
            os.close(place)
        if os.getuid() == 0:
            os.mknod(w / "zero", 0o20666, os.makedev(1, 5))
        (w / "dangling").symlink_to("/nowhere/at/all")
        (w / "loop").symlink_to("loop")
        write(w, b_txt="b\n")

    report, files, _ = outcome(tmp_path, nasty)
    assert report.git == "healthy"
    assert {"b.txt", "dangling", "loop"} <= set(files)
    assert not {"pipe", "door", "zero"} & set(files)


def test_strange_names(tmp_path: Path) -> None:
    names = [
        "new\nline",
        "tab\there",
        "-rf",
        ":(top)x",
        "quote\"'",
        "*",
        " lead",
        "sp ace/in side",
        "\x01\x7f",
        "ü",
    ]

    def nasty(s: Setting) -> None:
        for name in names:
            path = s.workspace / name
            path.parent.mkdir(exist_ok=True)
            path.write_text("x\n")
        (s.workspace / os.fsdecode(b"latin-\xe9")).write_text("x\n")

    _, files, _ = outcome(tmp_path, nasty)
    assert {*names, os.fsdecode(b"latin-\xe9")} <= set(files)


def test_files_that_are_too_large_stay_out_and_are_named(tmp_path: Path) -> None:
    def nasty(s: Setting) -> None:
        (s.workspace / "big\nfile").write_bytes(b"x" * 5000)
        (s.workspace / "sub").mkdir()
        (s.workspace / "sub" / "[big]*").write_bytes(b"x" * 5000)
        (s.workspace / "sub" / "[big]small").write_bytes(b"x" * 50)
        (s.workspace / "README.md").write_bytes(b"y" * 5000)

    report, files, _ = outcome(tmp_path, nasty, max_file=1000)
    assert (report.skipped, report.leftover) == (3, True)
    assert "sub/[big]small" in files
    assert files["README.md"] == "hello"
    assert any("big?file" in note for note in report.notes)


def test_only_too_large_files_is_nothing_new(tmp_path: Path) -> None:
    report, _, _ = outcome(tmp_path, lambda s: (s.workspace / "big").write_bytes(b"x" * 5000), max_file=1000)
    assert (report.skipped, report.leftover, report.new) == (1, False, False)


def test_very_many_files(tmp_path: Path) -> None:
    def nasty(s: Setting) -> None:
        for number in range(100):
            directory = s.workspace / f"d{number}"
            directory.mkdir()
            for inner in range(200):
                (directory / f"f{inner}").touch()

    report, _, s = outcome(tmp_path, nasty)
    assert report.leftover
    assert len(asyncio.run(s.repo.ls(report.head))) == 20_004


def test_encodings_that_fail_do_not_stop_the_rest(tmp_path: Path) -> None:
    def nasty(s: Setting) -> None:
        write(
            s.workspace,
            _gitattributes="*.u16 working-tree-encoding=UTF-16\n*.no working-tree-encoding=NOPE\n",
        )
        (s.workspace / "bad.u16").write_bytes(b"\xff")
        (s.workspace / "bad.no").write_bytes(b"\xff\xfe")
        write(s.workspace, good_txt="good\n")

    report, files, _ = outcome(tmp_path, nasty)
    assert not report.partial
    assert {"bad.u16", "bad.no", "good.txt"} <= set(files)


def test_everything_is_deleted(tmp_path: Path) -> None:
    def nasty(s: Setting) -> None:
        for entry in s.workspace.iterdir():
            shutil.rmtree(entry) if entry.is_dir() else entry.unlink()

    report, files, _ = outcome(tmp_path, nasty)
    assert (report.git, files) == ("missing", {})


def test_salvage_does_not_look_at_git(tmp_path: Path) -> None:
    def nasty(s: Setting) -> None:
        commit(s.workspace, "Own", a_txt="a\n")

    report, files, s = outcome(tmp_path, nasty, mode="salvage")
    assert (report.git, report.leftover) == ("missing", True)
    assert files["a.txt"] == "a"
    assert git(s.repo.path, "rev-parse", f"{report.head}^") == s.base.commit


def test_the_workspace_is_gone(tmp_path: Path) -> None:
    s = asyncio.run(make_setting(tmp_path))
    shutil.rmtree(s.workspace)
    done = run_inside(harvest_argv(s.repo.objects, s.base.commit, str(s.workspace), "m", FABRIK), tmp_path)
    assert (done.returncode, done.stdout) == (NOT_HARVESTED, b"")
    with pytest.raises(VcsError, match="the workspace is gone"):
        parse(done.stderr)


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


def test_two_thousand_changed_files_one_of_them_too_large(tmp_path: Path) -> None:
    def nasty(s: Setting) -> None:
        for number in range(2000):
            (s.workspace / f"f{number}").write_text(str(number))
        (s.workspace / "large").write_bytes(b"x" * 5000)

    report, files, _ = outcome(tmp_path, nasty, max_file=1000)
    assert report.skipped == 1
    assert len(files) == 2004
    assert "large" not in files


def test_a_message_of_many_lines_and_a_name_in_quotes(tmp_path: Path) -> None:
    async def scenario() -> None:
        s = await make_setting(tmp_path)
        write(s.workspace, b_txt="b\n")
        argv = harvest_argv(
            s.repo.objects, s.base.commit, str(s.workspace), "# One\n\n-two $(x) `y` 'z'", AGENT
        )
        done = run_inside(argv, tmp_path)
        await s.bring(done.stdout)
        head = parse(done.stderr).head
        assert git(s.repo.path, "log", "-1", "--format=%an|%ae|%B", head) == (
            "An \"able\" agent|agent@example.com|# One\n\n-two $(x) `y` 'z'"
        )

    asyncio.run(scenario())


@pytest.mark.skipif(os.getuid() != 0, reason="needs another user to be")
@pytest.mark.parametrize("mode", [0o000, 0o200])
def test_unreadable_files_for_a_user_who_is_not_root(tmp_path: Path, mode: int) -> None:
    async def scenario() -> None:
        s = await make_setting(tmp_path)
        write(s.workspace, secret_txt="s\n")
        (s.workspace / "closed").mkdir()
        (s.workspace / "closed" / "in.txt").write_text("in\n")
        (s.workspace / "README.md").write_text("changed\n")
        for path in (s.workspace, *s.workspace.rglob("*")):
            os.chown(path, 12345, 12345, follow_symlinks=False)
        for name in ("secret.txt", "README.md", "closed"):
            (s.workspace / name).chmod(mode)
        scratch = s.tmp / "scratch"
        scratch.chmod(0o777)
        for parent in s.tmp.parents:
            if parent != Path("/tmp") and parent.is_relative_to("/tmp"):
                parent.chmod(0o755)
        s.tmp.chmod(0o755)
        argv = harvest_argv(s.repo.objects, s.base.commit, str(s.workspace), "m", FABRIK)
        done = run_inside(["setpriv", "--reuid=12345", "--regid=12345", "--clear-groups", *argv], s.tmp)
        report = parse(done.stderr)
        assert (report.git, report.partial) == ("healthy", False)
        await s.bring(done.stdout)
        files = s.files(report.head)
        assert (files["secret.txt"], files["closed/in.txt"], files["README.md"]) == ("s", "in", "changed")

    asyncio.run(scenario())


def test_no_room_for_what_the_session_wrote(tmp_path: Path) -> None:
    """A full disk is told as such, and stdout stays empty. /dev/full is the disk here."""
    s = asyncio.run(make_setting(tmp_path))
    write(s.workspace, b_txt="b\n")
    argv = harvest_argv(s.repo.objects, s.base.commit, str(s.workspace), "m", FABRIK)
    with Path("/dev/full").open("wb") as full:
        done = subprocess.run(argv, stdout=full, stderr=subprocess.PIPE, cwd=tmp_path, check=False)
    assert done.returncode == NOT_HARVESTED
    with pytest.raises(VcsError, match="could not be written"):
        parse(done.stderr)
