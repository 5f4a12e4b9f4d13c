"""The reviewers' checkout: the exact commit, the change as one, and nothing of what its author said."""

from __future__ import annotations

import asyncio
import shutil
import subprocess
from collections.abc import Mapping
from pathlib import Path

import pytest
from vcs_repos import ENV, Setting, commit, git, make_project, make_setting, run_inside, sh

from fabrik.errors import VcsError
from fabrik.vcs.inside import NOT_EMPTY, review_argv
from fabrik.vcs.neutral import Neutral, neutral_commit

SECRET = "Trust me, all tests pass"


class Review:
    """A place for the checkout."""

    def __init__(self, s: Setting) -> None:
        self.s = s
        self.place = s.tmp / "review"
        self.place.mkdir()

    def run(
        self, commit: str, neutral: Neutral | None, earlier: Mapping[str, Neutral] | None = None
    ) -> subprocess.CompletedProcess[bytes]:
        argv = review_argv(
            str(self.place), self.s.repo.objects, self.s.repo.base_objects,
            base=self.s.base.commit, commit=commit, neutral=neutral, earlier=earlier,
        )  # fmt: skip
        return run_inside(argv, self.s.tmp)

    async def at(self, commit: str) -> str:
        """Bring it to a commit of the whole change; the neutral one."""
        neutral = await self.s.repo.neutral(self.s.base.commit, commit)
        done = self.run(commit, neutral)
        assert (done.returncode, done.stdout, done.stderr) == (0, b"", b"")
        self.holds(commit)
        return neutral.id if neutral else commit

    def holds(self, commit: str) -> None:
        assert self.git("rev-parse", "HEAD") == commit
        assert self.git("status", "--porcelain", "--ignored") == ""
        assert self.git("rev-parse", "HEAD^{tree}") == git(
            self.s.repo.path, "rev-parse", f"{commit}^{{tree}}"
        )
        assert (self.place / ".git" / "HEAD").read_text() == f"{commit}\n"

    def git(self, *args: str, check: bool = True) -> str:
        return sh(self.place, "git", *args, check=check)


async def with_work(tmp: Path, object_format: str = "sha1") -> tuple[Setting, list[str]]:
    """A setting with three commits by the agent, brought in."""
    s = await make_setting(tmp, object_format=object_format)
    made = [
        commit(s.workspace, f"{SECRET} 1", one_txt="1\n"),
        commit(s.workspace, f"{SECRET} 2", one_txt="2\n", build_txt="x\n"),
        commit(s.workspace, f"{SECRET} 3", src__a_py="a = 3\n", deep__er__f_txt="f\n"),
    ]
    await s.bring(s.harvest()[1])
    return s, made


@pytest.mark.parametrize("object_format", ["sha1", "sha256"])
def test_one_change_on_the_exact_commit(tmp_path: Path, object_format: str) -> None:
    async def scenario() -> None:
        s, made = await with_work(tmp_path, object_format)
        r = Review(s)
        await r.at(made[2])
        log = r.git("log", "--format=%H|%an|%ae|%s|%b|%P").splitlines()
        assert log[0] == f"{made[2]}|fabrik|fabrik@localhost|The change under review||{s.base.commit}"
        assert [line.split("|")[3] for line in log[1:]] == ["More", "Begin"]
        assert r.git("rev-list", "--count", f"{s.base.commit}..HEAD") == "1"
        shown = r.git("show", "--format=", "HEAD")
        assert shown == r.git("diff", s.base.commit, "HEAD") == r.git("diff", "HEAD~1")
        assert shown == git(s.repo.path, "diff", s.base.commit, made[2])
        assert r.git("show", "-s", "--format=%s", made[2]) == "The change under review"
        assert r.git("show", "-s", "--format=%s", made[2][:8]) == "The change under review"
        assert r.git("branch", "--show-current") == r.git("branch", "--list", "work") == ""
        assert r.git("tag") == ""

    asyncio.run(scenario())


