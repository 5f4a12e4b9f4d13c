"""The ledger: the one source of truth about runs. Safe for many processes at once on one machine."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fabrik.errors import LedgerError
from fabrik.ledger import changes
from fabrik.ledger.connection import run_query
from fabrik.ledger.reading import Readings

if TYPE_CHECKING:
    from fabrik.ledger.feedback import Decision
    from fabrik.ledger.types import Feedback, Gate, NewRun, Run


class Ledger(Readings):
    """What anybody may read and what a human may write. A run's own progress is written by its Journal.

    Every method may raise LedgerError and DiskFull.
    """

    def create_run(self, run: NewRun) -> Run:
        """Record a dispatched run. Raises LedgerError when there is one with this id."""
        with self.transaction() as db:
            if run_query(db, "run_state", run=run.id).fetchone() is not None:
                raise LedgerError("there is a run with this id already", where=run.id, todo="use a new id")
            changes.create(db, run)
        return self._run(run.id)

    def request_cancel(self, run_id: str, by: str) -> None:
        """Ask the run's worker to stop. Asking again changes nothing.

        Raises UsageError when there is no such run or it has ended.
        """
        with self.transaction() as db:
            changes.request_cancel(db, run_id, by)

    def set_budget(self, run_id: str, *, usd: float | None, tokens: int | None, by: str) -> None:
        """A human's new budget for a run; None: it stays as it is. It counts from the next worker on.

        Raises UsageError when there is no such run.
        """
        with self.transaction() as db:
            changes.set_budget(db, run_id, usd, tokens, by)

    def record_cleaned(self, run_id: str, *, size: int | None, place: str) -> None:
        """The files of a run are about to be removed; its rows stay. size: bytes, None when unknown.

        Raises UsageError when there is no such run.
        """
        with self.transaction() as db:
            changes.state_of(db, run_id)
            changes.add_event(db, run_id, "run.cleaned", size=size, place=place)

    def decide_gate(
        self, run_id: str, number: int, *, approve: bool, by: str, notes: str | None, end: bool = False
    ) -> Gate:
        """A human's decision at an approval gate, with the feedback for the agent.

        end: who rejects wants the run to end; the event gate.rejected says so, and the worker reads it there.

        The run stays `waiting` until it is resumed. Who approves a gate that has marks overrides them, and
        that is recorded. Raises UsageError when there is no such gate, when it was decided before or a later
        one was opened, or when the run has ended.
        """
        from fabrik.ledger import gates

        with self.transaction() as db:
            return gates.decide_gate(db, run_id, number, approve=approve, by=by, notes=notes, end=end)

    def add_feedback(self, run_id: str, *, decision: Decision, by: str, notes: str) -> Feedback:
        """What a human says about a run at any time, also when it has ended.

        "noted" is for the next step that asks with `Journal.take_feedback`; "approved" and "rejected" are an
        opinion about what was decided already. Raises UsageError when there is no such run, nothing is said,
        or an opinion is given while a gate waits for the decision.
        """
        from fabrik.ledger import feedback

        with self.transaction() as db:
            return feedback.add(db, run_id, decision, by, notes)


__all__ = ["Ledger"]
