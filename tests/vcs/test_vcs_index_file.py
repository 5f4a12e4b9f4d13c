"""The index is read as git reads it, or not at all."""

from __future__ import annotations

from pathlib import Path

import pytest
from test_vcs_loose import git, make, save

from fabrik.vcs import index_file
from fabrik.vcs.index_file import indexed
from fabrik.vcs.landing_plan import Indexed

NAMES = ["a", "b/c", "b/c.d", "long" * 40, "n" * 200, "\u00e9", "odd\nname"]


def from_git(project: Path, paths: list[str]) -> dict[str, Indexed]:
    found = {}
    for record in git("ls-files", "--stage", "-v", "-z", cwd=project).split("\0")[:-1]:
        facts, _, path = record.partition("\t")
        tag, mode, at, stage = facts.split(" ")
        if path in paths:
            found[path] = Indexed(entry=(mode, at), absent=tag in "Ss", unmerged=stage != "0")
    return found


def filled(tmp_path: Path, object_format: str = "sha1") -> Path:
    project = make(tmp_path / "project", object_format)
    for number, name in enumerate(NAMES):
        (project / name).parent.mkdir(exist_ok=True)
        (project / name).write_text(f"{number}\n")
    (project / "b/c").chmod(0o755)
    (project / "link").symlink_to("a")
    save(project, "1")
    return project


@pytest.mark.parametrize("object_format", ["sha1", "sha256"])
def test_what_git_lists(tmp_path: Path, object_format: str) -> None:
    project = filled(tmp_path, object_format)
    size, index = 32 if object_format == "sha256" else 20, project / ".git/index"
    paths = [*NAMES, "link", "none", "intended"]
    assert indexed(index, paths, size) == from_git(project, paths)
    git("update-index", "--skip-worktree", "b/c", cwd=project)
    git("update-index", "--assume-unchanged", "a", cwd=project)
    (project / "intended").write_text("x")
    git("add", "-N", "intended", cwd=project)
    found = indexed(index, paths, size)
    assert found == from_git(project, paths) and found is not None and found["b/c"].absent
    assert indexed(index, ["a", "none"], size) == from_git(project, ["a"])


def test_conflicts_are_seen(tmp_path: Path) -> None:
    project = filled(tmp_path)
    git("switch", "-qc", "side", cwd=project)
    (project / "a").write_text("side\n")
    save(project, "side")
    git("switch", "-q", "main", cwd=project)
    (project / "a").write_text("main\n")
    save(project, "main")
    with pytest.raises(Exception, match="merge"):
        git("merge", "-q", "side", cwd=project)
    found = indexed(project / ".git/index", ["a", "b/c"], 20)
    assert found is not None
    assert (found["a"].unmerged, found["b/c"].unmerged) == (True, False)


def test_what_is_unusual_or_damaged_is_left_to_git(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    project = filled(tmp_path)
    index = project / ".git/index"
    usual = index.read_bytes()
    git("update-index", "--index-version", "4", cwd=project)
    assert indexed(index, ["a"], 20) is None
    git("update-index", "--index-version", "2", cwd=project)
    git("update-index", "--split-index", cwd=project)
    assert indexed(index, ["a"], 20) is None
    for damaged in (
        b"",
        usual[:-1],
        usual[:40],
        usual.replace(b"link", b"lonk"),
        b"DIRC" + usual[4:-20] + b"0" * 20,
    ):
        index.write_bytes(damaged)
        assert indexed(index, ["a"], 20) is None
    index.write_bytes(usual)
    assert indexed(index, ["a"], 20) is not None
    assert indexed(index, ["a"], 32) is None
    monkeypatch.setattr(index_file, "_LARGEST", len(usual) - 1)
    assert indexed(index, ["a"], 20) is None
    index.unlink()
    assert indexed(index, ["a"], 20) is None
