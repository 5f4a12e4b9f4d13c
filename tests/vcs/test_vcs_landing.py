"""Commits come into the user's checkout, and nothing of the user's is lost on the way."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest
from vcs_repos import ENV, FABRIK, WHEN, commit, git, make_project

from fabrik.errors import UsageError, VcsError
from fabrik.vcs import index_lock
from fabrik.vcs.base import fetch_base
from fabrik.vcs.checkout import Snapshot, snapshot
from fabrik.vcs.landing import InTheWay, Landing, Moved, advance
from fabrik.vcs.run_repo import RunRepo


@dataclass
class Kit:
    """A project, what was snapshotted of it, and a repository of fabrik's with work on top."""

    project: Path
    shot: Snapshot
    repo: RunRepo
    work: Path  # a clone in which the work is made

    def make(self, **files: str | None) -> str:
        """Commit work on top of the snapshot (None removes a file); the commit, in fabrik's repository."""
        for name, text in files.items():
            path = self.work / name.replace("__", "/").replace("_", ".")
            if text is None:
                path.unlink()
            else:
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_text(text)
        git(self.work, "add", "-A")
        git(self.work, "commit", "-q", "-m", "Work")
        return self.bring()

    def bring(self) -> str:
        git(self.repo.path, "fetch", "-q", str(self.work), "+HEAD:refs/fabrik/work")
        return git(self.work, "rev-parse", "HEAD")

    def landing(self, new: str) -> Landing:
        return Landing(
            branch=self.shot.branch,
            tip=self.shot.tip,
            known=self.shot.commit,
            commit=new,
            why="fabrik: lands",
        )

    def land(self, new: str, owner: str = "me") -> bool:
        return asyncio.run(advance(self.repo.path, self.shot.place, self.landing(new), owner, umask=0o022))

    def status(self) -> str:
        return git(self.project, "status", "--porcelain")

    def head(self) -> str:
        return git(self.project, "rev-parse", "HEAD")


def make_kit(tmp_path: Path, project: Path | None = None) -> Kit:
    project = project or make_project(tmp_path / "p")

    async def prepare() -> tuple[Snapshot, RunRepo]:
        shot = await snapshot(project, FABRIK, WHEN, "Uncommitted work")
        base = await fetch_base(tmp_path / "home/projects", str(project), shot.commit)
        return shot, await RunRepo.create(tmp_path / "home/run/repo.git", base)

    shot, repo = asyncio.run(prepare())
    work = tmp_path / "work"
    git(tmp_path, "clone", "-q", "--shared", "--no-checkout", str(repo.path), str(work))
    git(work, "checkout", "-q", "--detach", shot.commit)
    return Kit(project, shot, repo, work)


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


def test_no_hook_runs_and_configuration_does_no_harm(tmp_path: Path) -> None:
    kit = make_kit(tmp_path)
    for hook in ("post-checkout", "post-index-change", "reference-transaction", "post-merge", "pre-commit"):
        path = kit.project / ".git/hooks" / hook
        path.parent.mkdir(exist_ok=True)
        path.write_text(f"#!/bin/sh\ntouch {tmp_path}/sprung\n")
        path.chmod(0o755)
    trap = f"touch {tmp_path}/sprung; cat"
    settings = {
        **dict.fromkeys(("core.fsmonitor", "diff.external", "core.pager"), trap),
        **dict.fromkeys(("core.splitIndex", "core.safecrlf", "submodule.recurse"), "true"),
        "core.untrackedCache": "true",
        "index.version": "4",
        "diff.renames": "copies",
    }
    for name, value in settings.items():
        git(kit.project, "config", name, value)
    new = kit.make(src__a_py="a = 5\n", ünï="x\n")
    kit.land(new)
    assert not (tmp_path / "sprung").exists()
    git(kit.project, "config", "--unset", "core.fsmonitor")
    assert kit.head() == new and kit.status() == ""


def test_line_ends_and_filters_as_in_the_working_tree(tmp_path: Path) -> None:
    project = make_project(tmp_path / "p")
    git(project, "config", "filter.up.clean", "tr a-z A-Z")
    git(project, "config", "filter.up.smudge", "tr A-Z a-z")
    commit(
        project, "More", _gitattributes="*.up filter=up\n*.dos text eol=crlf\n", x_up="loud\n", y_dos="1\n"
    )
    (project / "y.dos").unlink()
    git(project, "checkout", "-q", "--", "y.dos")
    assert (project / "y.dos").read_bytes() == b"1\r\n"
    kit = make_kit(tmp_path, project)
    git(kit.work, "config", "filter.up.clean", "tr a-z A-Z")
    new = kit.make(x_up="louder\n", y_dos="2\n", z_dos="3\n")
    kit.land(new)
    assert (project / "x.up").read_text() == "louder\n"
    assert (project / "y.dos").read_bytes() == b"2\r\n" and (project / "z.dos").read_bytes() == b"3\r\n"
    assert kit.status() == ""


def test_submodules_are_left_alone(tmp_path: Path) -> None:
    other = make_project(tmp_path / "other")
    project = make_project(tmp_path / "p")
    git(project, "-c", "protocol.file.allow=always", "submodule", "add", "-q", str(other), "sub")
    git(project, "commit", "-q", "-m", "Add sub")
    further = commit(other, "Further", a_txt="a\n")
    kit = make_kit(tmp_path, project)
    git(kit.work, "update-index", "--cacheinfo", f"160000,{further},sub")
    git(kit.work, "update-index", "--add", "--cacheinfo", f"160000,{further},sub2")
    git(kit.work, "commit", "-q", "-m", "Point further")
    kit.land(kit.bring())
    assert git(project, "ls-files", "--stage", "sub").split()[1] == further
    assert not (project / "sub/a.txt").exists() and (project / "sub2").is_dir()


