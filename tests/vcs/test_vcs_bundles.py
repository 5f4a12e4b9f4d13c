"""Malformed and malicious bundles: refused, and the run's repository stays as it was."""

from __future__ import annotations

import asyncio
import os
import subprocess
import zlib
from collections.abc import Callable
from hashlib import sha1
from pathlib import Path

import pytest
from vcs_repos import ENV, Setting, commit, git, make_setting, sh

from fabrik.errors import VcsError


def state(repo: Path) -> tuple[str, set[str]]:
    """All refs, and all files that are not in the middle of being made."""
    files = {str(path.relative_to(repo)) for path in repo.rglob("*") if path.is_file()}
    return git(repo, "for-each-ref"), files


def refused(tmp_path: Path, make: Callable[[Setting, Path], object], match: str, **limits: int) -> None:
    async def scenario() -> None:
        s = await make_setting(tmp_path)
        bundle = tmp_path / "evil.bundle"
        make(s, bundle)
        before = state(s.repo.path)
        with pytest.raises(VcsError, match=match):
            await s.repo.bring_in(bundle, "steps/1", **limits)
        assert state(s.repo.path) == before
        git(s.repo.path, "fsck", "--strict")

    asyncio.run(scenario())


def good(s: Setting) -> bytes:
    """A bundle as the harvest makes it."""
    commit(s.workspace, "Own", **{f"f{number}_txt": os.urandom(50).hex() for number in range(5)})
    return s.harvest()[1]


def raw(repo: Path, kind: str, body: bytes) -> str:
    """Write an object without any of git's checks."""
    data = f"{kind} {len(body)}\0".encode() + body
    name = sha1(data, usedforsecurity=False).hexdigest()
    path = repo / ".git" / "objects" / name[:2] / name[2:]
    path.parent.mkdir(exist_ok=True)
    path.write_bytes(zlib.compress(data))
    return name


def entry(mode: str, name: str, at: str) -> bytes:
    return f"{mode} {name}\0".encode() + bytes.fromhex(at)


def bundle_of(s: Setting, bundle: Path, tree: str, *objects: str) -> None:
    """A bundle with a commit of a hand-made tree."""
    body = f"tree {tree}\nparent {s.base.commit}\nauthor A <a@b> 1 +0000\ncommitter A <a@b> 1 +0000\n\nx\n"
    at = raw(s.workspace, "commit", body.encode())
    pack_of(s, bundle, at, at, tree, *objects)


def pack_of(s: Setting, bundle: Path, head: str, *objects: str) -> None:
    packed = subprocess.run(
        ["git", "pack-objects", "--stdout", "-q"],
        cwd=s.workspace,
        env=ENV,
        input="".join(f"{name}\n" for name in objects).encode(),
        capture_output=True,
        check=True,
    ).stdout
    bundle.write_bytes(f"# v2 git bundle\n-{s.base.commit}\n{head} HEAD\n\n".encode() + packed)


def test_a_symbolic_link(tmp_path: Path) -> None:
    def make(s: Setting, bundle: Path) -> None:
        (tmp_path / "real").write_bytes(good(s))
        bundle.symlink_to(tmp_path / "real")

    refused(tmp_path, make, "cannot be opened")


def test_a_pipe(tmp_path: Path) -> None:
    refused(tmp_path, lambda s, bundle: os.mkfifo(bundle), "not a regular file")


def test_a_directory_and_nothing(tmp_path: Path) -> None:
    refused(tmp_path, lambda s, bundle: bundle.mkdir(), "not a regular file")


def test_no_file(tmp_path: Path) -> None:
    refused(tmp_path, lambda s, bundle: None, "cannot be opened")


def test_too_large(tmp_path: Path) -> None:
    refused(tmp_path, lambda s, bundle: bundle.write_bytes(good(s)), "more than the 100", max_bytes=100)


@pytest.mark.parametrize("keep", [0, 1, 10, 40, 90, 110, 130, 200, -30, -1])
def test_truncated(tmp_path: Path, keep: int) -> None:
    refused(tmp_path, lambda s, bundle: bundle.write_bytes(good(s)[:keep]), "nothing of it was taken over")


def test_a_flipped_bit_anywhere_in_the_pack(tmp_path: Path) -> None:
    def make(s: Setting, bundle: Path) -> None:
        data = bytearray(good(s))
        data[-100] ^= 0x10
        bundle.write_bytes(data)

    refused(tmp_path, make, "nothing of it was taken over")


