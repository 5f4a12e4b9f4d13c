"""Two lines of work put together without a working tree."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest
from vcs_repos import FABRIK, WHEN, commit, git, make_project

from fabrik.vcs.merging import Merged, commit_merge, merge_trees

TEXT = "".join(f"{n}\n" for n in range(20))


def merge(tmp_path: Path, ours: dict[str, str | None], theirs: dict[str, str | None]) -> tuple[Path, Merged]:
    project = make_project(tmp_path / "p")
    base = commit(project, "Base", text_txt=TEXT, other_txt="x\n")
    ends = []
    for side in (ours, theirs):
        git(project, "switch", "-q", "--detach", base)
        for name, text in side.items():
            (project / name).unlink(missing_ok=True)
            if text is not None:
                (project / name).write_text(text)
        ends.append(commit(project, "Side"))
    bare = tmp_path / "bare.git"
    git(tmp_path, "clone", "-q", "--bare", str(project), str(bare))
    git(bare, "fetch", "-q", str(project), f"{ends[0]}:refs/a", f"{ends[1]}:refs/b")
    return bare, asyncio.run(merge_trees(bare, base, *ends))


def test_files_and_lines_of_both_sides(tmp_path: Path) -> None:
    bare, merged = merge(
        tmp_path,
        {"text.txt": TEXT.replace("3\n", "three\n", 1), "a": "a\n", "other.txt": None},
        {"text.txt": TEXT.replace("17\n", "seventeen\n"), "b": "b\n"},
    )
    assert merged.tree and merged.conflicts == ()
    text = git(bare, "show", f"{merged.tree}:text.txt")
    assert "three" in text and "seventeen" in text
    names = git(bare, "ls-tree", "--name-only", merged.tree).splitlines()
    assert {"a", "b"} <= set(names) and "other.txt" not in names
    parents = [git(bare, "rev-parse", ref) for ref in ("refs/a", "refs/b")]
    one = asyncio.run(commit_merge(bare, merged.tree, parents, "Merge", FABRIK, WHEN))
    assert git(bare, "rev-parse", f"{one}^1", f"{one}^2").splitlines() == parents


@pytest.mark.parametrize(
    ("ours", "theirs"),
    [
        ({"text.txt": TEXT + "ours\n"}, {"text.txt": TEXT + "theirs\n"}),
        ({"other.txt": None}, {"other.txt": "changed\n"}),
        ({"new": "ours\n"}, {"new": "theirs\n"}),
    ],
)
def test_what_meets_is_a_conflict(
    tmp_path: Path, ours: dict[str, str | None], theirs: dict[str, str | None]
) -> None:
    _, merged = merge(tmp_path, ours, theirs)
    assert merged.tree is None and merged.conflicts == (next(iter(ours)),)


def test_the_same_change_on_both_sides_is_none(tmp_path: Path) -> None:
    _, merged = merge(tmp_path, {"new": "same\n", "other.txt": None}, {"new": "same\n", "other.txt": None})
    assert merged.tree and merged.conflicts == ()
