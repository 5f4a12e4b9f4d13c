"""Model calls in the ledger: a row of unknowns when a call starts, the figures when it ends."""

from __future__ import annotations

import time
from dataclasses import asdict
from sqlite3 import Connection as Db

from fabrik.ledger.changes import add_event
from fabrik.ledger.connection import run_query
from fabrik.usage import ModelCall, WireProtocol


def start(db: Db, run_id: str, number: int, step: str, protocol: WireProtocol, model: str | None) -> None:
    """Raises sqlite3.IntegrityError when the run has a call of this number."""
    run_query(
        db,
        "call_start",
        run=run_id,
        id=number,
        step=step,
        protocol=protocol,
        model=model,
        at=time.time(),
    )


def finish(db: Db, run_id: str, call: ModelCall) -> None:
    """Write the end of a call, whether its start was written or not.

    Raises RuntimeError when its end was written before: the figures of a call are never overwritten.
    """
    used = asdict(call.usage)
    written = run_query(
        db,
        "call_finish",
        run=run_id,
        id=call.id,
        step=call.step,
        protocol=call.protocol,
        model=call.model,
        status=call.status,
        price_table=call.price_table,
        attempts=call.attempts,
        seconds=call.seconds,
        outcome=call.outcome,
        retry_at=call.retry_at,
        at=time.time(),
        **used,
    )
    if written.rowcount != 1:
        raise RuntimeError(f"the end of model call {call.id} of run {run_id} is recorded already")
    add_event(
        db,
        run_id,
        "model.call",
        call.step,
        id=call.id,
        protocol=call.protocol,
        model=call.model,
        status=call.status,
        outcome=call.outcome,
        attempts=call.attempts,
        seconds=round(call.seconds, 3),
        usage=used,
    )
