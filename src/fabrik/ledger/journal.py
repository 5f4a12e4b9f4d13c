"""The journal: how a worker writes its run. Finished steps are never run twice, whatever happens between.

A step is written twice, each time in one transaction that also compares the owner's fence: its intent
before it starts; its result, its reports and its event when it ends. A process that dies in between leaves
the intent, and the step starts again, as its next attempt, when the run is resumed.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from sqlite3 import Connection as Db
from typing import Any, TypeVar

from fabrik.errors import DiskFull, FabrikError, Fenced, LedgerError
from fabrik.ledger import calls, changes, codec, feedback, gates, reserve, steps
from fabrik.ledger.connection import to_json
from fabrik.ledger.ownership import Ownership
from fabrik.ledger.reports import Report
from fabrik.ledger.store import Ledger
from fabrik.ledger.types import Feedback, Gate
from fabrik.outcome import EXIT_OF_VERDICT, Verdict
from fabrik.redaction import Redactor
from fabrik.usage import ModelCall, WireProtocol

T = TypeVar("T")
R = TypeVar("R")

TELL_SECONDS = 0.2  # the longest that what is told waits for a transaction to go with


class StepContext:
    """What a step knows of itself, and how it tells what happens while it works."""

    def __init__(self, journal: Journal, key: str, attempt: int, inputs: Mapping[str, Any]) -> None:
        self.key = key
        self.attempt = attempt  # 1: the first start; more: an earlier one was cut off or failed
        self.inputs = inputs
        self.reports: list[Report] = []
        self._journal = journal

    async def event(self, kind: str, **data: Any) -> None:
        """Write an event of this step at once. Raises Fenced, LedgerError, DiskFull."""
        await self._journal.event(kind, step=self.key, **data)

    def tell(self, kind: str, **data: Any) -> None:
        """Write an event of this step soon: see `Journal.tell`."""
        self._journal.tell(kind, step=self.key, **data)

    def record(self, report: Report) -> None:
        """Keep a report for the transaction that writes the step's result; a step that fails leaves none."""
        self.reports.append(report)


