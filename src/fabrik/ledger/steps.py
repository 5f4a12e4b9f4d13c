"""A step's two transactions: the intent before it starts, its end with everything that belongs to it."""

from __future__ import annotations

import json
import time
from collections.abc import Sequence
from dataclasses import dataclass
from sqlite3 import Connection as Db
from sqlite3 import Row
from typing import Any

from fabrik.ledger import reports
from fabrik.ledger.changes import add_event, state_of
from fabrik.ledger.connection import run_query
from fabrik.ledger.reports import Report
from fabrik.ledger.types import StepState

_ERROR_CHARACTERS = 4000  # the whole story is in the step's logs


@dataclass(frozen=True, kw_only=True)
class Start:
    """How a step begins: with a stored result, or as this attempt."""

    finished: bool
    result: Any  # JSON; of a finished step
    attempt: int


def replay(db: Db, run_id: str, key: str, inputs: str) -> Start | None:
    """The stored result of a finished step, when nothing has to be written to give it."""
    return _replay(run_query(db, "step_get", run=run_id, key=key).fetchone(), inputs)


def _replay(row: Row | None, inputs: str) -> Start | None:
    if row is None or row["state"] != "finished":
        return None
    if row["inputs"] != inputs and not row["inputs_changed"]:
        return None
    return Start(finished=True, result=json.loads(row["result"]), attempt=row["attempt"])


def begin(db: Db, run_id: str, key: str, inputs: str) -> Start:
    """Find the stored result, or write the intent. inputs: their JSON text.

    Raises RuntimeError when the step would have to run in a run that has ended or waits.
    """
    row = run_query(db, "step_get", run=run_id, key=key).fetchone()
    if found := _replay(row, inputs):
        return found
    if row is not None and row["state"] == "finished":
        run_query(db, "step_inputs_changed", run=run_id, key=key)
        add_event(db, run_id, "step.inputs_changed", key, changed=_changed(row["inputs"], inputs))
        return Start(finished=True, result=json.loads(row["result"]), attempt=row["attempt"])
    status = state_of(db, run_id)["status"]
    if status != "running":
        raise RuntimeError(f"run {run_id} is {status}: reopen it before step {key} is started")
    attempt = 1 if row is None else row["attempt"] + 1
    changed = {} if row is None or row["inputs"] == inputs else {"changed": _changed(row["inputs"], inputs)}
    run_query(db, "step_start", run=run_id, key=key, attempt=attempt, inputs=inputs, at=time.time())
    run_query(db, "run_step", run=run_id, step=key)
    add_event(db, run_id, "step.started", key, attempt=attempt, **changed)
    return Start(finished=False, result=None, attempt=attempt)


def finish(
    db: Db, run_id: str, key: str, attempt: int, *, result: str, recorded: Sequence[Report], seconds: float
) -> None:
    """Write the result (JSON text), the reports and the event of a step that ended well."""
    _end(db, run_id, key, attempt, "finished", result=result, error=None)
    for report in recorded:
        reports.add(db, run_id, report)
    add_event(db, run_id, "step.finished", key, attempt=attempt, seconds=round(seconds, 3))


def fail(db: Db, run_id: str, key: str, attempt: int, error: str) -> None:
    """Write that a step ended with an error; it runs again when the run is resumed."""
    text = error[:_ERROR_CHARACTERS]
    _end(db, run_id, key, attempt, "failed", result=None, error=text)
    add_event(db, run_id, "step.failed", key, attempt=attempt, error=text)


def _end(
    db: Db, run_id: str, key: str, attempt: int, state: StepState, *, result: str | None, error: str | None
) -> None:
    ended = run_query(
        db,
        "step_end",
        run=run_id,
        key=key,
        attempt=attempt,
        state=state,
        result=result,
        error=error,
        at=time.time(),
    )
    if ended.rowcount != 1:
        raise RuntimeError(f"step {key} of run {run_id} is not under way as attempt {attempt}")


def _changed(old: str, new: str) -> list[str]:
    """The names of the inputs that are not the same."""
    before, after = json.loads(old), json.loads(new)
    absent = object()
    return sorted(
        name for name in before.keys() | after.keys() if before.get(name, absent) != after.get(name, absent)
    )
