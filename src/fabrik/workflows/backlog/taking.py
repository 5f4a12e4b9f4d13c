"""Takes up a spec of a backlog: the run that is there, if it can go on, or a new one."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from fabrik.backlog.folder import Folder
from fabrik.errors import FabrikError, RunBusy
from fabrik.ledger.codec import Mismatch, decode
from fabrik.ledger.store import Ledger
from fabrik.ledger.types import Run
from fabrik.vcs.project import inspect
from fabrik.workflows.backlog.dispatch import Asked, dispatch
from fabrik.workflows.backlog.request import BacklogRequest
from fabrik.workflows.backlog.sealed import SealedBacklog
from fabrik.workflows.backlog.survey import Entry
from fabrik.workflows.backlog.workspace import Workspace
from fabrik.workflows.context import RunContext
from fabrik.workflows.control import start_worker
from fabrik.workflows.destination import Warn


@dataclass(frozen=True, kw_only=True)
class Taken:
    """A run that a worker is at."""

    run: str
    after: int  # the event after which it is news
    resumed: bool


async def take_up(
    entry: Entry,
    *,
    forced: bool,
    place: Folder,
    workspace: Workspace,
    request: BacklogRequest,
    ledger: Ledger,
    warn: Warn,
) -> Taken:
    """Start the worker of this spec's run. Raises UsageError, EnvironmentProblem, VcsError, LedgerError."""
    run = entry.run
    if run is not None and await _goes_on(run, entry, forced, request):
        last = ledger.last_event(run.id)
        after = last.seq if last else 0
        if not run.alive:
            with suppress(RunBusy):  # somebody else has taken it up just now: it is followed all the same
                start_worker(run.id, after=after)
        return Taken(run=run.id, after=after, resumed=True)
    asked = Asked(name=entry.name, content=entry.content, text=entry.text, header=entry.header, forced=forced)
    run_id = await dispatch(asked, place, workspace, request, warn)
    start_worker(run_id)
    return Taken(run=run_id, after=0, resumed=False)


async def _goes_on(run: Run, entry: Entry, forced: bool, request: BacklogRequest) -> bool:
    """Whether this run is what is asked for: it works, was interrupted, or can be resumed."""
    if run.status in ("done", "shipped"):
        return False
    try:
        context = decode(RunContext, run.context)
        sealed = decode(SealedBacklog, context.order)
    except Mismatch:
        return False
    if forced and not sealed.forced:
        return False
    if run.alive:
        return True
    if context.spec.sha256 != entry.sealed_as:
        return False
    if run.status == "running":
        return True
    if not _same_orders(context, sealed, request):
        return False
    if sealed.root is None:
        return True
    try:
        return (await inspect(Path(sealed.root))).head == run.base_commit
    except FabrikError:
        return False


def _same_orders(context: RunContext, sealed: SealedBacklog, request: BacklogRequest) -> bool:
    """Whether who resumes it asks for nothing that it was not dispatched with."""
    agent = context.agent
    said = (request.agent, request.model, request.sandbox)
    has = (agent.name, agent.model, context.sandbox)
    same = all(wanted is None or wanted == there for wanted, there in zip(said, has, strict=True))
    phrases = (sealed.phrase, sealed.attempts) == (request.magic_phrase, request.max_attempts)
    options = {"command": request.agent_command, "script": request.agent_script}
    programs = all(
        path is None or agent.options.get(name) == str(path.expanduser().absolute())
        for name, path in options.items()
    )
    verifier = context.review.verifier.name if context.review else None
    asked = request.verify_agent is None or request.verify_agent == verifier
    bounds = request.budget_usd is None and request.budget_tokens is None
    return same and phrases and programs and asked and bounds
