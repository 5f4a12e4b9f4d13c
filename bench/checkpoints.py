"""Saving and restoring a workspace of 200 MB, beside plain `tar` of the same directory."""

from __future__ import annotations

import asyncio
import os
import shutil
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

from bench.figures import Figure, median
from fabrik.sandboxes import registry
from fabrik.sandboxes.sandbox import SandboxSpec
from fabrik.workflows.checkpoints.manifest import measured

FILES, BYTES = 2000, 100_000  # 200 MB
ROUNDS = 3


def fill(workspace: Path) -> None:
    """Files that do not compress, in forty directories."""
    for number in range(FILES):
        directory = workspace / f"d{number % 40}"
        directory.mkdir(exist_ok=True)
        (directory / f"f{number}").write_bytes(os.urandom(BYTES))


def seconds(work: Callable[[], object]) -> float:
    os.sync()  # what was written before is not waited for in this figure
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


def measure(directory: Path) -> list[Figure]:
    """Medians of alternating rounds: saved through the sandbox and hashed, and the other way round."""
    provider = registry.load("bubblewrap")

    def made(name: str) -> Path:
        root = directory / name
        asyncio.run(provider.create(SandboxSpec(name=f"bench/{name}", root=root)))
        return root

    source = made("source")
    fill(source / "workspace")
    archive = directory / "saved.tar"

    async def save() -> None:
        box = await provider.create(SandboxSpec(name="bench/source", root=source))
        await box.tar_out(box.workspace, archive, 1 << 30)
        measured(archive)

    async def restore() -> None:
        measured(archive)
        box = await provider.create(SandboxSpec(name="bench/target", root=directory / "target"))
        await box.tar_in(archive, box.workspace)

    plain, there = directory / "plain.tar", directory / "plain"
    times: dict[str, list[float]] = {"save": [], "tar -c": [], "restore": [], "tar -x": []}
    for _ in range(ROUNDS):
        times["tar -c"].append(
            seconds(
                lambda: subprocess.run(["tar", "-cf", plain, "-C", source / "workspace", "."], check=True)
            )
        )
        times["save"].append(seconds(lambda: asyncio.run(save())))
        there.mkdir()
        times["tar -x"].append(
            seconds(lambda: subprocess.run(["tar", "-xf", plain, "-C", there], check=True))
        )
        shutil.rmtree(there)
        times["restore"].append(seconds(lambda: asyncio.run(restore())))
        shutil.rmtree(directory / "target")
    took = {name: median(values) for name, values in times.items()}
    return [
        _figure("a workspace of 200 MB is saved: s beside tar -c", took["save"], took["tar -c"]),
        _figure("… and restored: s beside tar -x", took["restore"], took["tar -x"]),
    ]


def _figure(name: str, ours: float, theirs: float) -> Figure:
    return Figure(name=name, value=ours, bound=None, detail=f"tar: {theirs:.2f} s, ratio {ours / theirs:.2f}")
