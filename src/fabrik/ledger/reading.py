"""What can be asked of a ledger. Every answer comes from one statement, so it is one consistent moment."""

from __future__ import annotations

import re
from collections.abc import Collection
from sqlite3 import Row
from typing import TYPE_CHECKING

from fabrik.errors import UsageError
from fabrik.ledger import rows
from fabrik.ledger.connection import Connection, to_json
from fabrik.usage import ModelCall, Usage, total

if TYPE_CHECKING:
    from fabrik.ledger.types import (
        Event,
        Feedback,
        Gate,
        ReviewReport,
        ReviewSummary,
        Run,
        RunStatus,
        Step,
        TaskReport,
    )

_REF = re.compile(r"[0-9A-Z]{1,26}")  # more than Crockford's letters: a mistyped one is "not found"
_CANDIDATES_SHOWN = 8


class Readings(Connection):
    """A ledger, to read from. Every method may raise LedgerError."""

    def find_run(self, ref: str) -> Run:
        """The run that is meant by its id, by the beginning or end of it (in any case), or by "last".

        Raises UsageError when there is none, or more than one: then with the candidates.
        """
        if ref.lower() == "last":
            newest = self._read("run_last")
            if not newest:
                raise UsageError("there is no run yet", todo="start one with `fabrik run --spec PATH`")
            return self._run(newest[0]["id"])
        wanted = ref.upper()
        found = self._read("run_find", ref=wanted) if _REF.fullmatch(wanted) else []
        found = [row for row in found if row["id"] == wanted] or found
        if not found:
            raise UsageError(f"there is no run '{ref}'", todo="`fabrik runs list` shows the runs")
        if len(found) > 1:
            lines = [f"{row['id']}  {row['status']}  {row['spec_id']}" for row in found[:_CANDIDATES_SHOWN]]
            if len(found) > _CANDIDATES_SHOWN:
                lines.append(f"and {len(found) - _CANDIDATES_SHOWN} more")
            raise UsageError(
                f"'{ref}' may mean {len(found)} runs:\n  " + "\n  ".join(lines),
                todo="give more characters of the id; its last ones tell runs apart best",
            )
        return self._run(found[0]["id"])

    def list_runs(
        self,
        *,
        limit: int | None = 20,
        status: RunStatus | None = None,
        workflow: str | None = None,
        without: str | None = None,
    ) -> list[Run]:
        """Runs, the one dispatched last first. limit None: all of them.

        workflow: only those of this one. without: none of those of this one.
        """
        most = -1 if limit is None else limit
        return self._runs(limit=most, status=status, workflow=workflow, without=without)

    def events(self, run_id: str, *, after: int = 0, limit: int | None = None) -> list[Event]:
        """The run's events in order, those after a seq."""
        found = self._read("event_list", run=run_id, after=after, limit=-1 if limit is None else limit)
        return [rows.event(row) for row in found]

    def last_event(self, run_id: str, kinds: Collection[str] | None = None) -> Event | None:
        """The run's newest event, or its newest of one of these kinds; None when there is none.

        However many events the run has, only a few places of an index are looked at.
        """
        if kinds is None:
            found = self._read("event_last", run=run_id)
        else:
            found = self._read("event_last_of", run=run_id, kinds=to_json(sorted(kinds)))
        return rows.event(found[0]) if found else None

    def steps(self, run_id: str) -> list[Step]:
        """The run's steps in the order of their first start."""
        return [rows.step(row) for row in self._read("step_list", run=run_id)]

    def task_reports(self, run_id: str) -> list[TaskReport]:
        """What the host found out about the run's tasks, oldest first."""
        return [rows.task_report(row) for row in self._read("task_report_list", run=run_id)]

    def review_reports(self, run_id: str, *, limit: int = 1000) -> list[ReviewReport]:
        """What the reviewers of the run said, or why they did not: the newest `limit`, oldest first."""
        return [rows.review_report(row) for row in self._read("review_report_list", run=run_id, limit=limit)]

    def review_summaries(self, run_id: str, *, limit: int = 1000) -> list[ReviewSummary]:
        """What the run's rounds of reviews came to: the newest `limit`, oldest first."""
        return [
            rows.review_summary(row) for row in self._read("review_summary_list", run=run_id, limit=limit)
        ]

    def gates(self, run_id: str) -> list[Gate]:
        """The run's approval gates by number."""
        return [rows.gate(row) for row in self._read("gate_list", run=run_id)]

    def feedback(self, run_id: str) -> list[Feedback]:
        """What humans said about the run, with and without a gate, oldest first."""
        return [rows.feedback(row) for row in self._read("feedback_list", run=run_id)]

    def feedback_on_spec(self, spec_path: str, *, limit: int = 20) -> list[Feedback]:
        """What humans said in words about any run of a spec: the newest `limit`, newest last."""
        found = self._read("feedback_on_spec", spec_path=spec_path, limit=limit)
        return [rows.feedback(row) for row in found]

    def unused_feedback(self, run_id: str) -> int:
        """How many notes about the run no step was told yet. Cheap."""
        return int(self._read("feedback_unused", run=run_id)[0][0])

    def model_calls(self, run_id: str, step: str | None = None) -> list[ModelCall]:
        """The model calls of a run, or of one of its steps, in order of start.

        A call that is under way, or whose end was never seen, has outcome "cut" and unknown usage.
        """
        return [rows.model_call(row) for row in self._read("call_list", run=run_id, step=step)]

    def calls_started(self, run_id: str) -> int:
        """The highest number that a model call of the run has; 0 when there was none."""
        return int(self._read("call_last", run=run_id)[0][0])

    def usage(self, run_id: str) -> Usage:
        """What all model calls of a run used."""
        return total(call.usage for call in self.model_calls(run_id))

    def usage_of_step(self, run_id: str, step: str) -> Usage:
        """What the model calls of one step used."""
        return total(call.usage for call in self.model_calls(run_id, step))

    def cancel_requested(self, run_id: str) -> bool:
        """Whether somebody asked the run to stop; False when there is no such run."""
        found = self._read("run_state", run=run_id)
        return bool(found and found[0]["cancel_requested"])

    def owner_row(self, run_id: str) -> Row | None:
        """Who claimed the run last: workdir, fence, process. See ownership.owner_process."""
        found = self._read("run_owner", run=run_id)
        return found[0] if found else None

    def _run(self, run_id: str) -> Run:
        return self._runs(run_id=run_id)[0]

    def _runs(
        self,
        *,
        run_id: str | None = None,
        status: str | None = None,
        limit: int = -1,
        workflow: str | None = None,
        without: str | None = None,
    ) -> list[Run]:
        which = {"id": run_id, "status": status, "workflow": workflow, "without": without}
        return [rows.run(row) for row in self._read("run_list", **which, limit=limit)]
