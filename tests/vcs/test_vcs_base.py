"""The base of a run: fetched once, by whoever comes first, and only what the run needs."""

from __future__ import annotations

import asyncio
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from vcs_repos import commit, git, make_project, make_setting, sh

from fabrik.errors import FabrikError, UsageError, VcsError
from fabrik.vcs.base import fetch_base, is_address, key_of, ref_of
from fabrik.vcs.run_repo import RunRepo


def objects_of(repository: Path) -> set[str]:
    output = git(repository, "cat-file", "--batch-all-objects", "--batch-check=%(objectname)")
    return set(output.split())


def test_only_the_history_of_the_commit_comes_along(tmp_path: Path) -> None:
    root = make_project(tmp_path / "p")
    git(root, "checkout", "-q", "-b", "secret")
    secret = commit(root, "Secret", secret_txt="s3cr3t\n")
    git(root, "checkout", "-q", "main")
    (root / "README.md").write_text("stashed\n")
    git(root, "stash", "-q")
    stash = git(root, "rev-parse", "stash")
    git(root, "tag", "v1", "secret")
    base = asyncio.run(fetch_base(tmp_path / "projects", str(root), None))
    assert base.commit == git(root, "rev-parse", "main")
    assert git(base.repository, "for-each-ref", "--format=%(refname)") == ref_of(base.commit)
    assert not {secret, stash} & objects_of(base.repository)
    assert base.repository.parent.name.startswith("p-")


def test_a_commit_that_is_there_is_not_fetched_again(tmp_path: Path) -> None:
    root = make_project(tmp_path / "p")
    base = asyncio.run(fetch_base(tmp_path / "projects", str(root), "main"))
    shutil.rmtree(base.repository / "hooks", ignore_errors=True)
    before = sorted(path for path in base.repository.rglob("*"))
    again = asyncio.run(fetch_base(tmp_path / "projects", str(root / "src"), base.commit))
    assert again == base
    assert sorted(path for path in base.repository.rglob("*")) == before


def test_all_worktrees_of_a_project_share_one_base(tmp_path: Path) -> None:
    root = make_project(tmp_path / "p")
    git(root, "worktree", "add", "-q", "-b", "side", str(tmp_path / "side"))
    head = commit(tmp_path / "side", "Side", side_txt="x\n")
    one = asyncio.run(fetch_base(tmp_path / "projects", str(root), None))
    two = asyncio.run(fetch_base(tmp_path / "projects", str(tmp_path / "side"), None))
    assert one.repository == two.repository
    assert two.commit == head


def test_the_project_may_move_or_go_away_afterwards(tmp_path: Path) -> None:
    async def scenario() -> None:
        s = await make_setting(tmp_path)
        s.project.rename(tmp_path / "moved")
        head = commit(s.workspace, "Own", a_txt="a\n")
        brought = await s.bring(s.harvest()[1])
        assert brought.head == head
        with pytest.raises(VcsError, match="not there any more") as caught:
            await s.repo.publish(head, "spec-1", str(s.project))
        assert str(s.repo.path) in caught.value.todo
        await s.repo.publish(head, "spec-1", str(tmp_path / "moved"))
        with pytest.raises(UsageError, match="does not exist"):
            await fetch_base(tmp_path / "home" / "projects", str(s.project), None)

    asyncio.run(scenario())


WORKER = """
import asyncio, sys
from pathlib import Path
from fabrik.vcs.base import fetch_base
base = asyncio.run(fetch_base(Path(sys.argv[1]), sys.argv[2], sys.argv[3] or None))
print(base.repository, base.commit)
"""


def test_eight_processes_at_once(tmp_path: Path) -> None:
    root = make_project(tmp_path / "p")
    heads = [commit(root, f"Number {number}", **{f"f{number}": "x\n"}) for number in range(4)]
    argv = [sys.executable, "-c", WORKER, str(tmp_path / "projects"), str(root)]
    workers = [
        subprocess.Popen([*argv, heads[number % 4]], stdout=subprocess.PIPE, text=True) for number in range(8)
    ]
    said = [worker.communicate(timeout=120)[0].split() for worker in workers]
    assert all(worker.returncode == 0 for worker in workers)
    assert [commit for _, commit in said] == heads * 2
    assert len({repository for repository, _ in said}) == 1
    repository = Path(said[0][0])
    assert sorted(path.name for path in repository.parent.iterdir()) == ["base.git", "lock"]
    git(repository, "fsck", "--strict")


def test_an_address(tmp_path: Path) -> None:
    root = make_project(tmp_path / "p")
    first = git(root, "rev-parse", "HEAD~1")
    git(root, "tag", "-a", "v1", "-m", "one", first)
    git(root, "branch", "topic/x", first)
    url = f"file://{root}"

    def fetch(ref: str | None) -> str:
        return asyncio.run(fetch_base(tmp_path / "projects", url, ref)).commit

    assert fetch(None) == git(root, "rev-parse", "main")
    assert fetch("v1") == first
    assert fetch("v1") == first
    assert fetch("topic/x") == first
    assert fetch("refs/heads/main") == git(root, "rev-parse", "main")
    assert fetch(first) == first
    with pytest.raises(UsageError, match="no branch or tag 'x'"):
        fetch("x")
    with pytest.raises(VcsError):
        fetch("1" * 40)


