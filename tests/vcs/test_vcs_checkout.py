"""The user's checkout is read without changing anything of it."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest
from vcs_repos import FABRIK, WHEN, commit, git, make_project, sh

from fabrik.errors import UsageError
from fabrik.vcs.checkout import Snapshot, snapshot


def shot(project: Path) -> Snapshot:
    return asyncio.run(snapshot(project, FABRIK, WHEN, "Uncommitted work"))


def state(project: Path) -> list[str]:
    """All that a snapshot must leave alone."""
    return [
        git(project, "status", "--porcelain=v2", "--ignored"),
        git(project, "for-each-ref"),
        git(project, "reflog", "--all"),
        git(project, "ls-files", "--stage", "-v"),
        git(project, "stash", "list"),
        git(project, "diff", "--cached"),
    ]


def files(project: Path, at: str) -> list[str]:
    return git(project, "ls-tree", "-r", "--name-only", at).splitlines()


def test_a_clean_checkout_is_its_tip(tmp_path: Path) -> None:
    project = make_project(tmp_path / "p")
    found = shot(project / "src")
    assert (found.branch, found.clean, found.nested) == ("main", True, ())
    assert found.commit == found.tip == git(project, "rev-parse", "HEAD")
    assert found.place.root == project


def test_all_uncommitted_work_is_in_the_commit_and_nothing_changes(tmp_path: Path) -> None:
    project = make_project(tmp_path / "p")
    commit(project, "More", gone_txt="x\n", tool_sh="#!/bin/sh\n", moved_txt="1\n2\n3\n")
    (project / "src/a.py").write_text("a = 2\n")
    git(project, "add", "src/a.py")
    (project / "src/a.py").write_text("a = 3\n")  # staged, and changed again
    (project / "gone.txt").unlink()
    (project / "tool.sh").chmod(0o755)
    git(project, "mv", "moved.txt", "new place.txt")
    (project / "ünïcode \n name").write_text("new\n")
    (project / "*").write_text("a star\n")
    (project / "link").symlink_to("src/a.py")
    (project / "debug.log").write_text("ignored\n")
    before = state(project)
    found = shot(project)
    assert state(project) == before
    assert not found.clean
    assert git(project, "rev-parse", f"{found.commit}^") == found.tip
    assert git(project, "log", "-1", "--format=%an %s", found.commit) == "fabrik Uncommitted work"
    assert git(project, "show", f"{found.commit}:src/a.py") == "a = 3"
    listed = git(project, "ls-tree", "-r", "-z", found.commit)
    assert "120000" in listed and "100755 blob" in listed and "new place.txt" in listed
    assert "gone.txt" not in listed and "debug.log" not in listed and "name" in listed
    assert shot(project).commit == found.commit, "the same files give the same commit"


def test_files_as_attributes_and_filters_have_them(tmp_path: Path) -> None:
    project = make_project(tmp_path / "p")
    git(project, "config", "filter.up.clean", "tr a-z A-Z")
    git(project, "config", "core.safecrlf", "true")
    (project / ".gitattributes").write_text("*.up filter=up\n*.txt text eol=lf\n")
    (project / "x.up").write_text("loud\n")
    (project / "dos.txt").write_bytes(b"one\r\ntwo\n")
    found = shot(project)
    assert git(project, "show", f"{found.commit}:x.up") == "LOUD"
    assert git(project, "show", f"{found.commit}:dos.txt") == "one\ntwo"


def test_hooks_do_not_run(tmp_path: Path) -> None:
    project = make_project(tmp_path / "p")
    for hook in ("post-index-change", "reference-transaction", "pre-commit"):
        path = project / ".git/hooks" / hook
        path.parent.mkdir(exist_ok=True)
        path.write_text(f"#!/bin/sh\ntouch {tmp_path}/sprung\n")
        path.chmod(0o755)
    (project / "new").write_text("x\n")
    shot(project)
    assert not (tmp_path / "sprung").exists()


def test_repositories_inside_are_named_and_left_out(tmp_path: Path) -> None:
    project = make_project(tmp_path / "p")
    make_project(project / "vendor/inner")
    sh(project, "git", "init", "-q", "empty")
    (project / "new").write_text("x\n")
    found = shot(project)
    assert found.nested == ("empty", "vendor/inner")
    assert "new" in files(project, found.commit)
    assert not [path for path in files(project, found.commit) if path.startswith(("vendor", "empty"))]


def test_a_submodule_at_another_commit_is_a_change(tmp_path: Path) -> None:
    other = make_project(tmp_path / "other")
    project = make_project(tmp_path / "p")
    git(project, "-c", "protocol.file.allow=always", "submodule", "add", "-q", str(other), "sub")
    git(project, "commit", "-q", "-m", "Add sub")
    assert shot(project).clean
    at = commit(project / "sub", "Further", a_txt="a\n")
    found = shot(project)
    assert git(project, "ls-tree", found.commit, "sub").split()[2] == at


def test_a_change_that_is_none_is_clean(tmp_path: Path) -> None:
    """Only file times differ: git status is asked by content."""
    project = make_project(tmp_path / "p")
    (project / "src/a.py").write_text("a = 1\n")
    assert shot(project).clean


def test_an_empty_index_file_and_a_worktree(tmp_path: Path) -> None:
    project = make_project(tmp_path / "p")
    git(project, "worktree", "add", "-q", "-b", "side", str(tmp_path / "side"))
    (tmp_path / "side/new").write_text("x\n")
    found = shot(tmp_path / "side")
    assert found.branch == "side" and "new" in files(project, found.commit)
    assert found.place.git_dir == project / ".git/worktrees/side"
    assert shot(project).clean


@pytest.mark.parametrize("what", ["merge", "rebase", "cherry-pick", "revert", "unmerged"])
def test_in_the_middle_of_something_it_refuses(tmp_path: Path, what: str) -> None:
    project = make_project(tmp_path / "p")
    git(project, "switch", "-q", "-c", "other")
    commit(project, "Theirs", src__a_py="a = 7\n")
    git(project, "switch", "-q", "main")
    commit(project, "Ours", src__a_py="a = 8\n")
    ours = git(project, "rev-parse", "HEAD")
    commit(project, "Ours again", src__a_py="a = 9\n")
    argv = {
        "merge": ["merge", "other"],
        "rebase": ["rebase", "other"],
        "cherry-pick": ["cherry-pick", "other"],
        "revert": ["revert", "--no-edit", ours],
        "unmerged": ["merge", "--squash", "other"],
    }[what]
    git(project, *argv, check=False)
    with pytest.raises(UsageError) as told:
        shot(project)
    assert told.value.todo and told.value.where == str(project)
    if what != "rebase":  # in its middle HEAD is detached: that is told
        assert {"unmerged": "conflicts"}.get(what, what) in told.value.what


def test_places_without_a_branch(tmp_path: Path) -> None:
    project = make_project(tmp_path / "p")
    git(project, "switch", "-q", "--detach")
    with pytest.raises(UsageError, match="detached"):
        shot(project)
    (tmp_path / "new").mkdir()
    git(tmp_path / "new", "init", "-q")
    with pytest.raises(UsageError, match="no commit yet"):
        shot(tmp_path / "new")
    with pytest.raises(UsageError, match="not a git repository"):
        shot(tmp_path)


def test_what_looks_like_a_secret_is_left_out_and_told(tmp_path: Path) -> None:
    project = make_project(tmp_path / "p")
    secret = [
        ".env.local",
        "certs/server.pem",
        "conf/Secrets/db.txt",
        "id_ed25519",
        ".npmrc",
        "aws-credentials",
    ]
    plain = [".env.example", "notes/n.txt", "id_table.py", "web/.npmrc", "id_rsa.pub"]
    for path in [*secret, *plain]:
        (project / path).parent.mkdir(parents=True, exist_ok=True)
        (project / path).write_text("x\n")
    (project / ".npmrc").write_text("//registry/:_authToken=abc\n")
    (project / "wanted.key").write_text("no secret\n")
    git(project, "add", "wanted.key")
    found = shot(project)
    assert sorted(found.secrets) == sorted(secret)
    assert sorted(found.untracked) == sorted(plain)
    assert sorted(found.changed) == sorted([*plain, "wanted.key"])
    assert not set(secret) & set(files(project, found.commit))


def test_nothing_but_secrets_is_no_change(tmp_path: Path) -> None:
    project = make_project(tmp_path / "p")
    (project / ".env.local").write_text("KEY=1\n")
    found = shot(project)
    assert found.clean and found.secrets == (".env.local",)


def test_what_is_staged_otherwise_than_the_file_is_told(tmp_path: Path) -> None:
    project = make_project(tmp_path / "p")
    git(project, "rm", "-q", "--cached", "README.md")
    (project / "src/a.py").write_text("a = 2\n")
    git(project, "add", "src/a.py")
    (project / "src/a.py").write_text("a = 3\n")
    found = shot(project)
    assert (found.unsettled, found.changed) == (("README.md",), ("src/a.py",))
