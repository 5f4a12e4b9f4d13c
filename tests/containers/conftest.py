"""A docker daemon of the tests' own, in namespaces where its network settings harm nobody."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

_READY = 60.0  # seconds for the daemon to answer


def _why_no_daemon() -> str | None:
    missing = [name for name in ("dockerd", "docker", "unshare") if shutil.which(name) is None]
    if missing:
        return f"{', '.join(missing)} is not installed (apt-get install docker.io)"
    return None if os.getuid() == 0 else "a daemon of the tests' own needs root"


@pytest.fixture(scope="session")
def docker_daemon() -> Iterator[str]:
    """DOCKER_HOST of a daemon; "" where there is none, and `docker` says why."""
    if _why_no_daemon() is not None:
        yield ""
        return
    directory = Path(tempfile.mkdtemp(prefix="dockerd-"))
    host = f"unix://{directory}/docker.sock"
    runsc = directory / "runsc"
    runsc.write_text(
        '#!/bin/sh\nexec runsc --platform=ptrace --ignore-cgroups --network=none --fsgofer-host-uds "$@"\n'
    )
    runsc.chmod(0o755)
    log = (directory / "log").open("wb")
    daemon = subprocess.Popen(
        [
            "unshare", "-nm", "sh", "-c", 'ip link set lo up; exec dockerd "$@"', "dockerd",
            "--data-root", f"{directory}/data", "--exec-root", f"{directory}/exec",
            "--pidfile", f"{directory}/pid", "--host", host, "--add-runtime", f"runsc={runsc}",
        ],
        stdin=subprocess.DEVNULL,
        stdout=log,
        stderr=subprocess.STDOUT,
    )  # fmt: skip
    environment = {**os.environ, "DOCKER_HOST": host}
    try:
        until = time.monotonic() + _READY
        while subprocess.run(["docker", "info"], env=environment, capture_output=True).returncode != 0:
            words = (directory / "log").read_text(errors="replace")[-3000:]
            assert daemon.poll() is None and time.monotonic() < until, words
        yield host
        left = subprocess.run(["docker", "ps", "-aq"], env=environment, capture_output=True, text=True)
        assert left.stdout == "", "containers are left"
    finally:
        daemon.terminate()
        daemon.wait(30)
        log.close()
        shutil.rmtree(directory, ignore_errors=True)


@pytest.fixture
def docker(docker_daemon: str, monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest) -> None:
    """Docker's own tool reaches the tests' daemon."""
    request.getfixturevalue("require")("docker", _why_no_daemon)
    monkeypatch.setenv("DOCKER_HOST", docker_daemon)
