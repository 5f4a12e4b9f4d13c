"""Kill a worker with -9 at every transaction of a small run, resume it, and look at what is left.

`python ledger_crashes.py FLOW HOME MOMENT` prints one JSON object per way of dying. A process of its own,
because it forks: the imports are done once, and each worker is a real process with its own ledger and event
loop.
FLOW: a run of ledger_flows.py.
MOMENT: `before` a transaction begins, `inside` it before it is committed, or `after` it.
`again` kills every start of the run, each one commit later than the one before, until it has come to an end.
"""

from __future__ import annotations

import asyncio
import itertools
import json
import os
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from sqlite3 import Connection as Db
from typing import Any

import ledger_flows
from ledger_flows import RUN_ID
from ledger_support import lock_of, new_run

from fabrik.errors import FabrikError
from fabrik.ledger.journal import Journal
from fabrik.ledger.ownership import claim
from fabrik.ledger.store import Ledger


class DeadlyLedger(Ledger):
    """Kills its process at one of its transactions."""

    moment = ""
    countdown = 0

    @contextmanager
    def transaction(self) -> Iterator[Db]:
        DeadlyLedger.countdown -= 1
        now = DeadlyLedger.countdown == 0
        if now and self.moment == "before":
            os.kill(os.getpid(), signal.SIGKILL)
        with super().transaction() as db:
            yield db
            if now and self.moment == "inside":
                os.kill(os.getpid(), signal.SIGKILL)
        if now and self.moment == "after":
            os.kill(os.getpid(), signal.SIGKILL)


def worker(flow: str, home: Path, ledger_type: type[Ledger]) -> None:
    """One start of the run, which goes as far as it can."""
    with ledger_type.open(home / "ledger.db") as ledger:
        try:
            run = ledger.find_run(RUN_ID)
        except FabrikError:
            run = ledger.create_run(new_run(home, id=RUN_ID))
        with claim(ledger, run.id, lock_of(run)) as ownership:
            if run.status != "shipped":
                asyncio.run(getattr(ledger_flows, flow)(home, ledger, Journal(ledger, ownership)))


def start(flow: str, home: Path, moment: str, countdown: int) -> int:
    """A real process that works on the run; the signal that ended it, or 0 when it came to an end."""
    pid = os.fork()
    if pid == 0:
        try:
            DeadlyLedger.moment, DeadlyLedger.countdown = moment, countdown
            worker(flow, home, DeadlyLedger)
        except BaseException:  # noqa: BLE001 (the end of a forked process, whatever it was)
            sys.excepthook(*sys.exc_info())
            os._exit(1)
        os._exit(0)
    status = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
    if status > 0:
        raise SystemExit(f"a worker failed at {moment} {countdown}")
    return -status


def left(home: Path, moment: str, countdown: int, deaths: int) -> dict[str, Any]:
    """What is in the ledger, and what the steps have done outside it."""
    with Ledger.open(home / "ledger.db") as ledger:
        run = ledger.find_run(RUN_ID)
        events = ledger.events(RUN_ID)
        return {
            "moment": moment,
            "countdown": countdown,
            "deaths": deaths,
            "status": run.status,
            "progress": run.progress,
            "candidate": run.candidate,
            "check": ledger.check(),
            "steps": {s.key: [s.state, s.attempt, s.result] for s in ledger.steps(RUN_ID)},
            "started": [e.step for e in events if e.kind == "step.started"],
            "events": [e.kind if e.step is None else f"{e.kind} {e.step}" for e in events],
            "reports": [report.task for report in ledger.task_reports(RUN_ID)],
            "reviews": [[r.round, r.reviewer, r.commit, r.status] for r in ledger.review_reports(RUN_ID)],
            "summaries": [
                [s.round, s.commit, s.status, len(s.reviewers)] for s in ledger.review_summaries(RUN_ID)
            ],
            "gates": [gate.state for gate in ledger.gates(RUN_ID)],
            "overriding": [gate.overriding for gate in ledger.gates(RUN_ID)],
            "feedback": [
                [said.decision, said.gate, said.notes, said.overriding, said.used_by]
                for said in ledger.feedback(RUN_ID)
            ],
            "calls": [call.outcome for call in ledger.model_calls(RUN_ID)],
            "effects": (home / "effects").read_text().splitlines(),
        }


def main(flow: str, root: Path, moment: str) -> None:
    for countdown in itertools.count(1):
        home = root / f"{moment}-{countdown}"
        home.mkdir()
        deaths = 0
        if moment == "again":
            while start(flow, home, "after", deaths + 1) == signal.SIGKILL:
                deaths += 1
        elif start(flow, home, moment, countdown) == signal.SIGKILL:
            deaths += 1
            start(flow, home, "never", 0)
        sys.stdout.write(json.dumps(left(home, moment, countdown, deaths)) + "\n")
        if deaths == 0 or moment == "again":
            return


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]), sys.argv[3])