class Journal:
    """Writes one run, for its owner, from one event loop.

    Every coroutine may raise Fenced (the run is no longer ours: end quietly), LedgerError and DiskFull; that
    only when what `reserve` had set aside for a full disk is used up, too.
    A cancelled one ends only when the transaction that was under way has ended too.
    redactor: every text that is written passes it first.
    """

    def __init__(self, ledger: Ledger, ownership: Ownership, redactor: Redactor | None = None) -> None:
        self._redactor = redactor or Redactor()
        self._ledger = ledger
        self._ownership = ownership
        self._run = ownership.run_id
        self._live: set[str] = set()  # keys of the steps that run now, in this process
        self._turn = asyncio.Lock()  # one transaction at a time, in the order in which they were asked for
        # A thread of its own: those of the event loop may all be busy, with what waits for this journal.
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="journal")
        self._cancel = False  # as the last transaction saw it
        self._told: list[Callable[[Db], None]] = []  # in order; written with the next transaction
        self._telling: asyncio.Task[None] | None = None

    async def step(
        self,
        key: str,
        fn: Callable[[StepContext], Awaitable[T]],
        *,
        result: type[T],
        inputs: Mapping[str, Any] = {},
    ) -> T:
        """Run a step once in the run's life and give its result, now and ever after.

        key: its identity, such as `task/3/implement#2`. result: the declared type of the result, see
        codec.py; what is returned was stored and read back, so it is the same after a resume.
        inputs: what the step depends on; when they differ from those of a finished step, an event says
        which, and the stored result still counts.

        Whatever fn raises is recorded as the step's failure and raised again; a cancellation,
        KeyboardInterrupt and Fenced record nothing. Raises RuntimeError when the key runs already or the
        run has ended or waits, codec.Mismatch when the result or the inputs are not of a kind that can be
        stored, LedgerError when the stored result does not fit the declared type.
        """
        if key in self._live:
            raise RuntimeError(f"step {key} was started while it runs")
        wanted = to_json(self._redactor.value(codec.plain(inputs)))
        self._live.add(key)
        try:
            start = await self._begin(key, wanted)
            if start.finished:
                return self._stored(key, result, start.result)
            return await self._perform(StepContext(self, key, start.attempt, inputs), fn, result)
        finally:
            self._live.discard(key)

    async def _perform(
        self, context: StepContext, fn: Callable[[StepContext], Awaitable[T]], kind: type[T]
    ) -> T:
        run, key, attempt = self._run, context.key, context.attempt
        began = time.monotonic()
        try:
            data = self._redactor.value(codec.encode(kind, await fn(context)))
            value = codec.decode(kind, data)
        except Fenced:
            raise
        except Exception as error:
            failure = self._redactor.text(f"{type(error).__name__}: {error}")
            await self._write(lambda db: steps.fail(db, run, key, attempt, failure))
            raise
        text, seconds = to_json(data), time.monotonic() - began
        reports = self._redactor.value(context.reports)
        await self._write(
            lambda db: steps.finish(db, run, key, attempt, result=text, recorded=reports, seconds=seconds)
        )
        return value

    async def _begin(self, key: str, inputs: str) -> steps.Start:
        # A run that is resumed passes all of its finished steps: that needs no place in the queue of writers.
        return await self._write(
            lambda db: steps.begin(db, self._run, key, inputs),
            unless=lambda db: steps.replay(db, self._run, key, inputs),
        )

    def _stored(self, key: str, kind: type[T], data: Any) -> T:
        try:
            return codec.decode(kind, data)
        except codec.Mismatch as error:
            raise LedgerError(
                f"the stored result of step {key} does not fit this version of fabrik ({error})",
                where=self._run,
                todo="resume the run with the version that started it, or start a new run",
            ) from error

    async def event(self, kind: str, *, step: str | None = None, **data: Any) -> None:
        """Write an event of the run at once. The data must be plain JSON."""
        clean = self._redactor.value(data)
        await self._write(lambda db: changes.add_event(db, self._run, kind, step, **clean))

    def tell(self, kind: str, *, step: str | None = None, **data: Any) -> None:
        """Write an event soon: with the next transaction, or after TELL_SECONDS. For those who watch.

        A crash may lose it, so nothing may depend on it. It saves a transaction of its own, which waits for
        the disk.
        """
        at, text = time.time(), self._redactor.value(codec.plain(data))
        self._soon(lambda db: changes.add_event_of(db, self._run, at, kind, step, text))

    def tell_progress(self, text: str) -> None:
        """Say how far the run is, for lists: `2/5 tasks`. Written like what is told."""
        clean = self._redactor.text(text)
        self._soon(lambda db: changes.set_progress(db, self._run, clean))

    def tell_candidate(self, commit: str) -> None:
        """Say which commit is the run's newest result, for lists. Written like what is told."""
        self._soon(lambda db: changes.set_candidate(db, self._run, commit))

    def _soon(self, write: Callable[[Db], None]) -> None:
        self._told.append(write)
        self._tell_on()

    def _tell_on(self) -> None:
        if self._told and (self._telling is None or self._telling.done()):
            self._telling = asyncio.create_task(self._tell_later())

    async def _tell_later(self) -> None:
        while self._told:
            await asyncio.sleep(TELL_SECONDS)
            if self._told:
                try:
                    await self._write(lambda _: None)
                except FabrikError:
                    return  # the next write that counts meets the same trouble, and says so

    async def set_progress(self, text: str) -> None:
        """Say how far the run is, for lists: `2/5 tasks`."""
        clean = self._redactor.text(text)
        await self._write(lambda db: changes.set_progress(db, self._run, clean))

    async def set_candidate(self, commit: str) -> None:
        """Put a commit forward as finished."""
        await self._write(lambda db: changes.set_candidate(db, self._run, commit))

    async def open_gate(
        self,
        number: int,
        candidate: str,
        reason: str,
        *,
        marks: Sequence[str] = (),
        approved_by: str | None = None,
    ) -> Gate:
        """Let the run wait for a human; the gate of this number is opened once and then given as it is.

        marks: what speaks against the candidate. While nobody has decided, marks that differ from those of
        the gate take their place, and the reason with them.
        approved_by: who approved it in advance; then it is opened and approved in one transaction, and the
        run does not wait. A gate with marks waits all the same.

        A gate that has been decided does not make the run wait: look at the state of what is returned.
        Raises RuntimeError when the number was used for another candidate, when it is undecided and a later
        one was opened, or when the run has ended.
        """
        return await self._write(
            lambda db: gates.open_gate(
                db,
                self._run,
                number,
                candidate,
                self._redactor.text(reason),
                self._redactor.value(tuple(marks)),
                approved_by,
            )
        )

    async def take_feedback(self, step: str) -> tuple[Feedback, ...]:
        """The notes for the prompt of a step that is about to start; each is given to one step only.

        A step that is started again gets those that it got before, and what was noted since. One that has
        finished gets what it got, and takes nothing. Writes only when there is something new.
        """
        return await self._write(
            lambda db: feedback.take(db, self._run, step),
            unless=lambda db: feedback.given(db, self._run, step),
        )

    async def finish(self, verdict: Verdict, reason: str | None) -> None:
        """End the run. reason: one line a person can act on, unless all went well.

        Doing it twice changes nothing; raises RuntimeError for a second, different verdict.
        """
        clean = self._redactor.value(reason)
        await self._write(lambda db: changes.finish(db, self._run, verdict, EXIT_OF_VERDICT[verdict], clean))

    async def reopen(self) -> None:
        """Make a run that is resumed a running one, and forget a request to cancel it.

        Raises UsageError when it was shipped or rejected.
        """
        await self._write(lambda db: changes.reopen(db, self._run))

    def cancel_requested(self) -> bool:
        """Whether somebody asked the run to stop. Cheap, and it never waits for the ledger: ask often.

        While a transaction is under way it gives what the one before saw. Raises LedgerError.
        """
        if not self._turn.locked():
            self._cancel = self._ledger.cancel_requested(self._run)
        return self._cancel

    async def call_started(self, id: int, step: str, protocol: WireProtocol, model: str | None) -> None:
        """Write that a model call begins: should its end never be seen, its cost stays unknown, not 0."""
        clean = self._redactor.value(model)
        await self._write(lambda db: calls.start(db, self._run, id, step, protocol, clean))

    async def call_finished(self, call: ModelCall) -> None:
        """Write the end of a model call. Raises RuntimeError when it is written already."""
        clean = self._redactor.value(call)
        await self._write(lambda db: calls.finish(db, self._run, clean))

    async def _write(self, work: Callable[[Db], R], *, unless: Callable[[Db], R | None] | None = None) -> R:
        """Do this in a transaction. unless: reads the result, where there is nothing to do."""
        committed = False

        def unit() -> R:
            nonlocal committed
            if unless is not None and (known := self._known(unless)) is not None:
                return known
            with self._ledger.transaction() as db:
                self._cancel = bool(self._ownership.check(db)["cancel_requested"])
                for write in told:
                    write(db)
                found = work(db)
            committed = True
            return found

        async with self._turn:
            told, self._told = self._told, []
            try:
                while True:
                    try:
                        return await self._hop(unit)
                    except DiskFull:
                        # What was set aside for this moment, unless other workers have had it.
                        if not reserve.give_back(reserve.beside(self._ledger.path)):
                            raise
            finally:
                if not committed:
                    self._told[:0] = (
                        told  # not written, or rolled back with the rest: they go with the next one
                    )
                    self._tell_on()

    def _known(self, look: Callable[[Db], R | None]) -> R | None:
        with self._ledger.reading() as db:
            self._cancel = bool(self._ownership.check(db)["cancel_requested"])
            return look(db)

    async def _hop(self, work: Callable[[], R]) -> R:
        """One unit of work on the thread. Under `_turn`."""
        hop = asyncio.get_running_loop().run_in_executor(self._thread, work)
        try:
            return await asyncio.shield(hop)
        except asyncio.CancelledError:
            # The thread cannot be stopped. Who cancels, however often, must find the ledger at rest then.
            while not hop.done():
                with suppress(asyncio.CancelledError):
                    await asyncio.wait([hop])
            if not hop.cancelled():
                hop.exception()  # seen; the cancellation is what counts
            raise
