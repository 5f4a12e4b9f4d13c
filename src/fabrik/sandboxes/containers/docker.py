"""The provider `docker`: a daemon on this machine, at DOCKER_HOST or at docker's own place."""

from __future__ import annotations

import os
from functools import lru_cache

from fabrik.errors import SandboxBroken
from fabrik.sandboxes.containers import gvisor
from fabrik.sandboxes.containers.engine import Engine
from fabrik.sandboxes.containers.provider import Containers

_GET = "apt-get install docker.io, and start its daemon (systemctl start docker)"


class Docker(Containers):
    """Containers of docker."""

    name = "docker"

    def engine(self) -> Engine:
        """See Containers."""
        host = os.environ.get("DOCKER_HOST", "")
        if host and not host.startswith("unix://"):
            raise SandboxBroken(
                f"DOCKER_HOST={host}: the daemon is on another machine, and workspaces are on this one",
                where="docker",
                todo="unset DOCKER_HOST, or use --sandbox ssh:DESTINATION",
            )
        return _engine(self.options.runtime)


@lru_cache(maxsize=4)
def _engine(runtime: str) -> Engine:
    return Engine(
        name="docker",
        program="docker",
        run=(f"--runtime={runtime}",) if runtime else (),
        get=_GET,
        gvisor=gvisor.named(runtime),
    )
