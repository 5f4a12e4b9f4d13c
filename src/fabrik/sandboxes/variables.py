"""Variables that come with the word for a command that is prepared: how they get to what holds it.

They lie in memory, in a file without a name: of any size, and nothing of them is seen on a command line.
"""

from __future__ import annotations

import os
from collections.abc import Mapping

from fabrik.errors import SandboxBroken
from fabrik.sandboxes.procs import MARK


def require(env: Mapping[str, str], name: str) -> None:
    """Raises SandboxBroken, in the name of this sandbox, for a variable that no environment can hold."""
    for variable, value in env.items():
        try:
            possible = b"\0" not in os.fsencode(variable + value) and variable and "=" not in variable
        except UnicodeEncodeError:
            possible = False
        if not possible:
            raise SandboxBroken(f"no environment can hold the variable {variable!r}", where=name)


def place() -> int:
    """An empty file to put them into. The descriptor is not inherited unless it is passed on."""
    return os.memfd_create("variables", os.MFD_CLOEXEC)


def put(fd: int, env: Mapping[str, str]) -> None:
    """Put them there as the kernel has them: `NAME=value` and a NUL, each. Whose leftovers they are stays."""
    block = b"".join(os.fsencode(f"{name}={value}\0") for name, value in env.items() if name != MARK)
    while block:
        block = block[os.write(fd, block) :]
