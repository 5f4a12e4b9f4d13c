"""What the tests of the ledger share."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from fabrik.ledger.store import Ledger
from fabrik.ledger.types import NewRun
from fabrik.ledger.ulid import new_run_id
from fabrik.usage import ModelCall, Usage

# For tests with thousands of transactions, each with its fsync: in memory where that is possible.
FAST = "/dev/shm" if os.access("/dev/shm", os.W_OK) else None

KNOWN = Usage(
    input_tokens=10,
    cache_read_tokens=20,
    cache_write_tokens=5,
    output_tokens=7,
    reasoning_tokens=3,
    cost_usd=0.25,
    calls=1,
)


def new_run(home: Path, *, id: str | None = None, context: Mapping[str, Any] | None = None) -> NewRun:
    run_id = id or new_run_id()
    return NewRun(
        id=run_id,
        spec_id="login",
        spec_title="Log in",
        spec_path="specs/login.json",
        todo_path="specs/login.todo.json",
        project="/home/me/project",
        repo_ref="main",
        base_commit="a" * 40,
        branch="spec-login",
        agent="scripted",
        model=None,
        sandbox="bubblewrap",
        directory=str(home / "runs" / run_id),
        unchecked=False,
        context=context or {"spec": {"sha256": "b" * 64}},
    )


def lock_of(run: NewRun) -> Path:
    return Path(run.directory, "lock")


def open_ledger(home: Path, *, busy_seconds: float = 30.0) -> Ledger:
    return Ledger.open(home / "ledger.db", busy_seconds=busy_seconds)


def model_call(id: int, step: str = "task/1/implement", usage: Usage = KNOWN) -> ModelCall:
    return ModelCall(
        id=id,
        step=step,
        protocol="anthropic",
        model="claude",
        status=200,
        usage=usage,
        price_table="2025-01-01",
        attempts=1,
        seconds=1.5,
        outcome="ok",
    )
