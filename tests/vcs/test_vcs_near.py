"""What is done to a user's repository without git comes to what git does; what is unusual is left to git."""

from __future__ import annotations

import asyncio
import dataclasses
from pathlib import Path

import pytest
from landing_kit import Kit, make_kit
from vcs_repos import git

from fabrik.vcs import near
from fabrik.vcs.checkout import Place, standing
from fabrik.vcs.landing import advance
from fabrik.vcs.tagging import tags


def two(tmp_path: Path) -> tuple[Kit, str, str]:
    """A project where one commit has landed, and one more that is to land on it."""
    kit = make_kit(tmp_path)
    first = kit.make(src__a_py="a = 2\n")
    kit.land(first)
    kit.shot = dataclasses.replace(kit.shot, tip=first, commit=first)
    second = kit.make(src__a_py="a = 3\n", deep__er__c="c\n", src__b_py=None)
    return kit, first, second


def bring(kit: Kit, commit: str, umask: int = 0o022) -> bool:
    near._usual.clear()
    return asyncio.run(near.brought(kit.repo.path, commit, kit.shot.tip, kit.shot.place, umask))


def test_objects_are_copied_as_git_would_store_them(tmp_path: Path) -> None:
    kit, _, second = two(tmp_path)
    assert bring(kit, second, umask=0o027)
    git(kit.project, "fsck", "--strict", second)
    file = kit.project / ".git/objects" / second[:2] / second[2:]
    assert file.stat().st_mode & 0o777 == 0o440
    assert file.parent.stat().st_mode & 0o777 in (0o750, 0o755), "it may have been there"
    assert bring(kit, second), "once more is fine"
    assert not [*(kit.project / ".git/objects").rglob("tmp_obj*")]


@pytest.mark.parametrize("setting", ["core.sharedRepository=group", "core.fsync=all", "core.compression=9"])
def test_an_unusual_repository_is_left_to_git(tmp_path: Path, setting: str) -> None:
    kit, _, second = two(tmp_path)
    git(kit.project, "config", *setting.split("="))
    assert not bring(kit, second)
    assert kit.land(second) and kit.head() == second and kit.status() == ""


def test_a_damaged_or_missing_object_is_left_to_git(tmp_path: Path) -> None:
    kit, _, second = two(tmp_path)
    blob = git(kit.work, "rev-parse", f"{second}:deep/er/c")
    file = kit.repo.path / "objects" / blob[:2] / blob[2:]
    other = git(kit.work, "rev-parse", f"{second}:src/a.py")
    file.chmod(0o644)
    file.write_bytes((kit.repo.path / "objects" / other[:2] / other[2:]).read_bytes())
    assert not bring(kit, second)
    file.unlink()
    assert not bring(kit, second)


def test_branches_and_tags_are_read_as_git_reads_them(tmp_path: Path) -> None:
    kit, first, _ = two(tmp_path)
    place, project = kit.shot.place, kit.project
    git(project, "tag", "1.0.0")
    git(project, "tag", "-a", "-m", "x", "deep/er/v2")
    git(project, "pack-refs", "--all")
    git(project, "tag", "3")
    assert near.tag_names(place) == ["1.0.0", "3", "deep/er/v2"] == sorted(asyncio.run(tags(place)))
    assert near.ref_at(place, f"refs/heads/{kit.shot.branch}") is None, "it is packed"
    assert asyncio.run(standing(place, kit.shot.branch)) == (True, first)
    git(project, "branch", "side")
    git(project, "worktree", "add", "-q", str(tmp_path / "tree"), "side")
    git_dir = Path(git(tmp_path / "tree", "rev-parse", "--absolute-git-dir"))
    tree = Place(root=tmp_path / "tree", git_dir=git_dir)
    assert near.head_of(tree) == "refs/heads/side" and near.ref_at(tree, "refs/heads/side") == first
    assert near.tag_names(tree) == near.tag_names(place)
    assert asyncio.run(standing(tree, "side")) == (True, first)
    assert asyncio.run(standing(place, "side")) == (False, first)
    assert asyncio.run(standing(place, "none")) == (False, None)
    git(tmp_path / "tree", "symbolic-ref", "refs/heads/alias", "refs/heads/side")
    assert near.ref_at(tree, "refs/heads/alias") is None
    assert asyncio.run(standing(tree, "alias")) == (False, first)
    git(tmp_path / "tree", "switch", "-q", "--detach")
    assert near.head_of(tree) == ""


def test_a_tag_comes_with_the_branch_or_not_at_all(tmp_path: Path) -> None:
    kit, first, second = two(tmp_path)
    landing = dataclasses.replace(kit.landing(second), tag="1.0.1")
    asyncio.run(advance(kit.repo.path, kit.shot.place, landing, "me", umask=0o022))
    assert (kit.head(), git(kit.project, "rev-parse", "1.0.1")) == (second, second)
    assert not (kit.project / ".git/logs/refs/tags").exists()
    assert git(kit.project, "reflog", "-1", "--format=%gs") == "fabrik: lands"
    kit.shot = dataclasses.replace(kit.shot, tip=second, commit=second)
    third = kit.make(src__a_py="a = 4\n")
    git(kit.project, "tag", "1.0.2", first)
    landing = dataclasses.replace(kit.landing(third), tag="1.0.2")
    asyncio.run(advance(kit.repo.path, kit.shot.place, landing, "me", umask=0o022))
    assert (kit.head(), git(kit.project, "rev-parse", "1.0.2")) == (third, first), "it is the user's"
    assert kit.status() == ""
