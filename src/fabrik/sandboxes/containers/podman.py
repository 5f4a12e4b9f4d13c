"""The provider `podman`, as root or as an ordinary user; no daemon is needed."""

from __future__ import annotations

import os
import resource
import shutil
from functools import lru_cache
from pathlib import Path

from fabrik.errors import SandboxBroken
from fabrik.sandboxes.containers import gvisor
from fabrik.sandboxes.containers.engine import Engine
from fabrik.sandboxes.containers.provider import Containers

_GET = "apt-get install podman runc uidmap"


class Podman(Containers):
    """Containers of podman."""

    name = "podman"

    def engine(self) -> Engine:
        """See Containers."""
        return _engine(self.options.runtime)


@lru_cache(maxsize=4)
def _engine(runtime: str) -> Engine:
    chosen = gvisor.wrapper(runtime) if gvisor.named(runtime) else runtime or _runtime()
    options = ["--events-backend=none"]  # a journal of events is of no use here, and grows
    if not Path("/run/systemd/system").is_dir():
        options.append("--cgroup-manager=cgroupfs")  # systemd, which it would ask, does not run
    if chosen:
        options.append(f"--runtime={chosen}")
    processes = _most_processes()
    run = [
        "--read-only-tmpfs=false",
        "--no-hosts",
        "--passwd=false",
        "--http-proxy=false",  # else those of the worker, which may hold a password, are set inside
        "--image-volume=ignore",
        "--systemd=false",
        f"--ulimit=nproc={processes}:{processes}",  # its own default may be more than we may set
    ]
    if os.getuid() != 0:
        run.append("--userns=keep-id")  # inside and outside the same user
    return Engine(
        name="podman",
        program="podman",
        options=tuple(options),
        run=tuple(run),
        remove=("--time=0",),  # else it waits ten seconds for a first process that ignores SIGTERM
        local="localhost/",
        get=_GET,
        gvisor=gvisor.named(runtime),
    )


def _runtime() -> str:
    """runc where the one that podman prefers cannot work; "": podman's own choice.

    crun refuses machines with both versions of control groups, on which version 1 has the controllers.
    """
    try:
        both = Path("/sys/fs/cgroup/unified").is_dir()
    except OSError:
        both = False
    if both and shutil.which("crun") is not None:
        if shutil.which("runc") is None:
            raise SandboxBroken(
                "crun does not work with control groups of both versions",
                where="podman",
                todo="apt-get install runc",
            )
        return "runc"
    return ""


def _most_processes() -> int:
    """As many as podman itself may have: it lowers its own limit to the highest number of a process."""
    numbers = int(Path("/proc/sys/kernel/pid_max").read_text())
    _, most = resource.getrlimit(resource.RLIMIT_NPROC)
    return numbers if most == resource.RLIM_INFINITY else min(most, numbers)