@pytest.mark.parametrize(
    ("header", "why"),
    [
        (b"# v9 git bundle\n", "does not begin like"),
        (b"garbage\n", "does not begin like"),
        (b"# v3 git bundle\n@object-format=sha256\n" + b"1" * 64 + b" HEAD\n", "unlike the project"),
        (b"# v3 git bundle\n@filter=blob:none\n", "capability"),
        (b"# v2 git bundle\nxyz HEAD\n", "does not write"),
        (b"# v2 git bundle\n" + b"1" * 40 + b" \n", "name that is not allowed"),
        (b"# v2 git bundle\n" + b"1" * 40 + b" refs/heads/../../config\n", "name that is not allowed"),
        (b"# v2 git bundle\n" + b"1" * 40 + b" ../../evil\n", "name that is not allowed"),
        (b"# v2 git bundle\n" + b"1" * 40 + b" refs/tags/v1\n", "no branch"),
        (b"# v2 git bundle\n", "0 refs"),
        (
            b"# v2 git bundle\n" + b"".join(b"1" * 40 + b" refs/heads/%d\n" % n for n in range(1001)),
            "1001 refs",
        ),
        (b"# v2 git bundle\n" + b"1" * 40 + b" HEAD\n", "not lead to a commit"),
    ],
)
def test_headers_that_git_does_not_write(tmp_path: Path, header: bytes, why: str) -> None:
    def make(s: Setting, bundle: Path) -> None:
        data = good(s)
        bundle.write_bytes(header + b"\n" + data[data.index(b"PACK") :])

    refused(tmp_path, make, why)


def test_an_endless_header(tmp_path: Path) -> None:
    refused(tmp_path, lambda s, b: b.write_bytes(b"# v2 git bundle\n" * 200_000), "no end of its header")


@pytest.mark.parametrize(
    "name",
    [
        "refs/heads/a b",
        "refs/heads/x.lock",
        "refs/heads/",
        "refs/heads/\x01",
        "refs/heads/.x",
        "refs/heads/x.",
    ],
)
def test_ref_names_that_git_refuses(tmp_path: Path, name: str) -> None:
    def make(s: Setting, bundle: Path) -> None:
        data = good(s)
        head = git(s.workspace, "rev-parse", "HEAD")
        bundle.write_bytes(
            f"# v2 git bundle\n{head} HEAD\n{head} {name}\n\n".encode() + data[data.index(b"PACK") :]
        )

    refused(tmp_path, make, "name that is not allowed")


def test_prerequisites_that_nobody_has(tmp_path: Path) -> None:
    def make(s: Setting, bundle: Path) -> None:
        git(s.workspace, "commit", "-q", "--allow-empty", "-m", "hidden parent")
        parent = git(s.workspace, "rev-parse", "HEAD")
        commit(s.workspace, "Own", a_txt="a\n")
        git(s.workspace, "bundle", "create", "-q", str(bundle), "HEAD", f"^{parent}")

    refused(tmp_path, make, "refused by git")


def test_a_commit_whose_files_are_missing(tmp_path: Path) -> None:
    def make(s: Setting, bundle: Path) -> None:
        at = commit(s.workspace, "Own", a_txt="a\n")
        pack_of(s, bundle, at, at, git(s.workspace, "rev-parse", f"{at}^{{tree}}"))

    refused(tmp_path, make, "refused by git")


def test_a_head_that_is_no_commit(tmp_path: Path) -> None:
    def make(s: Setting, bundle: Path) -> None:
        blob = raw(s.workspace, "blob", b"just text")
        pack_of(s, bundle, blob, blob)

    refused(tmp_path, make, "not lead to a commit")


@pytest.mark.parametrize("name", [".git", "..", ".", "../up", "a/b", ".GIT", "git~1", "", ".git\u200c"])
def test_trees_that_lead_out_of_a_checkout(tmp_path: Path, name: str) -> None:
    def make(s: Setting, bundle: Path) -> None:
        blob = raw(s.workspace, "blob", b"evil")
        inner = raw(s.workspace, "tree", entry("100644", "config", blob))
        outer = raw(s.workspace, "tree", entry("40000", name, inner))
        bundle_of(s, bundle, outer, inner, blob)

    refused(tmp_path, make, "refused by git")


def test_a_tree_with_the_same_name_twice(tmp_path: Path) -> None:
    def make(s: Setting, bundle: Path) -> None:
        blob = raw(s.workspace, "blob", b"evil")
        tree = raw(s.workspace, "tree", entry("100644", "x", blob) + entry("120000", "x", blob))
        bundle_of(s, bundle, tree, blob)

    refused(tmp_path, make, "refused by git")


@pytest.mark.parametrize(
    "text",
    [
        b'[submodule "../../x"]\n\tpath = x\n\turl = https://example.com/x\n',
        b'[submodule "x"]\n\tpath = x\n\turl = -u./payload\n',
        b'[submodule "x"]\n\tpath = -x\n\turl = https://example.com/x\n',
        b'[submodule "x"]\n\tpath = x\n\turl = https://example.com/x\n\tupdate = !touch /tmp/x\n',
    ],
)
def test_gitmodules_that_exploit_a_clone(tmp_path: Path, text: bytes) -> None:
    def make(s: Setting, bundle: Path) -> None:
        blob = raw(s.workspace, "blob", text)
        tree = raw(s.workspace, "tree", entry("100644", ".gitmodules", blob))
        bundle_of(s, bundle, tree, blob)

    refused(tmp_path, make, "refused by git")


