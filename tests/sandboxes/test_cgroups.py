"""Where control groups can be made, read from what real machines say; and a real group where this one can."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
from pathlib import Path

import pytest

from fabrik.sandboxes import cgroups
from fabrik.sandboxes.sandbox import Limits

_V2 = "30 23 0:26 / {mount} rw,nosuid shared:4 - cgroup2 cgroup2 rw,nsdelegate"


def _tree(top: Path, handed: dict[str, str]) -> None:
    for name, controllers in handed.items():
        directory = top / name
        directory.mkdir(parents=True, exist_ok=True)
        (directory / "cgroup.subtree_control").write_text(controllers)
        (directory / "cgroup.procs").write_text("")


def test_v2_takes_the_nearest_that_hands_both_down(tmp_path: Path) -> None:
    user = "user.slice/user-1000.slice/user@1000.service"
    _tree(
        tmp_path,
        {
            ".": "cpu memory pids",
            "user.slice": "cpu memory pids",
            user: "memory pids",
            f"{user}/app.slice": "memory pids",
            f"{user}/app.slice/run-1.scope": "",
        },
    )
    found = cgroups.find_bases(f"0::/{user}/app.slice/run-1.scope\n", _V2.format(mount=tmp_path))
    assert found == cgroups.Bases(
        memory=tmp_path / user / "app.slice", pids=tmp_path / user / "app.slice", version=2
    )


def test_v2_without_delegation(tmp_path: Path) -> None:
    _tree(tmp_path, {".": "cpu", "a": ""})
    assert cgroups.find_bases("0::/a\n", _V2.format(mount=tmp_path)) == cgroups.Bases()


def test_v1_in_a_container_that_sees_its_own_group_as_the_root(tmp_path: Path) -> None:
    for name in ("memory", "pids"):
        (tmp_path / name / "inner").mkdir(parents=True)
    own = "8:pids:/docker/abc/inner\n4:memory:/docker/abc/inner\n1:name=systemd:/\n0::/\n"
    mounts = "\n".join(
        f"{n} 30 0:{n} /docker/abc {tmp_path / name} rw,relatime - cgroup cgroup rw,{name}"
        for n, name in enumerate(("memory", "pids"), 40)
    )
    assert cgroups.find_bases(own, mounts) == cgroups.Bases(
        memory=tmp_path / "memory/inner", pids=tmp_path / "pids/inner", version=1
    )


def test_no_groups_at_all() -> None:
    assert cgroups.find_bases("", "") == cgroups.Bases()
    assert cgroups.Bases().directories() == []


@pytest.fixture
def where() -> cgroups.Bases:
    found = cgroups.bases()
    if not found.directories():
        pytest.skip("this machine lets nobody make control groups: limits are watched instead")
    return found


def test_group_is_killed_and_removed(where: cgroups.Bases) -> None:
    name = f"test/{os.getpid()}/group"
    group = cgroups.Group(name, where)
    group.limit(Limits(memory_bytes=64 << 20, processes=10), 0)
    children = [subprocess.Popen(["sleep", "1000"]) for _ in range(3)]
    try:
        for child in children:
            group.add(child.pid)
        assert group.hit() is None
        asyncio.run(cgroups.sweep(name + "/other", where.directories()))
        assert [child.poll() for child in children] == [None] * 3
        asyncio.run(cgroups.sweep(name, where.directories()))
        assert [child.wait(10) for child in children] == [-signal.SIGKILL] * 3
        assert not [path for base in where.directories() for path in base.glob(cgroups._prefix(name) + "*")]
    finally:
        for child in children:
            child.kill()
            child.wait()
        asyncio.run(group.remove())


def test_group_says_which_limit_was_hit(where: cgroups.Bases) -> None:
    group = cgroups.Group(f"test/{os.getpid()}/hit", where)
    try:
        group.limit(Limits(processes=3), 0)
        bomb = "read go; sleep 1000 & sleep 1000 & sleep 1000 & sleep 1000 & wait"
        child = subprocess.Popen(["sh", "-c", bomb], stdin=subprocess.PIPE, stderr=subprocess.DEVNULL)
        group.add(child.pid)
        child.communicate(b"\n")
        assert group.hit() == "processes"
    finally:
        group.kill()
        asyncio.run(group.remove())
