"""A commit made of other repositories' files, and commits taken over from an earlier run."""

from __future__ import annotations

import asyncio
import subprocess
from datetime import UTC, datetime
from pathlib import Path

from fabrik.vcs.adopt import adopt, contains, has_commit, is_ancestor, parent_of
from fabrik.vcs.base import Base, fetch_base
from fabrik.vcs.composed import compose
from fabrik.vcs.project import Identity

ADA = Identity(name="Ada", email="ada@example.org", configured=True)
NOON = datetime(2026, 11, 20, 12, tzinfo=UTC)


def git(*args: str, cwd: Path) -> str:
    done = subprocess.run(
        ["git", "-c", "user.name=Ada", "-c", "user.email=a@example.org", *args],
        cwd=cwd,
        check=True,
        capture_output=True,
        text=True,
    )
    return done.stdout.strip()


def repository(place: Path, *commits: str) -> Path:
    place.mkdir(parents=True)
    git("init", "-q", "-b", "main", cwd=place)
    for name in commits:
        (place / name).parent.mkdir(exist_ok=True)
        (place / name).write_text(f"{name}\n")
        git("add", "-A", cwd=place)
        git("commit", "-q", "-m", name, cwd=place)
    return place


def base_of(home: Path, place: Path) -> Base:
    return asyncio.run(fetch_base(home, str(place), None))


def test_files_of_all_parts_and_the_own_ones_over_them(tmp_path: Path) -> None:
    one = repository(tmp_path / "one", "a.txt", "sub/b.txt")
    (one / "run.sh").write_text("#!/bin/sh\n")
    (one / "run.sh").chmod(0o755)
    (one / "link").symlink_to("a.txt")
    git("add", "-A", cwd=one)
    git("commit", "-q", "-m", "More", cwd=one)
    two = repository(tmp_path / "two", "c.txt")
    home = tmp_path / "home"
    parts = {"": base_of(home, one), "two": base_of(home, two)}
    files = {"two/c.txt": b"mine\n", "ralph/specs/0001-a.md": b"# A\n"}

    def made() -> Base:
        return asyncio.run(
            compose(home, "w", parts=parts, files=files, identity=ADA, when=NOON, message="Copy")
        )

    base = made()
    listed = git("ls-tree", "-r", base.commit, cwd=base.repository).splitlines()
    assert [(line.split()[0], line.split("\t")[1]) for line in listed] == [
        ("100644", "a.txt"),
        ("120000", "link"),
        ("100644", "ralph/specs/0001-a.md"),
        ("100755", "run.sh"),
        ("100644", "sub/b.txt"),
        ("100644", "two/c.txt"),
    ]
    assert git("show", f"{base.commit}:two/c.txt", cwd=base.repository) == "mine"
    assert git("rev-list", "--count", base.commit, cwd=base.repository) == "1"
    assert made() == base  # the same input gives the same commit
    assert not list(base.repository.glob("index-*"))
    # It can be the base of a run: fetched like any other.
    again = asyncio.run(fetch_base(tmp_path / "elsewhere", str(base.repository), base.commit))
    assert again.commit == base.commit


def test_a_commit_of_another_repository_is_adopted_when_it_is_there(tmp_path: Path) -> None:
    project = repository(tmp_path / "project", "a.txt")
    home = tmp_path / "home"
    base = base_of(home, project)
    other = tmp_path / "other"
    git("clone", "-q", str(project), str(other), cwd=tmp_path)
    (other / "b.txt").write_text("b\n")
    git("add", "-A", cwd=other)
    git("commit", "-q", "-m", "b", cwd=other)
    commit = git("rev-parse", "HEAD", cwd=other)
    tree = git("rev-parse", "HEAD^{tree}", cwd=other)

    async def story() -> None:
        assert not await has_commit(base.repository, commit)
        assert not await adopt(base, other / ".git", "0" * 40)
        assert not await adopt(base, other / ".git", tree)
        assert not await adopt(base, tmp_path / "nowhere", commit)
        assert await adopt(base, other / ".git", commit)
        assert await has_commit(base.repository, commit)
        assert await is_ancestor(base.repository, base.commit, commit)
        assert not await is_ancestor(base.repository, commit, base.commit)
        assert await parent_of(base.repository, commit) == base.commit
        assert await parent_of(base.repository, base.commit) is None
        assert await has_commit(other, commit, user=True) and not await has_commit(other, tree, user=True)
        assert await contains(other, base.commit, "HEAD") and not await contains(other, commit, base.commit)
        assert await contains(other, "no-such-branch", "HEAD")

    asyncio.run(story())
