"""A commit with other files: the same in everything else, whatever its paths are called."""

from __future__ import annotations

import asyncio
import os
import subprocess
from pathlib import Path

import pytest
from vcs_repos import ENV, commit, git, make_project

from fabrik.vcs.overlay import Put, overlay


def entries(repo: Path, at: str) -> dict[bytes, tuple[str, bytes]]:
    """path → mode and content of every entry."""
    listed = subprocess.run(
        ["git", "ls-tree", "-r", "-z", at], cwd=repo, env=ENV, capture_output=True, check=True
    ).stdout
    found = {}
    for record in filter(None, listed.split(b"\0")):
        facts, path = record.split(b"\t", 1)
        mode, kind, name = facts.decode().split()
        content = (
            subprocess.run(
                ["git", "cat-file", kind, name], cwd=repo, env=ENV, capture_output=True, check=True
            ).stdout
            if kind == "blob"
            else name.encode()
        )
        found[path] = (mode, content)
    return found


def fields(repo: Path, at: str) -> str:
    return git(repo, "log", "-1", "--format=%P|%an|%ae|%ad|%cn|%ce|%cd|%B", at)


@pytest.mark.parametrize("object_format", ["sha1", "sha256"])
def test_only_the_files_differ(tmp_path: Path, object_format: str) -> None:
    repo = make_project(tmp_path / "p", object_format=object_format)
    base = git(repo, "rev-parse", "HEAD")
    old = git(repo, "rev-parse", "HEAD:src/a.py")
    at = commit(repo, "Change\n\nTwo: lines of\nmessage", src__a_py="a = 2\n", src__c_py="c = 3\n")
    made = asyncio.run(
        overlay(
            repo / ".git",
            at,
            "verify/1/protected",
            {"src/a.py": Put(mode="100755", id=old), "new/x": Put(mode="100644", content=b"x\n\0y")},
            ["src/c.py"],
        )
    )
    assert made != at
    assert git(repo, "rev-parse", "refs/fabrik/verify/1/protected") == made
    assert fields(repo, made) == fields(repo, at)
    assert git(repo, "rev-parse", f"{made}^") == base
    found, expected = entries(repo, made), entries(repo, at)
    del expected[b"src/c.py"]
    expected |= {b"src/a.py": ("100755", b"a = 1\n"), b"new/x": ("100644", b"x\n\0y")}
    assert found == expected
    assert git(repo, "fsck", "--strict", "--no-dangling") == ""


def test_the_same_input_gives_the_same_commit(tmp_path: Path) -> None:
    repo = make_project(tmp_path / "p")
    at = git(repo, "rev-parse", "HEAD")
    put = {"src/a.py": Put(mode="100644", content=b"other\n")}
    first = asyncio.run(overlay(repo / ".git", at, "x", put, []))
    more = asyncio.run(overlay(repo / ".git", at, "x", {}, ["src/b.py"]))
    again = asyncio.run(overlay(repo / ".git", at, "x", put, []))
    assert first == again != more
    assert git(repo, "rev-parse", "refs/fabrik/x") == again


@pytest.mark.parametrize(
    "path", ["a b", 'quo"te', "back\\slash", "new\nline", "tab\t", "grün/ß", os.fsdecode(b"not-\xff-utf8")]
)
def test_names_of_any_kind(tmp_path: Path, path: str) -> None:
    repo = make_project(tmp_path / "p")
    at = git(repo, "rev-parse", "HEAD")
    made = asyncio.run(overlay(repo / ".git", at, "x", {path: Put(mode="100644", content=b"1")}, []))
    assert entries(repo, made)[os.fsencode(path)] == ("100644", b"1")
    gone = asyncio.run(overlay(repo / ".git", made, "y", {}, [path]))
    assert entries(repo, gone) == entries(repo, at)


def test_what_is_in_the_way_is_replaced(tmp_path: Path) -> None:
    repo = make_project(tmp_path / "p")
    (repo / "link").symlink_to("/etc")
    at = commit(repo, "Ways", dir__one="1\n", dir__two="2\n", file="f\n")
    made = asyncio.run(
        overlay(
            repo / ".git",
            at,
            "x",
            {
                "dir": Put(mode="120000", content=b"src"),
                "file/below": Put(mode="100644", content=b"below\n"),
                "link/passwd": Put(mode="100644", content=b"mine\n"),
            },
            ["link", "dir/one", "never/was"],
        )
    )
    found = entries(repo, made)
    assert found[b"dir"] == ("120000", b"src")
    assert found[b"file/below"] == ("100644", b"below\n")
    assert found[b"link/passwd"] == ("100644", b"mine\n")
    assert not {b"dir/one", b"dir/two", b"file", b"link"} & set(found)


def test_a_submodule_is_named_by_its_commit(tmp_path: Path) -> None:
    repo = make_project(tmp_path / "p")
    at = git(repo, "rev-parse", "HEAD")
    made = asyncio.run(overlay(repo / ".git", at, "x", {"sub": Put(mode="160000", id=at)}, []))
    assert git(repo, "ls-tree", made, "sub").split()[2] == at


def test_a_signature_is_left_out(tmp_path: Path) -> None:
    repo = make_project(tmp_path / "p")
    raw = git(repo, "cat-file", "commit", "HEAD")
    head, _, message = raw.partition("\n\n")
    signed = f"{head}\ngpgsig -----BEGIN\n line\n -----END\nencoding latin1\n\n{message}\n"
    (tmp_path / "raw").write_text(signed)
    at = git(repo, "hash-object", "-t", "commit", "-w", str(tmp_path / "raw"))
    made = asyncio.run(overlay(repo / ".git", at, "x", {"n": Put(mode="100644", content=b"")}, []))
    shown = git(repo, "cat-file", "commit", made)
    assert "gpgsig" not in shown
    assert "-----" not in shown
    assert "encoding latin1" in shown