def test_an_address_that_has_moved_on(tmp_path: Path) -> None:
    root = make_project(tmp_path / "p")
    url = f"file://{root}"
    one = asyncio.run(fetch_base(tmp_path / "projects", url, "main"))
    head = commit(root, "Later", later_txt="x\n")
    two = asyncio.run(fetch_base(tmp_path / "projects", url, "main"))
    assert (two.repository, two.commit) == (one.repository, head)
    assert head != one.commit


@pytest.mark.parametrize(
    "bad", ["-u./x", "--upload-pack=touch x", "ext::sh -c touch% /tmp/x", "/nowhere", "file:///nowhere"]
)
def test_sources_that_are_none(tmp_path: Path, bad: str) -> None:
    with pytest.raises(FabrikError) as caught:
        asyncio.run(fetch_base(tmp_path / "projects", bad, None))
    assert caught.value.what


def test_which_sources_are_addresses(tmp_path: Path) -> None:
    for address in (
        "https://example.com/a/b.git",
        "ssh://git@example.com/x",
        "git@example.com:a/b",
        "host:x",
    ):
        assert is_address(address)
    for path in (".", "/tmp", str(tmp_path), "a/b", "./a:b", "../x"):
        assert not is_address(path)


def test_keys_are_readable_and_differ() -> None:
    assert key_of("https://example.com/team/Web-App.git").startswith("web-app-")
    assert key_of("git@example.com:tool.git").startswith("tool-")
    assert key_of("/home/me/tool/.git").startswith("tool-")
    assert key_of("/a/tool") != key_of("/b/tool")
    assert "/" not in key_of("/a/ü/\n/x y")


def test_a_shallow_project_goes_all_the_way(tmp_path: Path) -> None:
    async def scenario() -> None:
        root = make_project(tmp_path / "full")
        commit(root, "Third", third_txt="x\n")
        git(tmp_path, "clone", "-q", "--depth=2", f"file://{root}", "project")
        s = await make_setting(tmp_path, project=tmp_path / "project")
        assert len(git(s.workspace, "log", "--format=%s").splitlines()) == 2
        git(s.workspace, "fsck")
        commit(s.workspace, "Own", a_txt="a\n")
        (s.workspace / "b.txt").write_text("b\n")
        report, data = s.harvest()
        assert report.git == "healthy"
        brought = await s.bring(data)
        assert brought.head is not None
        await s.repo.publish(brought.head, "spec-1", str(s.project))
        assert git(s.project, "log", "--format=%s", "spec-1").splitlines() == [
            "Leftovers",
            "Own",
            "Third",
            "More",
        ]
        git(s.project, "fsck")

    asyncio.run(scenario())


def test_pointers_of_large_files_stay_pointers(tmp_path: Path) -> None:
    async def scenario() -> None:
        root = make_project(tmp_path / "project")
        pointer = "version https://git-lfs.github.com/spec/v1\noid sha256:" + "0" * 64 + "\nsize 5\n"
        commit(root, "Large", _gitattributes="*.bin filter=lfs diff=lfs merge=lfs -text\n", x_bin=pointer)
        s = await make_setting(tmp_path, project=root)
        assert (s.workspace / "x.bin").read_text() == pointer
        assert s.harvest()[0].new is False

    asyncio.run(scenario())


def test_submodules_stay_references(tmp_path: Path) -> None:
    async def scenario() -> None:
        inner = make_project(tmp_path / "inner")
        root = make_project(tmp_path / "project")
        git(root, "-c", "protocol.file.allow=always", "submodule", "add", "-q", str(inner), "lib")
        commit(root, "Submodule")
        s = await make_setting(tmp_path, project=root)
        assert s.harvest()[0].new is False
        (s.workspace / "a.txt").write_text("a\n")
        report, data = s.harvest()
        await s.bring(data)
        entries = {entry.path: entry.mode for entry in await s.repo.ls(report.head)}
        assert entries["lib"] == "160000"
        assert "a.txt" in entries

    asyncio.run(scenario())


def test_a_run_whose_base_is_gone(tmp_path: Path) -> None:
    async def scenario() -> None:
        s = await make_setting(tmp_path)
        assert await RunRepo.create(s.repo.path, s.base) == s.repo
        assert await RunRepo.open(s.repo.path) == s.repo
        s.base.repository.rename(tmp_path / "gone")
        with pytest.raises(VcsError, match="builds on is gone"):
            await RunRepo.open(s.repo.path)
        with pytest.raises(VcsError, match="missing or damaged"):
            await RunRepo.open(tmp_path / "nowhere")

    asyncio.run(scenario())


def test_one_run_sees_nothing_of_another(tmp_path: Path) -> None:
    async def scenario() -> None:
        s = await make_setting(tmp_path)
        commit(s.workspace, "Own", a_txt="mine alone\n")
        brought = await s.bring(s.harvest()[1])
        other = await RunRepo.create(tmp_path / "home" / "runs" / "r2" / "repo.git", s.base)
        assert sh(other.path, "git", "cat-file", "-e", str(brought.head), check=False) == ""
        assert brought.head not in objects_of(other.path)
        assert brought.head in objects_of(s.repo.path)

    asyncio.run(scenario())


def test_a_lock_that_a_killed_fetch_left_is_removed(tmp_path: Path) -> None:
    root = make_project(tmp_path / "p")
    base = asyncio.run(fetch_base(tmp_path / "projects", str(root), None))
    head = commit(root, "Later", later_txt="x\n")
    (base.repository / f"{ref_of(head)}.lock").touch()
    assert asyncio.run(fetch_base(tmp_path / "projects", str(root), None)).commit == head
    git(base.repository, "fsck", "--strict")
