"""Kill a worker with -9 at every transaction of a small run, resume it, and look at what is left.

`python ledger_crashes.py HOME MOMENT` prints one JSON object per way of dying. A process of its own, because
it forks: the imports are done once, and each worker is a real process with its own ledger and event loop.
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

from ledger_support import lock_of, model_call, new_run

from fabrik.errors import FabrikError
from fabrik.ledger.journal import Journal, StepContext
from fabrik.ledger.ownership import claim
from fabrik.ledger.store import Ledger
from fabrik.ledger.types import TaskReport
from fabrik.outcome import Verdict

RUN_ID = "01JAAAAAAAAAAAAAAAAAAAAA1X"


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


def worker(home: Path, ledger_type: type[Ledger]) -> None:
    """One start of the run, which goes as far as it can."""
    with ledger_type.open(home / "ledger.db") as ledger:
        try:
            run = ledger.find_run(RUN_ID)
        except FabrikError:
            run = ledger.create_run(new_run(home, id=RUN_ID))
        with claim(ledger, run.id, lock_of(run)) as ownership:
            if run.status != "shipped":
                asyncio.run(ship(home, ledger, Journal(ledger, ownership)))


async def ship(home: Path, ledger: Ledger, journal: Journal) -> None:
    await journal.reopen()

    async def implement(context: StepContext) -> str:
        note(home, context)
        await context.event("check.passed", name="unit")
        context.record(TaskReport(task=context.key, step=context.key, status="done", commit="abc"))
        return f"{context.key} is done"

    async def unlucky(context: StepContext) -> str:
        note(home, context)
        if not (home / "luck").exists():
            (home / "luck").touch()
            raise ValueError("no luck")
        return "lucky"

    await journal.step("plan", implement, result=str)
    await asyncio.gather(*(journal.step(f"task/{n}", implement, result=str) for n in (1, 2)))
    call = ledger.calls_started(RUN_ID) + 1
    await journal.call_started(call, "task/1", "anthropic", None)
    await journal.call_finished(model_call(call, step="task/1"))
    await journal.set_progress("2/2 tasks")
    for _ in range(2):
        try:
            await journal.step("unlucky", unlucky, result=str)
            break
        except ValueError:
            continue
    await journal.set_candidate("abc")
    gate = await journal.open_gate(1, "abc", "look")
    if gate.state == "open":
        ledger.decide_gate(RUN_ID, 1, approve=True, by="ann", notes=None)
    await journal.reopen()
    await journal.finish(Verdict.SHIPPED, None)


def note(home: Path, context: StepContext) -> None:
    """The effect of a step outside the ledger."""
    with (home / "effects").open("a") as file:
        file.write(f"{context.key} {context.attempt}\n")


def start(home: Path, moment: str, countdown: int) -> int:
    """A real process that works on the run; the signal that ended it, or 0 when it came to an end."""
    pid = os.fork()
    if pid == 0:
        try:
            DeadlyLedger.moment, DeadlyLedger.countdown = moment, countdown
            worker(home, DeadlyLedger)
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
            "gates": [gate.state for gate in ledger.gates(RUN_ID)],
            "calls": [call.outcome for call in ledger.model_calls(RUN_ID)],
            "effects": (home / "effects").read_text().splitlines(),
        }


def main(root: Path, moment: str) -> None:
    for countdown in itertools.count(1):
        home = root / f"{moment}-{countdown}"
        home.mkdir()
        deaths = 0
        if moment == "again":
            while start(home, "after", deaths + 1) == signal.SIGKILL:
                deaths += 1
        elif start(home, moment, countdown) == signal.SIGKILL:
            deaths += 1
            start(home, "never", 0)
        sys.stdout.write(json.dumps(left(home, moment, countdown, deaths)) + "\n")
        if deaths == 0 or moment == "again":
            return


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2])
