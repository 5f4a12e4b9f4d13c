"""The worker: the one process that owns a run and takes it as far as it can go.

    python -m fabrik.workflows.worker RUN_ID [--ready-fd FD]

It is started detached by `fabrik run`, `run resume` and `approve`. On --ready-fd it writes one JSON line:
{"ok": true}, or {"ok": false, "error": "…", "status": N} when it could not take the run.
"""

from __future__ import annotations

import asyncio
import json
import os
import signal
import sys
import traceback
from contextlib import suppress

from fabrik import paths
from fabrik.errors import FabrikError, LedgerError
from fabrik.ledger.journal import Journal
from fabrik.ledger.ownership import Ownership, claim
from fabrik.ledger.store import Ledger
from fabrik.ledger.types import Run
from fabrik.outcome import EXIT_OF_VERDICT, ExitStatus, Verdict
from fabrik.workflows import evidence
from fabrik.workflows.assemble import assemble
from fabrik.workflows.run_gateway import RunGateway
from fabrik.workflows.ship import ship
from fabrik.workflows.work import Stop, Work
from fabrik.workflows.workspace import open_sandbox, remove_all


def main(argv: list[str]) -> int:
    """Own the run, work on it to its end or to the gate, and return the exit status that says how."""
    run_id = argv[0]
    ready = int(argv[2]) if argv[1:2] == ["--ready-fd"] else None
    os.umask(0o077)
    try:
        ledger = Ledger.open(paths.home().ledger)
        run = ledger.find_run(run_id)
        ownership = claim(ledger, run.id, paths.home().run(run.id).lock)
    except FabrikError as error:
        _tell(ready, {"ok": False, "error": str(error), "status": error.exit_status})
        return error.exit_status
    with ownership:
        try:
            return asyncio.run(_work(ledger, run, ownership, ready))
        except LedgerError:
            traceback.print_exc()
            return ExitStatus.FAILED
        finally:
            with suppress(LedgerError):
                ledger.close()


def _tell(ready: int | None, message: dict[str, object]) -> None:
    if ready is not None:
        with suppress(BrokenPipeError), os.fdopen(ready, "w") as pipe:
            pipe.write(json.dumps(message) + "\n")


async def _work(ledger: Ledger, run: Run, ownership: Ownership, ready: int | None) -> int:
    main_task = asyncio.current_task()
    assert main_task is not None  # noqa: S101
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        loop.add_signal_handler(number, main_task.cancel)
    journal = Journal(ledger, ownership)
    cancelled = run.cancel_requested and run.status in ("running", "waiting")
    if not cancelled and (run.status != "running" or ledger.steps(run.id)):
        await journal.reopen()
    _tell(ready, {"ok": True})  # only now: who follows must not take the old status for the new one
    verdict, reason = await _to_the_end(ledger, run, journal, cancelled=cancelled)
    if verdict is None:
        return ExitStatus.WAITING
    evidence.write(ledger, run.id, verdict.value, reason)
    await journal.finish(verdict, reason)
    return EXIT_OF_VERDICT[verdict]


async def _to_the_end(
    ledger: Ledger, run: Run, journal: Journal, *, cancelled: bool
) -> tuple[Verdict | None, str | None]:
    """The verdict and its reason; (None, None) when the run waits for a human.

    cancelled: the run was cancelled while nobody worked on it.
    """
    gateway: RunGateway | None = None
    try:
        work = await assemble(ledger, run, journal)
        gateway = work.gateway
        await _end_leftovers(work)
        if cancelled:
            return Verdict.CANCELLED, "cancelled"
        if await ship(work) is None:
            return None, None
        await remove_all(work)
        return Verdict.SHIPPED, None
    except Stop as stop:
        if stop.verdict is not Verdict.REJECTED:
            await journal.event("run.stop", verdict=stop.verdict, reason=stop.reason)
        return stop.verdict, stop.reason
    except LedgerError:
        raise
    except FabrikError as error:
        return Verdict.BLOCKED, str(error)
    except asyncio.CancelledError:
        if ledger.find_run(run.id).cancel_requested:
            return Verdict.CANCELLED, "cancelled"
        raise  # the machine goes down, or somebody ended this process: the run stays as it is, to be resumed
    except Exception as error:  # noqa: BLE001 - the worker is the last place that can say what happened
        traceback.print_exc()
        return Verdict.FAILED, f"fabrik itself failed: {type(error).__name__}: {error} (see worker.log)"
    finally:
        if gateway is not None:
            await gateway.close()


async def _end_leftovers(work: Work) -> None:
    """End what an earlier worker of this run, killed in the middle, may have left running."""
    for ref in await work.provider.list(work.paths.sandboxes, {"run": work.run}):
        await open_sandbox(work, ref.labels["purpose"])  # adopting it ends what runs in it


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
