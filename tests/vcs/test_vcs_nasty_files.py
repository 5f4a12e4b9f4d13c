"""Whatever files an agent leaves in its workspace: the harvest brings them, or says why not."""

from __future__ import annotations

import asyncio
import os
import shutil
import socket
import subprocess
from pathlib import Path

import pytest
from vcs_repos import AGENT, FABRIK, Setting, canary, commit, git, make_setting, outcome, run_inside, write

from fabrik.errors import VcsError
from fabrik.vcs.harvest import parse
from fabrik.vcs.inside import NOT_HARVESTED, harvest_argv


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


def test_the_workspace_is_gone(tmp_path: Path) -> None:
    s = asyncio.run(make_setting(tmp_path))
    shutil.rmtree(s.workspace)
    done = run_inside(harvest_argv(s.repo.objects, s.base.commit, str(s.workspace), "m", FABRIK), tmp_path)
    assert (done.returncode, done.stdout) == (NOT_HARVESTED, b"")
    with pytest.raises(VcsError, match="the workspace is gone"):
        parse(done.stderr)


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
