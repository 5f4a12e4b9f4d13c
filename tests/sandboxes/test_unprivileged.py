"""Root's sandboxes: whom the kernel sees behind them, and what of root's that one can and cannot read."""

from __future__ import annotations

import asyncio
import os
from pathlib import Path

import pytest

from fabrik.errors import SandboxBroken
from fabrik.sandboxes import readable, registry, unprivileged
from fabrik.sandboxes.sandbox import Command, SandboxSpec
from fabrik.testing.conformance.harness import alive, token

OWNER = unprivileged.owner()
pytestmark = [
    pytest.mark.skipif(OWNER is None, reason="only a root with all rights can give sandboxes another user"),
    pytest.mark.optional(reason="tests may be run by an ordinary user"),
]


def _ran(directory: Path, script: str, **more: object) -> str:
    async def whole() -> str:
        root = directory / "box"
        spec = SandboxSpec(name=f"test/{directory}", root=root, **more)  # type: ignore[arg-type]
        box = await registry.load("bubblewrap").create(spec)
        log = directory / "log"
        await box.exec(Command(argv=["sh", "-c", script], stdout=log, stderr=log))
        return log.read_text()

    return asyncio.run(whole())


def test_kernel_sees_that_user_alone(tmp_path: Path) -> None:
    assert OWNER is not None
    mark = token()

    async def whole() -> None:
        box = await registry.load("bubblewrap").create(SandboxSpec(name=mark, root=tmp_path / "box"))
        log = tmp_path / "log"
        running = asyncio.create_task(box.exec(Command(argv=["sleep", mark], stdout=log, stderr=log)))
        while not (pids := alive(mark)):
            assert not running.done()
            await asyncio.sleep(0.01)
        for pid in pids:
            status = dict(line.split(":", 1) for line in Path(f"/proc/{pid}/status").read_text().splitlines())
            assert set(status["Uid"].split()) == {str(OWNER.uid)}
            assert set(status["Gid"].split()) == {str(OWNER.gid)}
            assert status["Groups"].split() == []
        await box.close()
        await running

    groups = os.getgroups()
    asyncio.run(whole())
    assert (os.getresuid(), os.getresgid(), os.getgroups()) == ((0, 0, 0), (0, 0, 0), groups)
    Path("/proc/self/oom_score_adj").read_text()
    (tmp_path / "still-root").touch()
    assert (tmp_path / "still-root").stat().st_uid == 0
    assert (tmp_path / "box" / "workspace").stat().st_uid == OWNER.uid
    assert (tmp_path / "log").stat().st_uid == 0, "the log is ours again"


def test_own_private_files_can_be_shown(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FABRIK_HOME", str(tmp_path / "home"))
    before = os.umask(0o077)
    try:
        objects = tmp_path / "home" / "a.git" / "objects"
        (objects / "aa").mkdir(parents=True)
        (objects / "aa" / "old").write_text("old")
        said = _ran(tmp_path, f"cat {objects}/aa/old", read_only=[objects])
        (objects / "bb").mkdir()
        (objects / "bb" / "new").write_text("new")
        said += _ran(tmp_path, f"cat {objects}/bb/new; echo x > {objects}/bb/new", read_only=[objects])
    finally:
        os.umask(before)
    assert said.startswith("oldnew"), said
    assert (objects / "bb" / "new").read_text() == "new"
    assert (objects / "bb" / "new").stat().st_mode & 0o007 == 0


def test_private_files_of_the_user_are_not_opened(tmp_path: Path) -> None:
    private = tmp_path / "private"
    private.mkdir(mode=0o700)
    with pytest.raises(SandboxBroken, match="only its owner can read it"):
        _ran(tmp_path, "true", read_only=[private])
    assert private.stat().st_mode & 0o777 == 0o700
    assert OWNER is not None
    readable.let_read([tmp_path / "missing"], OWNER)


def test_output_and_input_can_be_opened_anew(tmp_path: Path) -> None:
    assert _ran(tmp_path, "echo out > /dev/stdout; echo err >> /dev/stderr; cat /dev/stdin").split()