def test_gitmodules_as_a_link(tmp_path: Path) -> None:
    def make(s: Setting, bundle: Path) -> None:
        blob = raw(s.workspace, "blob", b"/etc/passwd")
        tree = raw(s.workspace, "tree", entry("120000", ".gitmodules", blob))
        bundle_of(s, bundle, tree, blob)

    refused(tmp_path, make, "refused by git")


def test_a_pack_of_many_objects_is_checked_as_well(tmp_path: Path) -> None:
    def make(s: Setting, bundle: Path) -> None:
        blobs = [raw(s.workspace, "blob", str(number).encode()) for number in range(200)]
        inner = raw(
            s.workspace, "tree", b"".join(entry("100644", f"f{n:03}", b) for n, b in enumerate(blobs))
        )
        outer = raw(s.workspace, "tree", entry("40000", ".git", inner))
        bundle_of(s, bundle, outer, inner, *blobs)

    refused(tmp_path, make, "refused by git")


def test_an_object_that_claims_a_huge_size_takes_no_memory(tmp_path: Path) -> None:
    def make(s: Setting, bundle: Path) -> None:
        blob = raw(s.workspace, "blob", b"small")
        pack_of(s, bundle, s.base.commit, blob)
        data = bundle.read_bytes()
        start = data.index(b"PACK")
        size = 1 << 40
        first, size = 0x80 | (3 << 4) | (size & 15), size >> 4
        head = bytearray([first])
        while size:
            head.append((size & 0x7F) | (0x80 if size >> 7 else 0))
            size >>= 7
        pack = data[start : start + 12] + bytes(head) + zlib.compress(b"small")
        bundle.write_bytes(data[:start] + pack + sha1(pack, usedforsecurity=False).digest())

    refused(tmp_path, make, "refused by git")


def test_a_bundle_of_git_itself_is_fine_and_may_come_twice(tmp_path: Path) -> None:
    async def scenario() -> None:
        s = await make_setting(tmp_path)
        first = commit(s.workspace, "Own", a_txt="a\n")
        git(s.workspace, "tag", "v1")
        bundle = tmp_path / "plain.bundle"
        git(s.workspace, "bundle", "create", "-q", str(bundle), "HEAD", "work", "v1", f"^{s.base.commit}")
        for _ in range(2):
            brought = await s.repo.bring_in(bundle, "steps/1#2")
            assert (brought.head, brought.refs) == (first, {"refs/heads/work": first})
        refs = git(s.repo.path, "for-each-ref", "--format=%(refname)").splitlines()
        assert refs == ["refs/fabrik/base", "refs/fabrik/steps/1#2/HEAD", "refs/fabrik/steps/1#2/heads/work"]

    asyncio.run(scenario())


def test_git_reads_the_bundles_of_the_harvest(tmp_path: Path) -> None:
    s = asyncio.run(make_setting(tmp_path))
    bundle = tmp_path / "ours.bundle"
    bundle.write_bytes(good(s))
    git(s.project, "bundle", "verify", "-q", str(bundle))
    sh(s.project, "git", "fetch", "-q", str(bundle), "work:refs/heads/taken")


def test_another_try_of_a_step_may_name_its_branches_otherwise(tmp_path: Path) -> None:
    async def scenario() -> None:
        s = await make_setting(tmp_path)
        git(s.workspace, "branch", "a")
        commit(s.workspace, "Own", a_txt="a\n")
        git(s.workspace, "branch", "-f", "a")
        await s.bring(s.harvest()[1])
        git(s.workspace, "branch", "-D", "a")
        git(s.workspace, "branch", "a/b")
        brought = await s.bring(s.harvest()[1])
        assert set(brought.refs) == {"refs/heads/work", "refs/heads/a/b"}
        names = git(s.repo.path, "for-each-ref", "--format=%(refname)", "refs/fabrik/steps/").splitlines()
        assert "refs/fabrik/steps/1/heads/a" not in names
        assert "refs/fabrik/steps/1/heads/a/b" in names

    asyncio.run(scenario())


def test_a_lock_that_a_killed_git_left_is_removed(tmp_path: Path) -> None:
    async def scenario() -> None:
        s = await make_setting(tmp_path)
        lock = s.repo.path / "refs" / "fabrik" / "candidate.lock"
        lock.touch()
        await s.repo.set_ref("candidate", s.base.commit)
        assert await s.repo.ref("candidate") == s.base.commit
        assert not lock.exists()

    asyncio.run(scenario())


def test_what_a_killed_worker_was_taking_over_is_swept(tmp_path: Path) -> None:
    async def scenario() -> None:
        s = await make_setting(tmp_path)
        left = s.repo.path / "objects" / "incoming-1-abcdef"
        (left / "ab").mkdir(parents=True)
        await s.bring(good(s))
        assert list((s.repo.path / "objects").glob("incoming-*")) == []

    asyncio.run(scenario())
