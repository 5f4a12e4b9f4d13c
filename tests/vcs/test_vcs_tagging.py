"""Tags and pushes of the user's project."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest
from vcs_repos import commit, git, make_project

from fabrik.errors import UsageError, VcsError
from fabrik.vcs.checkout import Place
from fabrik.vcs.tagging import push, tag, tags


def place_of(project: Path) -> Place:
    return Place(root=project, git_dir=project / ".git")


def test_tags_lead_to_commits(tmp_path: Path) -> None:
    project = make_project(tmp_path / "p")
    head = git(project, "rev-parse", "HEAD")
    git(project, "tag", "-a", "-m", "annotated", "v1.0.0")
    asyncio.run(tag(place_of(project), "1.0.1", head))
    asyncio.run(tag(place_of(project), "1.0.1", head))
    assert asyncio.run(tags(place_of(project))) == {"v1.0.0": head, "1.0.1": head}
    at = commit(project, "More", a_txt="a\n")
    with pytest.raises(UsageError, match="there already"):
        asyncio.run(tag(place_of(project), "1.0.1", at))
    assert asyncio.run(tags(place_of(project)))["1.0.1"] == head


def test_a_push_makes_the_branch_its_upstream_and_its_tags(tmp_path: Path) -> None:
    project = make_project(tmp_path / "p")
    git(tmp_path, "init", "-q", "--bare", str(tmp_path / "bare.git"))
    git(project, "remote", "add", "origin", str(tmp_path / "bare.git"))
    git(project, "switch", "-q", "-c", "ralph/work")
    hook = project / ".git/hooks/pre-push"
    hook.parent.mkdir(exist_ok=True)
    hook.write_text(f"#!/bin/sh\ntouch {tmp_path}/sprung; exit 1\n")
    hook.chmod(0o755)
    git(project, "tag", "0.0.0")
    git(project, "tag", "private")
    for n in range(2):
        at = commit(project, "More", a_txt=f"{n}\n")
        asyncio.run(push(place_of(project), "ralph/work", "origin", ["0.0.0"]))
        assert git(tmp_path / "bare.git", "rev-parse", "ralph/work") == at
    assert git(tmp_path / "bare.git", "tag") == "0.0.0"
    assert git(project, "rev-parse", "--abbrev-ref", "ralph/work@{upstream}") == "origin/ralph/work"
    assert not (tmp_path / "sprung").exists()


def test_a_push_that_is_refused_says_why(tmp_path: Path) -> None:
    project = make_project(tmp_path / "p")
    git(tmp_path, "clone", "-q", "--bare", str(project), str(tmp_path / "bare.git"))
    git(project, "remote", "add", "origin", str(tmp_path / "bare.git"))
    git(tmp_path, "clone", "-q", str(tmp_path / "bare.git"), str(tmp_path / "other"))
    commit(tmp_path / "other", "Theirs", b_txt="b\n")
    git(tmp_path / "other", "push", "-q", "origin", "main")
    commit(project, "Ours", a_txt="a\n")
    with pytest.raises(VcsError, match=r"rejected.*fetch first") as told:
        asyncio.run(push(place_of(project), "main", "origin"))
    assert told.value.where == "origin"
    with pytest.raises(VcsError):
        asyncio.run(push(place_of(project), "main", "nowhere"))
