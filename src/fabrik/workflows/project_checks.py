"""The checks of a project as its AGENTS.md names them, for what brings none of its own."""

from __future__ import annotations

from fabrik.playbook import agents_md
from fabrik.vcs.base import Base
from fabrik.vcs.reading import read_file
from fabrik.workflows.context import SealedCheck

AGENTS = "AGENTS.md"
MAX_BYTES = 1 << 20


async def project_checks(base: Base) -> tuple[SealedCheck, ...]:
    """What AGENTS.md at this commit says validates work; () where it says nothing. Raises VcsError."""
    content = await read_file(base.repository, base.commit, AGENTS, MAX_BYTES)
    if content is None:
        return ()
    found = agents_md.read(content.decode("utf-8", errors="replace"), AGENTS)
    return tuple(SealedCheck(name=check.name, run=check.run) for check in found.checks)