def test_a_sparse_checkout_stays_sparse(tmp_path: Path) -> None:
    project = make_project(tmp_path / "p")
    commit(project, "More", far__x_txt="1\n")
    git(project, "sparse-checkout", "set", "src")
    kit = make_kit(tmp_path, project)
    kit.land(kit.make(far__x_txt="2\n", src__a_py="a = 5\n"))
    assert not (project / "far").exists() and kit.status() == ""
    assert (project / "src/a.py").read_text() == "a = 5\n"


def test_what_git_was_told_not_to_look_at_is_looked_at(tmp_path: Path) -> None:
    kit = make_kit(tmp_path)
    git(kit.project, "update-index", "--assume-unchanged", "src/a.py")
    (kit.project / "src/a.py").write_text("a = 'my own setting'\n")
    with pytest.raises(InTheWay):
        kit.land(kit.make(src__a_py="a = 5\n"))
    assert "my own" in (kit.project / "src/a.py").read_text()


def test_another_git_at_work_is_waited_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    kit = make_kit(tmp_path)
    new = kit.make(src__a_py="a = 5\n")
    lock = kit.project / ".git/index.lock"
    lock.write_text("")

    async def meanwhile() -> None:
        landing = asyncio.create_task(
            advance(kit.repo.path, kit.shot.place, kit.landing(new), "me", umask=0o022)
        )
        await asyncio.sleep(0)
        assert not landing.done()
        lock.unlink()
        await landing

    asyncio.run(meanwhile())
    assert kit.head() == new
    lock.write_text("")
    monkeypatch.setattr(index_lock, "_PATIENCE_SECONDS", 0.0)
    with pytest.raises(VcsError, match="another git command") as told:
        kit.land(new)
    assert str(lock) in str(told.value) and lock.exists()
    lock.write_bytes(b"fabrik somebody else\n")
    with pytest.raises(VcsError, match="another run of fabrik"):
        kit.land(new)
    lock.write_bytes(b"fabrik me\n")
    kit.land(new)
    assert not lock.exists()


def test_many_files(tmp_path: Path) -> None:
    kit = make_kit(tmp_path)
    new = kit.make(**{f"many__{n}": f"{n}\n" for n in range(700)})
    kit.land(new)
    assert kit.status() == "" and kit.head() == new


KILLED = """
import asyncio, os, signal, sys
from fabrik.vcs import landing, near, ref_held
from fabrik.vcs.checkout import Place
from pathlib import Path
repo, root, branch, tip, known, commit, at = sys.argv[1:]
steps = [0]
def strike():
    steps[0] += 1
    if steps[0] == int(at):
        os.kill(os.getpid(), signal.SIGKILL)
def wrap(module, name):
    original = getattr(module, name)
    if asyncio.iscoroutinefunction(original):
        async def wrapped(*a, **k):
            strike(); found = await original(*a, **k); strike(); return found
    else:
        def wrapped(*a, **k):
            strike(); found = original(*a, **k); strike(); return found
    setattr(module, name, wrapped)
for name in ("git", "standing", "transfer", "take_away", "_move", "_make_parents", "_sync"):
    wrap(landing, name)
wrap(near, "_store")
for name in ("_begin", "_prepared", "_end"):
    wrap(ref_held, name)
place = Place(root=Path(root), git_dir=Path(root) / ".git")
one = landing.Landing(branch=branch, tip=tip, known=known, commit=commit, why="x")
asyncio.run(landing.advance(Path(repo), place, one, "me", umask=0o022))
print("ended after", steps[0])
"""


def test_killed_anywhere_and_done_again_it_comes_to_the_right_end(tmp_path: Path) -> None:
    """kill -9 before and after every git command and every file; each time with new work on top."""
    project = make_project(tmp_path / "p")
    commit(project, "More", other__x="x\n", mine_txt="mine\n")
    (project / "src/b.py").write_text("b = 'uncommitted'\n")
    kit = make_kit(tmp_path, project)
    (project / "mine.txt").write_text("changed meanwhile\n")
    new = kit.make(src__a_py="a = 5\n", other__x=None, deep__er__c="c\n", src__b_py="b = 9\n")
    base, seen = git(project, "rev-parse", "HEAD"), set()
    kept = {name: (project / name).read_bytes() for name in ("src/b.py", "mine.txt")}
    for at in range(1, 200):
        one = kit.landing(new)
        argv = [sys.executable, "-c", KILLED, kit.repo.path, project, one.branch, one.tip, one.known, new, at]
        done = subprocess.run(
            [*map(str, argv)], env=ENV | {"PATH": os.environ["PATH"]}, capture_output=True, text=True
        )
        if done.returncode == 0:
            break
        assert done.returncode == -signal.SIGKILL, done.stderr
        seen.add((kit.head() == new, kit.status()))
        kit.land(new)
        assert kit.head() == new and kit.status() == "M mine.txt".rjust(11), f"killed at {at}"
        assert (project / "src/a.py").read_text() == "a = 5\n" and not (project / "other").exists()
        assert not [*(project / ".git").glob("*.lock"), *(project / ".git").glob("*fabrik*")]
        git(project, "reset", "-q", "--hard", base)
        for name, content in kept.items():
            (project / name).write_bytes(content)
    else:
        raise AssertionError("it never came to its end")
    assert at > 30 and len(seen) > 3, (at, seen)
