"""The worker: the one process that owns a run and takes it as far as it can go.

    python -m fabrik.workflows.worker RUN_ID [--ready-fd FD] [--after SEQ] [--cancel]
    python -m fabrik.workflows.worker --stand-by WORKFLOW [--ready-fd FD]

It is started detached by `fabrik run`, `run resume`, `run cancel` and `approve`. On --ready-fd it writes one
JSON line: {"ok": true}, or {"ok": false, "error": "…", "status": N} when it could not take the run.
--after: it gives way to a worker that took the run after the event SEQ. --cancel: it only ends a run that is
to be cancelled, and touches none that has ended meanwhile. --stand-by: it hears on stdin which run it is, or
ends (see stand_by.py).
"""

from __future__ import annotations

import asyncio
import errno
import gc
import os
import shutil
import sys
import traceback
from collections.abc import Sequence
from contextlib import nullcontext, suppress

from fabrik import paths
from fabrik.errors import DiskFull, FabrikError, Fenced, LedgerError, RunBusy, UsageError
from fabrik.ledger.journal import Journal
from fabrik.ledger.ownership import Ownership, claim
from fabrik.ledger.reserve import LEDGER_ROOM, beside, set_aside
from fabrik.ledger.store import Ledger
from fabrik.ledger.types import Event, Run
from fabrik.outcome import EXIT_OF_VERDICT, ExitStatus, Verdict
from fabrik.workflows import evidence, known_secrets, registry, stand_by
from fabrik.workflows.assemble import assemble
from fabrik.workflows.cleanup.quiet import tidying
from fabrik.workflows.last_words import LastWords
from fabrik.workflows.logs import sweep
from fabrik.workflows.registry import Workflow
from fabrik.workflows.review.desk import clear
from fabrik.workflows.run_gateway import RunGateway
from fabrik.workflows.work import Stop, Work
from fabrik.workflows.worker_process import Orders, Signals, Starter, hold_signals
from fabrik.workflows.workspace import remove_all

REASON = 2000  # characters of what is said about the end of a run, in one line
NO_ROOM = (errno.ENOSPC, errno.EDQUOT)


def main(argv: list[str]) -> int:
    """Own the run, work on it to its end or to the gate, and return the exit status that says how."""
    if argv[0] == "--stand-by":
        registry.load(argv[1])
        heard = stand_by.told(argv[2:])
        if heard is None:
            return ExitStatus.OK
        argv = heard
    orders = Orders.read(argv)
    starter = Starter(orders.ready)
    umask = os.umask(0o077)
    hold_signals()
    if sys.version_info < (3, 12):  # later ones do so by themselves: no thread for each git that is started
        asyncio.set_child_watcher(asyncio.PidfdChildWatcher())
    try:
        ledger = Ledger.open(paths.home().ledger)
        places = paths.home().run(ledger.find_run(orders.run).id)
        ownership = claim(ledger, places.directory.name, places.lock)
    except FabrikError as error:
        starter.refused(error)
        return error.exit_status
    known_secrets.redact_stderr()
    words = LastWords(places.directory)
    words.keep_room()
    set_aside(beside(ledger.path), LEDGER_ROOM)
    with ownership:
        try:
            status = asyncio.run(_work(ledger, ownership, orders, starter, words, umask))
            words.nothing()
            return status
        except FabrikError as error:
            starter.refused(error)
            _leave(words, error)
            return error.exit_status
        except asyncio.CancelledError:
            words.say("it was told to end by a signal")
            return ExitStatus.INTERRUPTED
        finally:
            with suppress(LedgerError):
                ledger.close()


def _leave(words: LastWords, error: FabrikError) -> None:
    """End without a verdict: the ledger cannot be written, or there is nothing to be done."""
    if isinstance(error, (UsageError, RunBusy)):
        words.nothing()
        return
    if not isinstance(error, Fenced):  # the file is that of the worker that took the run over
        words.say(str(error))
    with suppress(OSError):
        traceback.print_exception(error)


