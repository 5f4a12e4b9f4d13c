"""The worker: the one process that owns a run and takes it as far as it can go.

    python -m fabrik.workflows.worker RUN_ID [--ready-fd FD]

It is started detached by `fabrik run`, `run resume` and `approve`. On --ready-fd it writes one JSON line:
{"ok": true}, or {"ok": false, "error": "…", "status": N} when it could not take the run.
"""

from __future__ import annotations

import asyncio
import errno
import json
import os
import signal
import sys
import traceback
from contextlib import suppress

from fabrik import paths
from fabrik.errors import DiskFull, FabrikError, Fenced, LedgerError, UsageError
from fabrik.ledger.journal import Journal
from fabrik.ledger.ownership import Ownership, claim
from fabrik.ledger.store import Ledger
from fabrik.ledger.types import Run
from fabrik.outcome import EXIT_OF_VERDICT, ExitStatus, Verdict
from fabrik.workflows import evidence
from fabrik.workflows.assemble import assemble
from fabrik.workflows.last_words import LastWords
from fabrik.workflows.run_gateway import RunGateway
from fabrik.workflows.ship import ship
from fabrik.workflows.work import Stop, Work
from fabrik.workflows.workspace import open_sandbox, remove_all

ENDING = (
    signal.SIGTERM,
    signal.SIGINT,
    signal.SIGHUP,
)  # end the worker: its run is cancelled, or stays resumable
NO_ROOM = (errno.ENOSPC, errno.EDQUOT)


class Starter:
    """Who started this worker, and waits to hear whether it has taken the run. Told once."""

    def __init__(self, descriptor: int | None) -> None:
        self._descriptor = descriptor

    def taken(self) -> None:
        self._tell({"ok": True})

    def refused(self, error: FabrikError) -> None:
        self._tell({"ok": False, "error": str(error), "status": error.exit_status})

    def _tell(self, message: dict[str, object]) -> None:
        if self._descriptor is not None:
            with suppress(BrokenPipeError), os.fdopen(self._descriptor, "w") as pipe:
                pipe.write(json.dumps(message) + "\n")
            self._descriptor = None


class Signals:
    """Lets the first signal cancel the work, and none any more once the work has ended."""

    def __init__(self) -> None:
        task = asyncio.current_task()
        assert task is not None  # noqa: S101
        self._task = task
        self._heard = False
        for number in ENDING:
            asyncio.get_running_loop().add_signal_handler(number, self._hear)
        signal.pthread_sigmask(signal.SIG_UNBLOCK, ENDING)

    def _hear(self) -> None:
        if not self._heard:
            self._heard = True
            self._task.cancel()

    async def no_more(self) -> None:
        """What follows is written to its end. A signal that came at the last moment is taken back."""
        self._heard = True
        with suppress(asyncio.CancelledError):
            await asyncio.sleep(0)


def main(argv: list[str]) -> int:
    """Own the run, work on it to its end or to the gate, and return the exit status that says how."""
    run_id = argv[0]
    starter = Starter(int(argv[2]) if argv[1:2] == ["--ready-fd"] else None)
    umask = os.umask(0o077)
    # From the claim on a signal is how the run is cancelled: it waits until somebody can hear it.
    signal.pthread_sigmask(signal.SIG_BLOCK, ENDING)
    try:
        ledger = Ledger.open(paths.home().ledger)
        places = paths.home().run(ledger.find_run(run_id).id)
        ownership = claim(ledger, places.directory.name, places.lock)
    except FabrikError as error:
        starter.refused(error)
        return error.exit_status
    words = LastWords(places.directory)
    words.keep_room()
    with ownership:
        try:
            status = asyncio.run(_work(ledger, ownership, starter, words, umask))
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
    if isinstance(error, UsageError):
        words.nothing()
        return
    if not isinstance(error, Fenced):  # the file is that of the worker that took the run over
        words.say(str(error))
    with suppress(OSError):
        traceback.print_exception(error)


async def _work(ledger: Ledger, ownership: Ownership, starter: Starter, words: LastWords, umask: int) -> int:
    """Take the run to its verdict, or to the gate. Raises LedgerError, DiskFull where that cannot be written.

    UsageError: the run has ended meanwhile. CancelledError: a signal ended the work, and nobody had asked to
    cancel the run.
    """
    since = ledger.events(ownership.run_id)[-1].seq
    signals = Signals()
    run = ledger.find_run(ownership.run_id)  # as it is now that nobody else can change it
    journal = Journal(ledger, ownership)
    cancelled = run.cancel_requested and run.status in ("running", "waiting") and not _shipped(ledger, run.id)
    if not cancelled and (run.status != "running" or ledger.steps(run.id)):
        await journal.reopen()
    starter.taken()  # only now: who follows must not take the old status for the new one
    verdict, reason = await _to_the_end(ledger, run, journal, umask, since, cancelled=cancelled)
    await signals.no_more()
    if verdict is None:
        return ExitStatus.WAITING
    words.give_room()
    try:
        evidence.write(ledger, run.id, verdict.value, reason)
    except OSError as error:
        raise _no_room(error) or error from error
    await journal.finish(verdict, reason)
    return EXIT_OF_VERDICT[verdict]


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


async def _to_the_end(
    ledger: Ledger, run: Run, journal: Journal, umask: int, since: int, *, cancelled: bool
) -> tuple[Verdict | None, str | None]:
    """The verdict and its reason; (None, None) when the run waits for a human.

    since: the event with which this worker took the run. cancelled: nobody worked on it when it was.
    """
    gateway: RunGateway | None = None
    try:
        work = await assemble(ledger, run, journal, umask)
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


async def _end_leftovers(work: Work) -> None:
    """End what an earlier worker of this run, killed in the middle, may have left running."""
    for ref in await work.provider.list(work.paths.sandboxes, {"run": work.run}):
        await open_sandbox(work, ref.labels["purpose"])  # adopting it ends what runs in it


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
