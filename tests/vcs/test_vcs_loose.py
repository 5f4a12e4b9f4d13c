"""Objects read without git are what git says they are, and what cannot be read so is left to git."""

from __future__ import annotations

import asyncio
import os
import random
import subprocess
import zlib
from pathlib import Path

import pytest

from fabrik.vcs import changes
from fabrik.vcs.changes import between, raw_changes
from fabrik.vcs.loose import LARGEST, Loose, differences, line_between

WHO = ("-c", "user.name=Someone", "-c", "user.email=someone@example.com")


def git(*args: str, cwd: Path, input: str = "") -> str:
    command = ["git", *WHO, *args]
    done = subprocess.run(command, cwd=cwd, input=os.fsencode(input), check=True, capture_output=True)
    return os.fsdecode(done.stdout)


def make(path: Path, object_format: str = "sha1") -> Path:
    path.mkdir()
    git("init", "-q", "-b", "main", f"--object-format={object_format}", cwd=path)
    return path


def save(path: Path, message: str) -> str:
    git("add", "-A", cwd=path)
    git("commit", "-q", "--allow-empty", "-m", message, cwd=path)
    return git("rev-parse", "HEAD", cwd=path).strip()


def scramble(path: Path, chance: random.Random) -> None:
    """Files that come, go, change, become directories, links or executable, with names that sort oddly."""
    names = ["a", "a.b", "a-b", "a0", "b", "a/x", "a/y/z", "b/c", "b.c/d", "\u00e9", "odd\nname", "-x"]
    for name in chance.sample(names, 6):
        file = path / name
        if any(parent.is_file() or parent.is_symlink() for parent in file.parents if parent != path):
            continue
        if file.is_dir() and not file.is_symlink():
            git("rm", "-rfq", "--ignore-unmatch", "--", name, cwd=path)
            if file.is_dir():
                continue
        file.unlink(missing_ok=True)
        file.parent.mkdir(parents=True, exist_ok=True)
        match chance.randrange(4):
            case 0:
                file.symlink_to(f"to-{chance.randrange(3)}")
            case 1:
                file.write_text(f"{chance.randrange(9)}\n")
                file.chmod(0o755)
            case 2:
                file.write_text(f"{chance.randrange(9)}\n")


@pytest.mark.parametrize("object_format", ["sha1", "sha256"])
def test_differences_are_those_that_git_finds(tmp_path: Path, object_format: str) -> None:
    project, chance = make(tmp_path / "project", object_format), random.Random(7)
    commits = [save(project, "0")]
    for number in range(1, 25):
        scramble(project, chance)
        commits.append(save(project, str(number)))
    repo = project / ".git"
    loose = Loose.of(repo)
    kinds = set()
    for old, new in zip(commits, [*commits[1:], commits[0]], strict=True):
        listed = git("diff-tree", "-r", "-z", "--raw", "--no-abbrev", "--no-renames", old, new, cwd=project)
        expected = list(raw_changes(os.fsencode(listed)))
        assert changes._loose_changes(loose, old, new) == expected
        kinds |= {(one.before is None, one.after is None) for one in expected}
    assert len(kinds) == 3, "files came, went and changed"
    assert line_between(loose, commits[3], commits[9]) == commits[9:3:-1]
    assert line_between(loose, commits[9], commits[3]) is None, "it is the other way round"
    assert line_between(loose, commits[0], commits[9], most=5) is None


def test_what_is_packed_merged_large_or_damaged_is_left_to_git(tmp_path: Path) -> None:
    project = make(tmp_path / "project")
    (project / "f").write_text("1")
    first = save(project, "1")
    git("repack", "-adq", cwd=project)
    (project / "f").write_text("2")
    (project / "large").write_bytes(os.urandom(LARGEST + 1))
    second = save(project, "2")
    loose = Loose.of(project / ".git")
    assert loose.commit(first) is None
    assert line_between(loose, first, second) == [second], "where it ends need not be read"
    assert changes._loose_changes(loose, first, second) is None
    found = asyncio.run(between(project / ".git", first, second))
    assert [one.path for one in found] == ["f", "large"]
    assert found[1].after is not None
    assert loose.read(found[1].after[1], "blob") is None
    assert loose.read(second, "tree") is None, "it is of another kind"
    git("switch", "-qc", "side", first, cwd=project)
    side = save(project, "3")
    git("merge", "-q", "-m", "both", second, cwd=project)
    both = git("rev-parse", "HEAD", cwd=project).strip()
    assert line_between(loose, side, both) is None
    file = loose.find(both)
    assert file is not None
    whole = file.read_bytes()
    file.chmod(0o644)
    for damaged in (
        b"",
        b"no zlib",
        whole[:-3],
        zlib.compress(b"commit 5\0no"),
        zlib.compress(b"commit 2\0no"),
    ):
        file.write_bytes(damaged)
        assert loose.commit(both) is None


def test_trees_that_stand_for_endless_paths_are_left_to_git(tmp_path: Path) -> None:
    project = make(tmp_path / "project")
    (project / "f").write_text("1")
    save(project, "1")
    tree = git("rev-parse", "HEAD^{tree}", cwd=project).strip()
    empty = git("hash-object", "-wt", "tree", "/dev/null", cwd=project).strip()
    for _ in range(12):
        listing = "".join(f"040000 tree {tree}\t{name}\n" for name in "abcdefgh")
        tree = git("mktree", cwd=project, input=listing).strip()
    assert differences(Loose.of(project / ".git"), empty, tree) is None