async def _work(
    ledger: Ledger, ownership: Ownership, orders: Orders, starter: Starter, words: LastWords, umask: int
) -> int:
    """Take the run to its verdict, or to the gate. Raises LedgerError, DiskFull where that cannot be written.

    UsageError, RunBusy: the run has ended, or was taken, meanwhile; or another loop has its branch.
    CancelledError: a signal ended the work, and nobody had asked to cancel the run.
    """
    events = ledger.events(ownership.run_id)
    since = events[-1].seq
    signals = Signals()
    run = ledger.find_run(ownership.run_id)  # as it is now that nobody else can change it
    if orders.after is not None:
        _give_way(run, [event for event in events if event.seq > orders.after])
    to_cancel = run.cancel_requested and run.status in ("running", "waiting")
    if orders.cancel and not to_cancel:
        starter.taken()
        return ExitStatus.OK
    journal = Journal(ledger, ownership, known_secrets.gather(run.context))
    cancelled = to_cancel and not _shipped(ledger, run.id)
    with nullcontext() if cancelled else registry.alone(run):
        if not cancelled and (run.status != "running" or ledger.steps(run.id)):
            await journal.reopen()
        starter.taken()  # only now: who follows must not take the old status for the new one
        signals.begin()
        workflow = None if cancelled else registry.load(run.workflow)
        gc.freeze()  # the modules stay to the end: no garbage is looked for in them any more
        async with tidying(ledger, paths.home(), run.id):
            try:
                verdict, said = await to_the_end(ledger, run, journal, umask, since, workflow)
            finally:
                with suppress(OSError):
                    await asyncio.shield(asyncio.to_thread(sweep, paths.home().run(run.id).logs))
        await signals.no_more()
        if verdict is None:
            return ExitStatus.WAITING
        words.give_room()
        await record_end(ledger, run, journal, verdict, said)
        return EXIT_OF_VERDICT[verdict]


async def record_end(ledger: Ledger, run: Run, journal: Journal, verdict: Verdict, said: str | None) -> None:
    """Write the evidence page, then the verdict. Raises LedgerError, DiskFull, OSError."""
    reason = " ".join(said.split())[:REASON] if said else None  # agents and humans may have said a part of it
    try:
        evidence.write(ledger, run.id, verdict.value, reason)
    except OSError as error:
        raise _no_room(error) or error from error
    await journal.finish(verdict, reason)


def _give_way(run: Run, events: Sequence[Event]) -> None:
    """Raise RunBusy when another worker took the run since it was looked at: it did what we are to do."""
    if [event.kind for event in events].count("run.claimed") > 1:
        raise RunBusy(
            "another process took this run at the same time",
            where=run.id,
            todo=f"watch it with `fabrik run attach {run.id[-8:]}`",
        )


def _shipped(ledger: Ledger, run_id: str) -> bool:
    """The branch is there: it is too late to cancel the run."""
    return any(step.key == "ship" and step.state == "finished" for step in ledger.steps(run_id))


def _asked_to_cancel(ledger: Ledger, run_id: str, since: int) -> bool:
    """Whether a signal that came was meant to cancel the run, and not only to end this process."""
    asked = any(event.kind == "run.cancel_requested" for event in ledger.events(run_id, after=since))
    return (asked or ledger.find_run(run_id).cancel_requested) and not _shipped(ledger, run_id)


def _no_room(error: OSError) -> DiskFull | None:
    if error.errno not in NO_ROOM:
        return None
    return DiskFull(
        "no room is left to write",
        where=str(error.filename or paths.home().directory),
        todo="make room, then resume: what was recorded before is safe",
    )


async def to_the_end(
    ledger: Ledger, run: Run, journal: Journal, umask: int, since: int, workflow: Workflow | None
) -> tuple[Verdict | None, str | None]:
    """The verdict and its reason; (None, None) when the run waits for a human.

    since: the event with which this worker took the run. workflow: None when the run was cancelled while
    nobody worked on it. Raises LedgerError; CancelledError when the run is to stay as it is.
    """
    gateway: RunGateway | None = None
    work: Work | None = None
    try:
        if workflow is None and run.workflow == "judge":  # it has neither a repository nor a sandbox
            shutil.rmtree(paths.doors_directory(run.id), ignore_errors=True)
            return Verdict.CANCELLED, "cancelled"
        work = await assemble(ledger, run, journal, umask)
        gateway = work.gateway
        if workflow is None:
            return Verdict.CANCELLED, "cancelled"
        ended = await workflow(work)
        if ended is None:
            return None, None
        await remove_all(work)
        return ended.verdict, ended.reason
    except Stop as stop:
        if stop.verdict is not Verdict.REJECTED:
            await journal.event(
                "run.stop", verdict=stop.verdict, reason=stop.reason, met_again=stop.met_again
            )
        return stop.verdict, stop.reason
    except LedgerError:
        raise
    except FabrikError as error:
        return Verdict.BLOCKED, str(error)
    except asyncio.CancelledError:
        if _asked_to_cancel(ledger, run.id, since):
            return Verdict.CANCELLED, "cancelled"
        raise  # the machine goes down, or somebody ended this process: the run stays as it is, to be resumed
    except Exception as error:  # noqa: BLE001 - the worker is the last place that can say what happened
        if isinstance(error, OSError) and (full := _no_room(error)):
            return Verdict.BLOCKED, str(full)
        with suppress(OSError):
            traceback.print_exc()
        return Verdict.FAILED, f"fabrik itself failed: {type(error).__name__}: {error} (see worker.log)"
    finally:
        if gateway is not None:
            await gateway.close()
        if work is not None:
            with suppress(FabrikError, OSError):  # the next start of the run does it, then
                await clear(work)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
