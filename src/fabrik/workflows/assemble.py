"""Puts the rooms of a run together: the only place where an agent, a sandbox and a repository meet."""

from __future__ import annotations

from collections.abc import Sequence

from fabrik import paths
from fabrik.agents import registry as agents
from fabrik.ledger.codec import decode
from fabrik.ledger.journal import Journal
from fabrik.ledger.store import Ledger
from fabrik.ledger.types import Event, Run
from fabrik.sandboxes import registry as sandboxes
from fabrik.sandboxes.sandbox import Options
from fabrik.vcs.project import Identity
from fabrik.vcs.run_repo import RunRepo
from fabrik.workflows.context import RunContext
from fabrik.workflows.run_gateway import RunGateway
from fabrik.workflows.work import Grants, Work
from fabrik.workflows.workspace import end_leftovers


async def assemble(ledger: Ledger, run: Run, journal: Journal, umask: int) -> Work:
    """Everything the steps of this run work with, from its sealed context. umask: that of the user.

    What an earlier worker of the run, killed in the middle, left running is ended first, whatever else is
    missing. Raises SandboxBroken, VcsError, UsageError.
    """
    context = decode(RunContext, run.context)
    review = context.review
    places = paths.home().run(run.id)
    provider = sandboxes.load(
        context.sandbox, Options(image=context.containers.image, runtime=context.containers.runtime)
    )
    await end_leftovers(provider, places.sandboxes, run.id)
    return Work(
        run=run.id,
        base=run.base_commit,
        branch=run.branch,
        project=run.project,
        context=context,
        paths=places,
        ledger=ledger,
        journal=journal,
        repo=await RunRepo.open(places.repo),
        provider=provider,
        agent=agents.load(context.agent.name),
        reviewer=agents.load(review.agent.name) if review else None,
        verifier=agents.load(review.verifier.name) if review else None,
        gateway=RunGateway(run.id, context, ledger, journal),
        umask=umask,
        identity=Identity(name=context.author_name, email=context.author_email, configured=True),
        grants=Grants(left=_answered_stops(ledger.events(run.id))),
    )


def _answered_stops(events: Sequence[Event]) -> int:
    """How many stops that a replay meets again a human has answered by resuming."""
    answered, stopped = 0, False
    for event in events:
        if event.kind == "run.stop":
            stopped = bool(event.data["met_again"])
        elif event.kind == "run.resumed" and stopped:
            answered, stopped = answered + 1, False
    return answered
