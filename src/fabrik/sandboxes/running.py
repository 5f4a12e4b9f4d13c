"""What a provider's started command looks like to the code that watches over it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True, kw_only=True)
class Ended:
    """How a command ended by itself."""

    status: int | None
    signal: int | None


class Running(Protocol):
    """A command that was started, with everything it starts in turn."""

    pid: int  # the top of its tree of processes

    async def wait(self) -> Ended:
        """Wait until the command itself has ended. Raises SandboxBroken when it never started."""
        ...

    def kill(self) -> None:
        """Begin to end everything. Safe to call twice."""
        ...

    async def gone(self) -> None:
        """Wait until no process is left, and give everything back. Raises SandboxBroken if one stays."""
        ...
