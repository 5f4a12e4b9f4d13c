"""Secrets that the commits of a candidate hold: the branch is the user's, so they are told, not taken out."""

from __future__ import annotations

from fabrik.vcs.new_objects import new_objects
from fabrik.workflows.known_secrets import redactor
from fabrik.workflows.work import Work

SHOWN = 5


async def committed(work: Work, commit: str) -> tuple[str, ...]:
    """What to hold against a candidate, one line each: where its commits have a known secret.

    Raises VcsError. Files count that a later commit has removed: a branch that is pushed has them.
    """
    known = redactor()
    if not known or commit == work.base:
        return ()
    places: dict[str, None] = {}
    async for found in new_objects(work.repo.path, work.base, commit):
        if known.finds(found.content) or known.finds(found.path.encode("utf-8", "surrogateescape")):
            places[f"the message of {found.commit[:12]}" if found.commit else known.text(found.path)] = None
    more = len(places) - SHOWN
    shown = [*list(places)[:SHOWN], *([f"{more} more"] if more > 0 else [])]
    if not shown:
        return ()
    return (f"its commits hold a secret that this host knows: {', '.join(shown)}; whoever gets them has it",)
