"""What is shown read-only there: copied once, then only what is new; nothing else of this machine."""

from __future__ import annotations

import asyncio
import os
import subprocess
from pathlib import Path

import pytest
from local_sshd import Sshd

from fabrik.errors import SandboxBroken
from fabrik.sandboxes.ssh.provider import Ssh
from fabrik.sandboxes.ssh.tree import Store, listing
from fabrik.testing.conformance.harness import Harness


def git(where: Path, *words: str) -> str:
    settings = ("-c", "user.name=a", "-c", "user.email=a@b", "-c", "init.defaultBranch=main")
    done = subprocess.run(["git", *settings, *words], cwd=where, check=True, capture_output=True, text=True)
    return done.stdout.strip()


def test_objects_are_borrowed_and_new_ones_arrive(server: Sshd, tmp_path: Path) -> None:
    project = tmp_path / "project"
    project.mkdir()
    git(project, "init", "-q")
    git(project, "commit", "-q", "--allow-empty", "-m", "First")
    git(project, "gc", "-q")
    objects = project / ".git" / "objects"

    async def whole() -> None:
        h = Harness(provider=Ssh("machine"), directory=tmp_path)
        box = await h.box(read_only=[objects])
        borrow = f"git init -q && echo {objects} > .git/objects/info/alternates && git log --format=%s "
        first = git(project, "rev-parse", "HEAD")
        assert (await h.sh(box, borrow + first)).fine().text == "First"
        (project / "large").write_bytes(os.urandom(1 << 20))
        git(project, "add", "-A")
        git(project, "commit", "-q", "-m", "Second")
        second = git(project, "rev-parse", "HEAD")
        assert (await h.sh(box, f"git log --format=%s {second}")).fine().text == "Second\nFirst"
        assert not (await h.sh(box, f": > {objects}/new")).end.ok
        await h.clean()

    before = trees(server)
    asyncio.run(whole())
    one, two = sorted(trees(server) - before, key=lambda tree: len(list(tree.rglob("*"))))
    packs = {pack.name: pack.stat().st_ino for pack in one.rglob("*.pack")}
    assert packs and packs.items() <= {p.name: p.stat().st_ino for p in two.rglob("*.pack")}.items()


def trees(server: Sshd) -> set[Path]:
    return {tree for tree in (server.base / "trees").glob("*") if tree.is_dir()}


def test_links_modes_and_odd_names_arrive(server: Sshd, tmp_path: Path) -> None:
    tool = tmp_path / "tool"
    (tool / "sub dir" / "ü").mkdir(parents=True)
    (tool / "run").write_text("#!/bin/sh\necho ran\n")
    (tool / "run").chmod(0o755)
    (tool / "link").symlink_to("run")
    (tool / "sub dir" / "ü" / "empty").touch()
    os.mkfifo(tool / "pipe")
    single = tmp_path / "single"
    single.write_text("one file")
    other = tmp_path / "other"
    other.symlink_to("tool")

    async def whole() -> None:
        h = Harness(provider=Ssh("machine"), directory=tmp_path)
        box = await h.box(read_only=[tool, single, other], path=[str(tool)])
        ran = await h.sh(box, f"link; cat {single}; cd {other}; find . -type p; find . | LC_ALL=C sort")
        await h.clean()
        assert ran.fine().text.splitlines() == [
            "ran",
            "one file.",
            "./link",
            "./run",
            "./sub dir",
            "./sub dir/ü",
            "./sub dir/ü/empty",
        ]

    asyncio.run(whole())


def test_what_is_missing_here_is_named(server: Sshd, tmp_path: Path) -> None:
    async def whole() -> None:
        h = Harness(provider=Ssh("machine"), directory=tmp_path)
        with pytest.raises(SandboxBroken, match=r"gone.*visible in the sandbox"):
            await h.box(read_only=[tmp_path / "gone"])

    asyncio.run(whole())


def test_a_copy_never_leaves_its_place(tmp_path: Path) -> None:
    store = Store(tmp_path / "store", for_all=False)
    for name in ("../up", "a/../../up", "/up", "a//b", "."):
        with pytest.raises((ValueError, OSError)):
            store.begin("x", [("", "d", 0o755, 0, 0, ""), (name, "d", 0o755, 0, 0, "")])
    assert not (tmp_path / "up").exists()


def test_a_listing_sees_each_change(tmp_path: Path) -> None:
    (tmp_path / "d").mkdir()
    file = tmp_path / "d" / "f"
    file.write_text("one")
    digests = {listing(tmp_path).digest}
    file.write_text("two!")
    digests.add(listing(tmp_path).digest)
    file.chmod(0o755)
    digests.add(listing(tmp_path).digest)
    (tmp_path / "d" / "empty").mkdir()
    digests.add(listing(tmp_path).digest)
    (tmp_path / "l").symlink_to("d")
    digests.add(listing(tmp_path).digest)
    assert len(digests) == 5
    assert listing(tmp_path).digest in digests
