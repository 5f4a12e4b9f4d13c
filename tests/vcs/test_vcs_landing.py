"""Commits come into the user's checkout, and nothing of the user's is lost on the way."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from landing_kit import make_kit
from vcs_repos import commit, git, make_project

from fabrik.errors import UsageError
from fabrik.vcs.landing import Moved


def test_branch_index_and_files_follow(tmp_path: Path) -> None:
    kit = make_kit(tmp_path)
    (kit.work / "run.sh").write_text("#!/bin/sh\n")
    (kit.work / "run.sh").chmod(0o755)
    (kit.work / "link").symlink_to("README.md")
    new = kit.make(src__a_py="a = 5\n", src__b_py=None, deep__er__c_txt="c\n")
    assert kit.land(new) is True
    assert kit.head() == new and kit.status() == ""
    assert (kit.project / "src/a.py").read_text() == "a = 5\n"
    assert not (kit.project / "src/b.py").exists()
    assert os.access(kit.project / "run.sh", os.X_OK) and (kit.project / "link").readlink() == Path(
        "README.md"
    )
    assert (kit.project / "deep/er").stat().st_mode & 0o777 == 0o755
    assert "fabrik: lands" in git(kit.project, "reflog", "main")
    assert git(kit.project, "diff-files") == "", "the index knows the files"
    assert not list((kit.project / ".git").glob("*fabrik*"))
    git(kit.project, "fsck", "--strict", "--connectivity-only")
    assert kit.land(new) is True, "once more changes nothing"
    assert kit.head() == new and kit.status() == ""


def test_files_become_directories_and_back(tmp_path: Path) -> None:
    project = make_project(tmp_path / "p")
    commit(project, "More", thing="file\n", other__x="x\n", other__y__z="z\n")
    kit = make_kit(tmp_path, project)
    (project / "other/empty").mkdir()
    (kit.work / "thing").unlink()
    git(kit.work, "rm", "-q", "-r", "other")
    kit.land(kit.make(thing__inner="now inside\n", other="now a file\n"))
    assert kit.status() == ""
    assert (project / "thing/inner").read_text() == "now inside\n"
    assert (project / "other").read_text() == "now a file\n"


def test_a_branch_that_moved_is_told(tmp_path: Path) -> None:
    kit = make_kit(tmp_path)
    new = kit.make(src__a_py="a = 5\n")
    at = commit(kit.project, "Meanwhile", other_txt="x\n")
    with pytest.raises(Moved) as told:
        kit.land(new)
    assert told.value.at == at == kit.head()
    git(kit.project, "switch", "-q", "-c", "elsewhere")
    git(kit.project, "branch", "-q", "-D", "main")
    with pytest.raises(Moved) as told:
        kit.land(new)
    assert told.value.at is None


def test_a_branch_that_is_not_checked_out_any_more_is_moved_alone(tmp_path: Path) -> None:
    kit = make_kit(tmp_path)
    git(kit.project, "switch", "-q", "-c", "other")
    new = kit.make(src__a_py="a = 5\n")
    assert kit.land(new) is False
    assert git(kit.project, "rev-parse", "main") == new
    assert (kit.project / "src/a.py").read_text() == "a = 1\n" and kit.status() == ""


def test_a_branch_in_another_working_tree_is_followed_there(tmp_path: Path) -> None:
    kit = make_kit(tmp_path)
    git(kit.project, "switch", "-q", "-c", "other")
    git(kit.project, "worktree", "add", "-q", str(tmp_path / "side"), "main")
    new = kit.make(src__a_py="a = 5\n")
    assert kit.land(new) is True
    assert (tmp_path / "side/src/a.py").read_text() == "a = 5\n"
    assert git(tmp_path / "side", "status", "--porcelain") == kit.status() == ""


def test_in_the_middle_of_a_merge_it_refuses(tmp_path: Path) -> None:
    kit = make_kit(tmp_path)
    (kit.project / ".git/MERGE_HEAD").write_text(kit.shot.tip + "\n")
    with pytest.raises(UsageError, match="a merge is under way"):
        kit.land(kit.make(src__a_py="a = 5\n"))


def test_many_files(tmp_path: Path) -> None:
    kit = make_kit(tmp_path)
    new = kit.make(**{f"many__{n}": f"{n}\n" for n in range(700)})
    kit.land(new)
    assert kit.status() == "" and kit.head() == new