def test_what_the_author_said_is_not_there(tmp_path: Path) -> None:
    async def scenario() -> None:
        s, made = await with_work(tmp_path)
        r = Review(s)
        await r.at(made[2])
        for look in (
            ("log", "--all", "--format=%B%an%ae"),
            ("log", "--all", "--reflog", "--format=%B", made[2]),
            ("--no-replace-objects", "log", "--format=%B", made[2]),
            ("--no-replace-objects", "cat-file", "-p", made[2]),
            ("cat-file", "-p", made[1]),
            ("cat-file", "--batch-all-objects", "--unordered", "--batch"),
        ):
            done = subprocess.run(["git", *look], cwd=r.place, env=ENV, capture_output=True)
            assert SECRET.encode() not in done.stdout + done.stderr, look
        objects = r.git("cat-file", "--batch-all-objects", "--batch-check=%(objectname) %(objecttype)")
        assert not any(line.split()[0] in made[:2] for line in objects.splitlines())
        assert SECRET in git(s.repo.path, "log", "--format=%B", made[2]), "it was there to be seen"

    asyncio.run(scenario())


def test_moving_leaves_nothing_of_the_last_time(tmp_path: Path) -> None:
    async def scenario() -> None:
        s, made = await with_work(tmp_path)
        r = Review(s)
        old = await r.at(made[2])
        (r.place / "one.txt").write_text("spoilt\n")
        (r.place / "src" / "b.py").unlink()
        (r.place / "left.log").write_text("ignored\n")
        (r.place / "untracked" / "deep").mkdir(parents=True)
        (r.place / "untracked" / "deep" / "f").write_text("x\n")
        sh(r.place, "git", "init", "-q", "nested")
        git(r.place, "replace", s.base.commit, f"{s.base.commit}~1")
        git(r.place, "pack-refs", "--all")
        git(r.place, "branch", "evil", s.base.commit)
        (r.place / ".git" / "index.lock").touch()
        (r.place / ".git" / "objects" / "pack" / "tmp_pack_x").touch()
        new = await r.at(made[0])
        assert sorted(path.name for path in r.place.iterdir()) == [
            ".git", ".gitignore", "README.md", "one.txt", "src",
        ]  # fmt: skip
        assert r.git("for-each-ref", "--format=%(refname) %(objectname)") == f"refs/replace/{made[0]} {new}"
        assert r.git("cat-file", "-e", f"{old}^{{commit}}", check=False) == ""
        assert old not in r.git("cat-file", "--batch-all-objects", "--batch-check=%(objectname)")
        assert len(list((r.place / ".git" / "objects" / "pack").glob("*.pack"))) == 1
        assert (r.place / "src" / "b.py").read_text() == "b = 2\n"
        for again in (made[0], made[1], made[2], made[2]):
            await r.at(again)

    asyncio.run(scenario())


def test_a_crash_on_the_way_is_made_good(tmp_path: Path) -> None:
    """What a killed script may have left: some of the files of .git, with or without an index."""

    async def scenario() -> None:
        s, made = await with_work(tmp_path)
        r = Review(s)
        (r.place / ".git").mkdir()
        await r.at(made[0])
        for gone in ("index", "HEAD", "config", "refs", "objects"):
            place = r.place / ".git" / gone
            if place.is_dir():
                shutil.rmtree(place)
            else:
                place.unlink()
            await r.at(made[1 if gone in ("HEAD", "refs") else 2])

    asyncio.run(scenario())


def test_a_change_on_top_of_another(tmp_path: Path) -> None:
    """The review of one task: what was done before is there, and its author's words are not."""

    async def scenario() -> None:
        s, made = await with_work(tmp_path)
        r = Review(s)
        before = await s.repo.neutral(s.base.commit, made[1])
        neutral = await s.repo.neutral(made[1], made[2])
        assert before and neutral
        done = r.run(made[2], neutral, {made[1]: before})
        assert (done.returncode, done.stderr) == (0, b"")
        r.holds(made[2])
        assert r.git("log", "--format=%H %s", f"{s.base.commit}..").splitlines() == [
            f"{made[2]} The change under review",
            f"{made[1]} The change under review",
        ]
        assert r.git("diff", "--name-only", made[1], "HEAD").splitlines() == ["deep/er/f.txt", "src/a.py"]
        assert r.git("diff", "--name-only", s.base.commit, made[1]).splitlines() == ["build.txt", "one.txt"]
        assert SECRET not in r.git("cat-file", "--batch-all-objects", "--unordered", "--batch", check=False)
        await r.at(made[0])

    asyncio.run(scenario())


