"""Starts, and cancels, the worker of a run."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import time
from pathlib import Path
from typing import IO

from fabrik import paths
from fabrik.errors import EnvironmentProblem, FabrikError, RunBusy, UsageError
from fabrik.ledger.ownership import owner_process
from fabrik.ledger.store import Ledger
from fabrik.ledger.types import Run
from fabrik.workflows.registry import FOREGROUND, take_up
from fabrik.workflows.stand_by import StandBy, begin, read_answer

CHANGING_SECONDS = (
    15.0  # more than a worker takes between its claim and its first words, or its last and its end
)


def start_worker(
    run_id: str, *, after: int | None = None, cancel: bool = False, ready_made: StandBy | None = None
) -> None:
    """Start the run's worker as a process of its own, and return once it owns the run.

    after: give way to a worker that took the run after this event. cancel: only end a run that is to be
    cancelled. ready_made: a process that waits to become it. Raises RunBusy when another worker does,
    EnvironmentProblem when the worker does not start.
    """
    home = paths.home()
    log = home.run(run_id).worker_log
    options = [*(["--after", str(after)] if after is not None else []), *(["--cancel"] if cancel else [])]
    with _open_log(log) as output:
        answer = ready_made.become(run_id, options, log) if ready_made is not None else None
        if answer is None:
            answer = _started(run_id, options, output)
    if not answer:
        raise EnvironmentProblem(
            "the worker did not start", where=str(log), todo="read this log, then `fabrik run resume` the run"
        )
    said = json.loads(answer)
    if not said["ok"]:
        raise _error(str(said["error"]), int(said["status"]))


def _started(run_id: str, options: list[str], output: IO[bytes]) -> bytes:
    """Start it and wait for its answer; nothing when it gives none."""
    ready, told = os.pipe()
    try:
        process = begin(
            [run_id, "--ready-fd", str(told), *options], stdin=subprocess.DEVNULL, output=output, passed=told
        )
    finally:
        os.close(told)
    answer = read_answer(ready)
    process.returncode = process.returncode or 0  # it outlives this process on purpose
    return answer


def _open_log(log: Path) -> IO[bytes]:
    try:
        log.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        return os.fdopen(os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o600), "ab")
    except OSError as error:
        raise EnvironmentProblem(
            f"the worker's log cannot be written: {error.strerror}",
            where=str(log),
            todo="make room, or make this directory writable; then `fabrik run resume` the run",
        ) from error


def _error(message: str, status: int) -> FabrikError:
    return RunBusy(message) if status == RunBusy.exit_status else FabrikError(message)


def resumable(run: Run) -> None:
    """Raise UsageError when there is nothing to resume, RunBusy when a worker is at it."""
    if run.alive:
        raise RunBusy(
            "this run is already being worked on", where=run.id, todo=f"`fabrik run attach {run.id[-8:]}`"
        )
    if run.workflow in FOREGROUND:
        raise UsageError(
            f"a run of `{run.workflow}` talks with you: it is taken up by its own command",
            where=run.id,
            todo=take_up(run),
        )
    if not Path(run.directory).is_dir():
        raise UsageError(
            "the files of this run are gone: there is nothing to go on with",
            where=run.directory,
            todo="`fabrik run` starts a new one",
        )
    if run.status in ("shipped", "done", "rejected"):
        raise UsageError(
            f"this run has ended ({run.status}), there is nothing to resume",
            where=run.id,
            todo="`fabrik run` starts a new one",
        )


def cancel(run_id: str, by: str = "fabrik run cancel") -> None:
    """Cancel a run: its worker ends the session and all that runs in it, and records the verdict.

    Where no worker lives, one is started to clear up. Raises UsageError when the run has ended.
    """
    with Ledger.open(paths.home().ledger) as ledger:
        run = ledger.find_run(run_id)
        if run.status not in ("running", "waiting"):
            raise UsageError(
                f"this run has ended ({run.status}), there is nothing to cancel",
                where=run.id,
                todo=f"`fabrik runs show {run.id[-8:]}`",
            )
        ledger.request_cancel(run.id, by)
        until = time.monotonic() + CHANGING_SECONDS
        while not (_told_to_end(ledger, run.id) or _ended(ledger, run.id)):
            try:
                start_worker(run.id, cancel=True)
                return
            except RunBusy:
                # A worker comes or goes just now: in a moment it can be told, or a new one be started.
                if time.monotonic() > until:
                    raise
                time.sleep(0.05)


def _told_to_end(ledger: Ledger, run_id: str) -> bool:
    process = owner_process(ledger, run_id)
    if process is None:
        return False
    try:
        os.kill(process.pid, signal.SIGTERM)
    except ProcessLookupError:
        return False
    return True


def _ended(ledger: Ledger, run_id: str) -> bool:
    return ledger.find_run(run_id).status not in ("running", "waiting")
