"""Whatever an agent does to the inside of .git: the harvest brings the work all the same."""

from __future__ import annotations

import asyncio
import os
import shutil
from pathlib import Path

import pytest
from vcs_repos import FABRIK, WHEN, Setting, canary, commit, git, outcome, sh, write


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


@pytest.mark.parametrize(
    "garbage", [b"", b"DIRC garbage", os.urandom(4000)], ids=["empty", "garbage", "random"]
)
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


def test_salvage_does_not_look_at_git(tmp_path: Path) -> None:
    def nasty(s: Setting) -> None:
        commit(s.workspace, "Own", a_txt="a\n")

    report, files, s = outcome(tmp_path, nasty, mode="salvage")
    assert (report.git, report.leftover) == ("missing", True)
    assert files["a.txt"] == "a"
    assert git(s.repo.path, "rev-parse", f"{report.head}^") == s.base.commit
