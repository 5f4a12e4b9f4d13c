"""The user's project: what is read of it, and what is refused."""

from __future__ import annotations

import asyncio
import os
import subprocess
from pathlib import Path

import pytest
from vcs_repos import commit, git, make_project, sh

from fabrik.errors import UsageError, VcsError
from fabrik.vcs.base import fetch_base
from fabrik.vcs.project import (
    FALLBACK,
    branch_commit,
    check_branch_name,
    default_remote,
    identity,
    inspect,
    resolve_ref,
    tracked_paths,
)


@pytest.fixture(autouse=True)
def _plain_user(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """A user with a HOME of their own and nothing configured."""
    home = tmp_path / "user"
    home.mkdir()
    monkeypatch.setenv("HOME", str(home))
    monkeypatch.delenv("XDG_CONFIG_HOME", raising=False)
    monkeypatch.setenv("GIT_CONFIG_NOSYSTEM", "1")
    for name in list(os.environ):
        if name.startswith(("GIT_AUTHOR", "GIT_COMMITTER", "EMAIL")):
            monkeypatch.delenv(name)


def test_a_project_as_it_is(tmp_path: Path) -> None:
    root = make_project(tmp_path / "p")
    found = asyncio.run(inspect(root / "src"))
    assert found.root == root
    assert found.head == git(root, "rev-parse", "HEAD")
    assert (found.branch, found.dirty, found.remote, found.shallow) == ("main", False, None, False)
    (root / "README.md").write_text("changed\n")
    (root / "src" / "a.py").unlink()
    (root / "new").write_text("x\n")
    (root / "x.log").write_text("ignored\n")
    git(root, "remote", "add", "origin", "https://example.com/x.git")
    git(root, "checkout", "-q", "--detach")
    found = asyncio.run(inspect(root))
    assert (found.changed, found.untracked, found.dirty) == (2, 1, True)
    assert (found.branch, found.remote) == (None, "origin")


def test_looking_takes_no_lock_and_ignores_the_callers_git_variables(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    root = make_project(tmp_path / "p")
    other = make_project(tmp_path / "other")
    monkeypatch.setenv("GIT_DIR", str(other / ".git"))
    monkeypatch.setenv("GIT_INDEX_FILE", "/nowhere")
    (root / ".git" / "index.lock").touch()
    assert asyncio.run(inspect(root)).root == root


@pytest.mark.parametrize(
    ("make", "what"),
    [
        (lambda p: None, "does not exist"),
        (lambda p: p.mkdir(), "not a git repository"),
        (lambda p: subprocess.run(["git", "init", "-q", "--bare", p], check=True), "bare repository"),
        (lambda p: subprocess.run(["git", "init", "-q", p], check=True), "no commit yet"),
    ],
)
def test_what_is_no_project(tmp_path: Path, make: object, what: str) -> None:
    assert callable(make)
    make(tmp_path / "p")
    with pytest.raises(UsageError, match=what) as caught:
        asyncio.run(inspect(tmp_path / "p"))
    assert caught.value.todo or what == "does not exist"


def test_the_inside_of_dot_git(tmp_path: Path) -> None:
    root = make_project(tmp_path / "p")
    with pytest.raises(UsageError, match=r"inside of a \.git"):
        asyncio.run(inspect(root / ".git"))


@pytest.mark.skipif(os.getuid() != 0, reason="needs files of another owner")
def test_a_project_of_somebody_else(tmp_path: Path) -> None:
    root = make_project(tmp_path / "p")
    for path in (root, root / ".git"):
        os.chown(path, 12345, 12345)
    for call in (inspect(root), resolve_ref(root, None), branch_commit(root, "main")):
        with pytest.raises(UsageError, match="another user") as caught:
            asyncio.run(call)
        assert "safe.directory" in caught.value.todo
    sh(
        tmp_path,
        "git",
        "config",
        "--file",
        str(tmp_path / "user" / ".gitconfig"),
        "safe.directory",
        str(root),
    )
    assert asyncio.run(inspect(root)).branch == "main"


def test_a_worktree_and_a_shallow_clone_are_projects(tmp_path: Path) -> None:
    root = make_project(tmp_path / "p")
    git(root, "worktree", "add", "-q", "-b", "side", str(tmp_path / "side"))
    git(tmp_path, "clone", "-q", "--depth=1", f"file://{root}", "shallow")
    assert asyncio.run(inspect(tmp_path / "side")).branch == "side"
    found = asyncio.run(inspect(tmp_path / "shallow"))
    assert (found.shallow, found.remote) == (True, "origin")


def test_identity(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    root = make_project(tmp_path / "p")
    assert asyncio.run(identity(None)) == FALLBACK
    assert asyncio.run(identity(root)) == FALLBACK
    git(root, "config", "user.name", "Ada Lovelace")
    assert asyncio.run(identity(root)) == FALLBACK
    git(root, "config", "user.email", "ada@example.com")
    found = asyncio.run(identity(root))
    assert (found.name, found.email, found.configured) == ("Ada Lovelace", "ada@example.com", True)
    monkeypatch.setenv("GIT_AUTHOR_NAME", "Grace")
    assert asyncio.run(identity(root)).name == "Grace"


def test_refs(tmp_path: Path) -> None:
    root = make_project(tmp_path / "p")
    head = git(root, "rev-parse", "HEAD")
    git(root, "tag", "-a", "v1", "-m", "one", "HEAD~1")
    assert asyncio.run(resolve_ref(root, None)) == head
    assert asyncio.run(resolve_ref(root, "main")) == head
    assert asyncio.run(resolve_ref(root, "v1")) == git(root, "rev-parse", "HEAD~1")
    assert asyncio.run(resolve_ref(root, head[:8])) == head
    for bad in ("nothing", "--all", "main:README.md", ""):
        if bad:
            with pytest.raises(UsageError, match="there is no commit"):
                asyncio.run(resolve_ref(root, bad))
    assert asyncio.run(branch_commit(root, "main")) == head
    assert asyncio.run(branch_commit(root, "v1")) is None
    with pytest.raises(UsageError, match="not a git repository"):
        asyncio.run(branch_commit(tmp_path, "main"))


def test_tracked_paths(tmp_path: Path) -> None:
    root = make_project(tmp_path / "p")
    head = commit(root, "Odd", **{"odd name_txt": "x\n"})
    (root / "untracked").write_text("x\n")
    asked = [
        "src/a.py",
        "src",
        "./src/b.py",
        "src/b.py",
        "../x",
        "/etc",
        "..",
        ".",
        "nope",
        "untracked",
        "odd name.txt",
        "src/*",
        "build/",
        "*",
    ]
    found = asyncio.run(tracked_paths(root / "src", head, asked))
    assert found == {"src/a.py", "src", "./src/b.py", "src/b.py", ".", "odd name.txt"}
    assert asyncio.run(tracked_paths(root, head, [])) == set()
    assert asyncio.run(tracked_paths(root, head, [f"f{n}" for n in range(1000)] + ["src"])) == {"src"}


@pytest.mark.parametrize("name", ["spec-1", "feature/x", "ünï"])
def test_branch_names(name: str) -> None:
    asyncio.run(check_branch_name(name))


@pytest.mark.parametrize("name", ["", "-x", "a b", "a..b", "x.lock", "/x", "x/", "@{-1}", "@", "a~1", "HEAD"])
def test_names_that_no_branch_can_have(name: str) -> None:
    with pytest.raises(UsageError, match="cannot be the name of a branch"):
        asyncio.run(check_branch_name(name))


@pytest.mark.parametrize(
    ("settings", "expected"),
    [
        ({}, None),
        ({"remote.origin.url": "x"}, "origin"),
        ({"remote.up.url": "x"}, "up"),
        ({"remote.up.url": "x", "remote.down.url": "y"}, None),
        ({"remote.up.url": "x", "remote.origin.url": "y", "branch.main.remote": "up"}, "up"),
        ({"remote.up.url": "x", "remote.origin.url": "y", "remote.pushdefault": "up"}, "up"),
        ({"remote.up.url": "x", "branch.main.remote": "."}, "up"),
    ],
)
def test_where_a_push_goes(settings: dict[str, str], expected: str | None) -> None:
    text = "".join(f"{key}\n{value}\0" for key, value in settings.items())
    assert default_remote(text, "main") == expected


def test_tracked_paths_of_a_base(tmp_path: Path) -> None:
    """Also for users whose git refuses bare repositories that are not named outright."""
    (tmp_path / "user" / ".gitconfig").write_text("[safe]\n\tbareRepository = explicit\n")
    root = make_project(tmp_path / "p")
    base = asyncio.run(fetch_base(tmp_path / "projects", str(root), None))
    assert asyncio.run(tracked_paths(base.repository, base.commit, ["src/a.py", "x"])) == {"src/a.py"}
    with pytest.raises(VcsError):
        asyncio.run(tracked_paths(base.repository, "1" * 40, ["x"]))
