"""What a flood, a full disk and a missing program cost the worker."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

_FLOOD = """
import asyncio, sys
from pathlib import Path
from fabrik.sandboxes import registry
from fabrik.sandboxes.sandbox import Command, Limits, SandboxSpec

async def main(provider, directory):
    root = Path(directory)
    box = await registry.load(provider).create(SandboxSpec(name=f"flood/{root.name}", root=root / "box"))
    log = root / "log"
    end = await box.exec(Command(
        argv=["head", "-c", str(1 << 30), "/dev/zero"], stdout=log, stderr=log,
        limits=Limits(output_bytes=2 << 30),
    ))
    # Not ru_maxrss: it begins with what the parent held at the fork.
    status = Path("/proc/self/status").read_text()
    print(end.status, end.output_bytes, status.split("VmHWM:")[1].split()[0])

asyncio.run(main(*sys.argv[1:]))
"""

_FULL = """
import asyncio, sys
from pathlib import Path
from fabrik.errors import DiskFull
from fabrik.sandboxes import registry
from fabrik.sandboxes.sandbox import Command, SandboxSpec

async def main(provider, directory):
    root = Path(directory)
    box = await registry.load(provider).create(SandboxSpec(name=f"full/{root.name}", root=root / "box"))
    ballast = (root / "ballast").open("wb", buffering=0)
    try:
        while True:
            ballast.write(b"x" * 4096)
    except OSError:
        ballast.close()
    log = root / "log"
    for files in (None, {"big": b"x" * (8 << 20)}):
        try:
            await box.exec(Command(argv=["true"], stdout=log, stderr=log, files=files))
        except DiskFull as full:
            print("full:", full)
        (root / "ballast").unlink(missing_ok=True)
    end = await box.exec(Command(argv=["echo", "again"], stdout=log, stderr=log, files={}))
    print(end.status, log.read_text().strip())

asyncio.run(main(*sys.argv[1:]))
"""


@pytest.mark.parametrize("provider", ["bubblewrap", "none"])
def test_flood_passes_the_worker_by(provider: str, tmp_path: Path) -> None:
    try:
        done = subprocess.run(
            [sys.executable, "-c", _FLOOD, provider, str(tmp_path)],
            capture_output=True,
            text=True,
            check=True,
        )
    finally:
        shutil.rmtree(tmp_path, ignore_errors=True)
    status, written, kilobytes = map(int, done.stdout.split())
    assert (status, written) == (0, 1 << 30)
    assert kilobytes < 80 * 1024


@pytest.mark.parametrize("provider", ["none"])
def test_full_disk_is_said_and_survived(provider: str, tmp_path: Path) -> None:
    """On a file system of 4 MiB that only this test sees."""
    worker = [sys.executable, "-c", _FULL, provider, str(tmp_path)]
    script = 'mount -t tmpfs -o size=4m tmpfs "$1" && shift && exec "$@"'
    done = subprocess.run(
        ["unshare", "-Urm", "sh", "-c", script, "sh", str(tmp_path), *worker],
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    lines = done.stdout.strip().splitlines()
    assert [line.split(":")[0] for line in lines if line.startswith("full")] == ["full", "full"]
    assert lines[-1] == "0 again"


def test_bwrap_that_is_not_installed_is_said(tmp_path: Path) -> None:
    program = (
        "import asyncio; from fabrik.sandboxes import registry\n"
        "report = asyncio.run(registry.load('bubblewrap').preflight())\n"
        "print(report.ready, report.why, '|', report.todo)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", program],
        env={"PATH": str(tmp_path)},
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.startswith("False bwrap is not installed")
    assert "apt-get install bubblewrap" in done.stdout


def test_bwrap_that_refuses_is_said_in_its_own_words(tmp_path: Path) -> None:
    """Namespaces are used up for this process: what a locked-down machine looks like."""
    script = 'echo 0 > /proc/sys/user/max_user_namespaces && exec "$@"'
    program = (
        "import asyncio; from fabrik.sandboxes import registry\n"
        "report = asyncio.run(registry.load('bubblewrap').preflight())\n"
        "print(report.ready, report.why, '|', report.todo)\n"
    )
    done = subprocess.run(
        ["unshare", "-Ur", "sh", "-c", script, "sh", sys.executable, "-c", program],
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.startswith("False bwrap does not work here")
    assert "sysctl -w user.max_user_namespaces" in done.stdout
