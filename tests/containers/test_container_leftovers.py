"""What a killed worker leaves of its containers, and whose containers are never touched."""

from __future__ import annotations

import asyncio
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from uuid import uuid4

import pytest

from fabrik.sandboxes import registry
from fabrik.sandboxes.containers import arguments, leftovers
from fabrik.sandboxes.containers.engine import Engine
from fabrik.sandboxes.containers.provider import Containers
from fabrik.sandboxes.sandbox import SandboxRef, SandboxSpec
from fabrik.testing.conformance.harness import alive, token

_WORKER = """
import asyncio, sys
from pathlib import Path
from fabrik.sandboxes import registry
from fabrik.sandboxes.sandbox import Command, SandboxSpec

async def main(provider, root, name, mark):
    box = await registry.load(provider).create(SandboxSpec(name=name, root=Path(root)))
    log = Path(root).parent / "log"
    script = f"(setsid sleep {mark} &) ; sleep {mark}"
    await box.exec(Command(argv=["/bin/sh", "-c", script], stdout=log, stderr=log))

asyncio.run(main(*sys.argv[1:]))
"""
ENGINES = ("podman", "docker")


def _until(what: str, holds: Callable[[], bool]) -> None:
    end = time.monotonic() + 60
    while not holds():
        assert time.monotonic() < end, what
        time.sleep(0.02)


def _provider(name: str) -> Containers:
    provider = registry.load(name)
    assert isinstance(provider, Containers)
    return provider


def _run(engine: Engine, *words: str) -> str:
    done = subprocess.run(engine.argv(*words), capture_output=True, text=True, check=True)
    return done.stdout.strip()


@pytest.fixture
def kind(request: pytest.FixtureRequest) -> str:
    engine = str(request.param)
    if engine == "docker":
        request.getfixturevalue("docker")
    return engine


@pytest.fixture
def name() -> Iterator[str]:
    yield f"{uuid4().hex[:12]}/crash"


@pytest.mark.parametrize("kind", ENGINES, indirect=True)
def test_a_container_ends_with_its_worker(kind: str, name: str, tmp_path: Path) -> None:
    mark, root = token(), tmp_path / "box"
    worker = subprocess.Popen([sys.executable, "-c", _WORKER, kind, str(root), name, mark])
    _until("the command runs", lambda: len(alive(mark)) >= 3)  # the worker's own command line counts as one
    worker.kill()
    worker.wait()
    _until("nothing of it runs", lambda: alive(mark) == [])
    provider = _provider(kind)
    asyncio.run(provider.end(SandboxRef(name=name, root=root, labels={})))
    assert asyncio.run(leftovers.of_sandbox(provider.engine(), name)) == []
    asyncio.run(provider.destroy(SandboxRef(name=name, root=root, labels={})))
    assert not root.exists()


@pytest.mark.parametrize("kind", ENGINES, indirect=True)
def test_only_its_own_containers_are_removed(kind: str, name: str, tmp_path: Path) -> None:
    """One that an engine left is removed by its label; another sandbox's, and a stranger's, stay."""
    provider = _provider(kind)
    engine, root = provider.engine(), tmp_path / "box"

    async def made() -> str:
        await provider.create(SandboxSpec(name=name, root=root))
        return (await provider.image()).name

    image = asyncio.run(made())
    (root / "execs" / "crashed").touch()
    start = (
        "run",
        "--detach",
        "--pull=never",
        "--network=none",
        f"--ulimit={_PROCESSES}",
        f"--ulimit={_FILES}",
    )
    stay = ("--volume=/usr:/usr:ro", image, "sleep", "600")
    label = f"--label={arguments.LABEL}="
    own = _run(engine, *start, f"{label}{arguments.digest(name)}", *stay)
    others = _run(engine, *start, f"{label}{arguments.digest('another')}", *stay)
    strangers = _run(engine, *start, f"--name=fabrik-{arguments.digest(name)[:12]}-stranger", *stay)
    try:
        asyncio.run(provider.end(SandboxRef(name=name, root=root, labels={})))
        left = set(_run(engine, "ps", "--no-trunc", "--quiet").split())
        assert own not in left
        assert {others, strangers} <= left
    finally:
        _run(engine, "rm", "--force", *engine.remove, others, strangers)
    asyncio.run(provider.destroy(SandboxRef(name=name, root=root, labels={})))


_PROCESSES, _FILES = "nproc=1024:1024", "nofile=1024:1024"
