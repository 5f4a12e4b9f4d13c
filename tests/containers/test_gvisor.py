"""gVisor under podman: commands run on a kernel of their own, and preflight says what does not work there."""

from __future__ import annotations

import asyncio
import platform
import shutil
from collections.abc import Callable
from pathlib import Path

from fabrik.sandboxes import registry
from fabrik.sandboxes.sandbox import Command, Exit, Limits, Options, SandboxSpec

Require = Callable[[str, Callable[[], str | None]], None]


def _missing() -> str | None:
    missing = [name for name in ("podman", "runsc") if shutil.which(name) is None]
    return f"{', '.join(missing)} is not installed" if missing else None


async def _run(directory: Path, *argv: str) -> tuple[Exit, str]:
    provider = registry.load("podman", Options(runtime="runsc"))
    box = await provider.create(SandboxSpec(name=f"gvisor/{directory.name}", root=directory / "box"))
    log = directory / "log"
    end = await box.exec(Command(argv=argv, stdout=log, stderr=log, limits=Limits(seconds=60.0)))
    return end, log.read_text()


def test_a_command_has_a_kernel_of_its_own(require: Require, tmp_path: Path) -> None:
    require("gVisor", _missing)
    end, said = asyncio.run(_run(tmp_path, "uname", "-r"))
    assert end.ok
    assert said.strip() != platform.release()


def test_status_and_files_pass(require: Require, tmp_path: Path) -> None:
    require("gVisor", _missing)
    end, said = asyncio.run(_run(tmp_path, "/bin/sh", "-c", "echo kept > file; cat file; exit 7"))
    assert (end.status, said) == (7, "kept\n")
    assert (tmp_path / "box" / "workspace" / "file").read_text() == "kept\n"


def test_preflight_is_honest(require: Require, tmp_path: Path) -> None:
    """It is ready just where the system's own programs work."""
    require("gVisor", _missing)
    end, _ = asyncio.run(_run(tmp_path, "ls", "-d", "/"))
    report = asyncio.run(registry.load("podman", Options(runtime="runsc")).preflight())
    assert report.ready is end.ok
    assert report.ready or ("gVisor" in report.why and report.todo)
    assert not any(probe.holds for probe in report.probes if probe.what in ("memory limit", "process limit"))
