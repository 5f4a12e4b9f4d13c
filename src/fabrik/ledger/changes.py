"""Changes of a run's state. Each function works inside a write transaction that its caller has begun,
and writes the change together with its event."""

from __future__ import annotations

import os
import time
from collections.abc import Mapping
from sqlite3 import Connection as Db
from typing import TYPE_CHECKING, Any

from fabrik import __version__
from fabrik.errors import UsageError
from fabrik.ledger.connection import run_query, to_json

if TYPE_CHECKING:
    from fabrik.ledger.types import NewRun
    from fabrik.outcome import Verdict

OPEN = ("running", "waiting")
_RESUMABLE = ("running", "waiting", "blocked", "exhausted", "failed", "cancelled")


def add_event(db: Db, run_id: str, kind: str, step: str | None = None, **data: Any) -> None:
    """Write one event. Raises TypeError or ValueError when the data is no JSON."""
    add_event_of(db, run_id, time.time(), kind, step, data)


def add_event_of(
    db: Db, run_id: str, at: float, kind: str, step: str | None, data: Mapping[str, Any]
) -> None:
    """Write one event that happened at `at`, seconds since the epoch."""
    run_query(db, "event_insert", run=run_id, at=at, kind=kind, step=step, data=to_json(dict(data)))


def state_of(db: Db, run_id: str) -> dict[str, Any]:
    """status, fence, cancel_requested, progress, candidate and spec_path. Raises UsageError."""
    row = run_query(db, "run_state", run=run_id).fetchone()
    if row is None:
        raise UsageError(f"there is no run '{run_id}'", todo="`fabrik runs list` shows the runs")
    return dict(row)


def create(db: Db, run: NewRun) -> None:
    machine = os.uname()
    run_query(
        db,
        "run_insert",
        id=run.id,
        workflow=run.workflow,
        spec_id=run.spec_id,
        spec_title=run.spec_title,
        spec_path=run.spec_path,
        todo_path=run.todo_path,
        project=run.project,
        repo_ref=run.repo_ref,
        base_commit=run.base_commit,
        branch=run.branch,
        directory=run.directory,
        agent=run.agent,
        model=run.model,
        sandbox=run.sandbox,
        unchecked=run.unchecked,
        at=time.time(),
        cli_version=__version__,
        os=" ".join((machine.sysname, machine.release, machine.machine)),
        context=to_json(dict(run.context)),
    )
    add_event(db, run.id, "run.created", spec=run.spec_id, agent=run.agent, base_commit=run.base_commit)


def request_cancel(db: Db, run_id: str, by: str) -> None:
    state = state_of(db, run_id)
    if state["status"] not in OPEN:
        raise UsageError(
            f"the run has ended already ({state['status']})", where=run_id, todo="there is nothing to cancel"
        )
    if not state["cancel_requested"]:
        run_query(db, "run_cancel_request", run=run_id)
        add_event(db, run_id, "run.cancel_requested", by=by)


def set_budget(db: Db, run_id: str, usd: float | None, tokens: int | None, by: str) -> None:
    state_of(db, run_id)
    add_event(db, run_id, "run.budget", usd=usd, tokens=tokens, by=by)


def set_progress(db: Db, run_id: str, text: str) -> None:
    if state_of(db, run_id)["progress"] != text:
        run_query(db, "run_progress", run=run_id, text=text)
        add_event(db, run_id, "run.progress", text=text)


def set_candidate(db: Db, run_id: str, commit: str) -> None:
    if state_of(db, run_id)["candidate"] != commit:
        run_query(db, "run_candidate", run=run_id, commit=commit)
        add_event(db, run_id, "run.candidate", commit=commit)


def finish(db: Db, run_id: str, verdict: Verdict, exit_code: int, reason: str | None) -> None:
    """Close the run. Again with the same verdict changes nothing; with another one raises RuntimeError."""
    status = state_of(db, run_id)["status"]
    if status == verdict.value:
        return
    if status not in OPEN:
        raise RuntimeError(f"run {run_id} has ended as {status}; it cannot also end as {verdict.value}")
    run_query(
        db,
        "run_finish",
        run=run_id,
        status=verdict.value,
        at=time.time(),
        reason=reason,
        exit_code=exit_code,
    )
    add_event(db, run_id, "run.verdict", verdict=verdict.value, reason=reason)


def reopen(db: Db, run_id: str) -> None:
    """Make a run that is resumed a running one; says so only when that changes something."""
    state = state_of(db, run_id)
    if state["status"] not in _RESUMABLE:
        raise UsageError(
            f"the run has ended as {state['status']} and cannot be resumed",
            where=run_id,
            todo="start a new run with `fabrik run`",
        )
    if state["status"] != "running" or state["cancel_requested"]:
        run_query(db, "run_reopen", run=run_id)
        add_event(
            db, run_id, "run.resumed", was=state["status"], cancel_requested=bool(state["cancel_requested"])
        )
