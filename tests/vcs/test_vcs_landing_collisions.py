"""What the user changed meanwhile is in the way of what lands, or is not; it is never lost."""

from __future__ import annotations

from pathlib import Path

import pytest
from landing_kit import make_kit
from vcs_repos import commit, git, make_project

from fabrik.vcs.landing import InTheWay


def test_changes_of_the_user_that_do_not_collide_stay(tmp_path: Path) -> None:
    project = make_project(tmp_path / "p")
    commit(project, "More", mine_txt="1\n", staged_txt="1\n", gone_txt="1\n")
    kit = make_kit(tmp_path, project)
    (project / "mine.txt").write_text("2\n")
    (project / "staged.txt").write_text("2\n")
    git(project, "add", "staged.txt")
    (project / "gone.txt").unlink()
    (project / "new.txt").write_text("untracked\n")
    git(project, "rm", "-q", "--cached", "README.md")
    before = kit.status()
    kit.land(kit.make(src__a_py="a = 5\n"))
    assert kit.status() == before
    assert (project / "mine.txt").read_text() == "2\n" and (project / "src/a.py").read_text() == "a = 5\n"


@pytest.mark.parametrize(
    "meddle",
    ["edit", "delete", "stage", "stage and put back", "untracked", "ignored", "directory", "link", "chmod",
     "parent is a file", "parent is a link"],
)  # fmt: skip
def test_what_collides_makes_it_refuse_and_nothing_has_changed(tmp_path: Path, meddle: str) -> None:
    kit = make_kit(tmp_path)
    project, a = kit.project, kit.project / "src/a.py"
    files: dict[str, str | None] = {"src__a_py": "a = 5\n", "src__b_py": None}
    if meddle == "edit":
        a.write_text("a = 77\n")
    elif meddle == "delete":
        a.unlink()
    elif meddle == "stage":
        a.write_text("a = 77\n")
        git(project, "add", "-A")
    elif meddle == "stage and put back":
        a.write_text("a = 77\n")
        git(project, "add", "-A")
        a.write_text("a = 1\n")
    elif meddle == "untracked":
        (project / "new.txt").write_text("mine\n")
        files["new_txt"] = "theirs\n"
    elif meddle == "ignored":
        (project / ".git/info").mkdir(exist_ok=True)
        (project / ".git/info/exclude").write_text("secret\n")
        (project / "secret").write_text("mine\n")
        files["secret"] = "theirs\n"
    elif meddle == "directory":
        a.unlink()
        a.mkdir()
        (a / "x").write_text("mine\n")
    elif meddle == "link":
        a.unlink()
        a.symlink_to("b.py")
    elif meddle == "chmod":
        a.chmod(0o755)
    elif meddle == "parent is a file":
        (project / "new").write_text("mine\n")
        files["new__x"] = "theirs\n"
    else:
        (tmp_path / "elsewhere").mkdir()
        (project / "new").symlink_to(tmp_path / "elsewhere")
        files["new__x"] = "theirs\n"
    before = (kit.status(), kit.head(), git(project, "ls-files", "--stage"))
    with pytest.raises(InTheWay) as told:
        kit.land(kit.make(**files))
    assert len(told.value.paths) == 1
    assert (kit.status(), kit.head(), git(project, "ls-files", "--stage")) == before
    assert (project / "src/b.py").exists()
    assert not (tmp_path / "elsewhere/x").exists()
    assert not (project / ".git/index.lock").exists()


def test_what_the_user_did_to_the_same_end_does_not_collide(tmp_path: Path) -> None:
    kit = make_kit(tmp_path)
    new = kit.make(src__a_py="a = 5\n", new_txt="same\n", src__b_py=None)
    (kit.project / "src/a.py").write_text("a = 5\n")
    (kit.project / "new.txt").write_text("same\n")
    git(kit.project, "rm", "-q", "src/b.py")
    kit.land(new)
    assert kit.status() == "" and kit.head() == new


def test_a_file_of_the_user_in_a_directory_that_is_to_be_a_file(tmp_path: Path) -> None:
    project = make_project(tmp_path / "p")
    commit(project, "More", other__x="x\n")
    kit = make_kit(tmp_path, project)
    (project / "other/mine").write_text("mine\n")
    git(kit.work, "rm", "-q", "-r", "other")
    with pytest.raises(InTheWay):
        kit.land(kit.make(other="now a file\n"))
    assert (project / "other/x").exists() and (project / "other/mine").exists()


def test_uncommitted_work_lands_with_what_was_built_on_it(tmp_path: Path) -> None:
    project = make_project(tmp_path / "p")
    (project / "src/a.py").write_text("a = 2\n")
    git(project, "add", "-A")
    (project / "src/a.py").write_text("a = 3\n")  # staged as 2, found as 3
    (project / "src/b.py").write_text("b = 3\n")
    (project / "new.txt").write_text("new\n")
    kit = make_kit(tmp_path, project)
    assert not kit.shot.clean
    new = kit.make(
        src__a_py="a = 4\n", src__b_py="b = 2\n"
    )  # the second is as it was before the user's change
    kit.land(new)
    assert kit.status() == "" and kit.head() == new
    assert (project / "src/a.py").read_text() == "a = 4\n" and (project / "src/b.py").read_text() == "b = 2\n"
    assert git(project, "log", "--format=%s", "-3").splitlines() == ["Work", "Uncommitted work", "More"]


def test_uncommitted_work_that_was_changed_further_collides_where_the_work_changed_it(tmp_path: Path) -> None:
    project = make_project(tmp_path / "p")
    (project / "src/a.py").write_text("a = 3\n")
    (project / "src/b.py").write_text("b = 3\n")
    kit = make_kit(tmp_path, project)
    (project / "src/b.py").write_text("b = 4\n")
    with pytest.raises(InTheWay) as told:
        kit.land(kit.make(src__a_py="a = 4\n"))
    assert told.value.paths == ("src/b.py",)
    assert (project / "src/a.py").read_text() == "a = 3\n"


def test_what_git_was_told_not_to_look_at_is_looked_at(tmp_path: Path) -> None:
    kit = make_kit(tmp_path)
    git(kit.project, "update-index", "--assume-unchanged", "src/a.py")
    (kit.project / "src/a.py").write_text("a = 'my own setting'\n")
    with pytest.raises(InTheWay):
        kit.land(kit.make(src__a_py="a = 5\n"))
    assert "my own" in (kit.project / "src/a.py").read_text()