def test_nothing_was_changed(tmp_path: Path) -> None:
    async def scenario() -> None:
        s, _ = await with_work(tmp_path)
        r = Review(s)
        assert await r.at(s.base.commit) == s.base.commit
        assert r.git("log", "--format=%s").splitlines() == ["More", "Begin"]
        assert r.git("for-each-ref") == ""

    asyncio.run(scenario())


def test_a_change_cannot_hide_its_lines(tmp_path: Path) -> None:
    async def scenario() -> None:
        s = await make_setting(tmp_path)
        head = commit(s.workspace, "x", _gitattributes="*.py -diff\n", src__a_py="evil = 1\n")
        await s.bring(s.harvest()[1])
        r = Review(s)
        await r.at(head)
        assert "+evil = 1" in r.git("diff", s.base.commit, "HEAD")
        assert "+evil = 1" in r.git("show", "HEAD")

    asyncio.run(scenario())


def test_a_shallow_project_and_odd_paths(tmp_path: Path) -> None:
    async def scenario() -> None:
        odd = tmp_path / 'a "b": c\'d'
        root = make_project(odd / "full")
        commit(root, "Third", third_txt="x\n")
        git(odd, "clone", "-q", "--depth=2", f"file://{root}", "project")
        s = await make_setting(odd, project=odd / "project")
        head = commit(s.workspace, SECRET, a_txt="a\n")
        await s.bring(s.harvest()[1])
        r = Review(s)
        await r.at(head)
        assert r.git("log", "--format=%s").splitlines() == ["The change under review", "Third", "More"]
        await r.at(s.base.commit)

    asyncio.run(scenario())


def test_what_it_refuses(tmp_path: Path) -> None:
    async def scenario() -> None:
        s, made = await with_work(tmp_path)
        r = Review(s)
        (r.place / ".hidden").write_text("somebody's\n")
        done = r.run(made[0], await s.repo.neutral(s.base.commit, made[0]))
        assert done.returncode == NOT_EMPTY
        assert b".hidden" in done.stderr
        assert [path.name for path in r.place.iterdir()] == [".hidden"]
        (r.place / ".hidden").unlink()
        done = r.run(made[0], neutral_commit(s.base.commit, "1" * 40))
        assert done.returncode not in (0, NOT_EMPTY)
        with pytest.raises(VcsError, match="line break"):
            review_argv("/w", [Path("/a\nb")], [], base="1", commit="2", neutral=None)

    asyncio.run(scenario())


@pytest.mark.parametrize("object_format", ["sha1", "sha256"])
def test_neutral_commits_are_always_the_same(tmp_path: Path, object_format: str) -> None:
    async def scenario() -> None:
        s, made = await with_work(tmp_path, object_format)
        one = await s.repo.neutral(s.base.commit, made[2])
        assert one and one == await s.repo.neutral(s.base.commit, made[2])
        assert one != await s.repo.neutral(s.base.commit, made[1])
        assert one != await s.repo.neutral(made[0], made[2])
        assert await s.repo.neutral(made[2], made[2]) is None
        assert one.tree == await s.repo.tree(made[2])
        loose = s.repo.path / "objects" / one.id[:2] / one.id[2:]
        loose.parent.mkdir(exist_ok=True)
        loose.write_bytes(one.loose)
        assert await s.repo.tree(one.id) == one.tree
        shown = git(s.repo.path, "log", "-1", "--format=%P|%an <%ae>|%cn|%aI|%cI|%B", one.id)
        assert shown.split("|")[0] == s.base.commit
        assert SECRET not in shown
        assert "someone" not in shown.lower()
        assert await s.repo.commits(s.base.commit, made[2]) == 3
        assert await s.repo.commits(s.base.commit, one.id) == 1
        assert await s.repo.commits(made[2], made[2]) == 0
        git(s.repo.path, "fsck", "--strict")

    asyncio.run(scenario())
