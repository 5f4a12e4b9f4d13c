"""Lets the agent take the spec apart, and writes the todo: beside the spec, and over nothing unasked."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

from fabrik.errors import UsageError
from fabrik.ledger.codec import decode
from fabrik.ledger.journal import StepContext
from fabrik.outcome import Verdict
from fabrik.prompts.render import render
from fabrik.workflows.briefing import extra_of
from fabrik.workflows.consult import Adviser, Consultation, Told, Unusable, consult
from fabrik.workflows.files import put
from fabrik.workflows.registry import Ended, Workflow
from fabrik.workflows.todo.document import read_plan
from fabrik.workflows.todo.model import MOST_TASKS, Order, Plan, Written
from fabrik.workflows.work import Work

Hear = Callable[[Plan, Path | None], None]  # the tasks, and where they were written


def generate(hear: Hear) -> Workflow:
    """The workflow; hear: is told what came out."""

    async def carry_out(work: Work) -> Ended:
        order: Order = decode(Order, work.context.order)
        plan = await consult(Adviser(work), _asked(work, order))
        out = Path(order.out)

        async def write(_: StepContext) -> Written:
            if order.dry:
                return Written(path=None)
            text = json.dumps(plan.document, indent=2, ensure_ascii=False) + "\n"
            if not put(out, text, work.umask, over=order.force):
                raise UsageError("is there already", where=str(out), todo="add --force to write over it")
            return Written(path=str(out))

        written = await work.journal.step(
            "write", write, result=Written, inputs={"todo": dict(plan.document)}
        )
        hear(plan, Path(written.path) if written.path else None)
        return Ended(verdict=Verdict.DONE)

    return carry_out


def _asked(work: Work, order: Order) -> Consultation[Plan]:
    context = work.context
    shared = {
        "spec_title": context.spec_title,
        "spec": context.spec_text,
        "criteria": "\n".join(
            f"{number}. " + text.replace("\n", "\n   ") for number, text in enumerate(context.accept, 1)
        ),
        "checks": "\n".join(f"- {check.name}: `{check.run}`" for check in context.checks),
        "most": str(MOST_TASKS),
        "extra": extra_of(work),
    }

    def prompt(told: Told) -> str:
        return render(
            "todo",
            {
                **shared,
                "project": told.workspace,
                "repair_problem": told.repair_problem,
                "repair_report": told.repair_report,
                "report_path": told.report,
            },
        )

    def read(data: bytes | None) -> Plan | Unusable:
        return read_plan(data, context.spec_id, context.accept, order.taken)

    return Consultation(key="tasks", prompt=prompt, read=read, inputs={"spec": context.spec.sha256})
