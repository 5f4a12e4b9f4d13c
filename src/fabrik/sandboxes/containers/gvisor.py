"""gVisor (runsc) as the runtime of an engine: containers run on a kernel of their own, in user space."""

from __future__ import annotations

import shutil

from fabrik import paths
from fabrik.errors import SandboxBroken

# ptrace needs no /dev/kvm and works in virtual machines, too. Control groups are the engine's and fabrik's.
# Without a network: the engine gives it a namespace with nothing but a loopback. The first process calls the
# worker, and commands the doors, through unix sockets of the host.
_OPTIONS = "--platform=ptrace --ignore-cgroups --network=none --fsgofer-host-uds"
_SCRIPT = f'#!/bin/sh\nexec runsc {_OPTIONS} "$@"\n'


def named(runtime: str) -> bool:
    """Whether a runtime's name means gVisor."""
    return runtime.rpartition("/")[2] == "runsc"


def wrapper(runtime: str) -> str:
    """A program for engines that start a runtime without options; made where fabrik keeps its things.

    Raises SandboxBroken.
    """
    if shutil.which(runtime) is None:
        raise SandboxBroken(
            f"{runtime} (gVisor) is not installed",
            where="[containers] runtime",
            todo="apt-get install runsc, or see https://gvisor.dev/docs/user_guide/install",
        )
    script = paths.home().directory / "containers" / "runsc"
    try:
        if not script.exists() or script.read_text() != _SCRIPT:
            script.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            fresh = script.with_suffix(".new")
            fresh.write_text(_SCRIPT)
            fresh.chmod(0o755)
            fresh.replace(script)
    except OSError as error:
        raise SandboxBroken(f"cannot be written: {error.strerror}", where=str(script)) from error
    return str(script)
