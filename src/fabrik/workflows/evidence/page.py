"""The page as a whole, and how it is written."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from fabrik import paths
from fabrik.workflows import known_secrets
from fabrik.workflows.evidence.glance import glance
from fabrik.workflows.evidence.head import head, inputs
from fabrik.workflows.evidence.loop import iterations
from fabrik.workflows.evidence.people import feedback, gates
from fabrik.workflows.evidence.reviews import findings, reviews, verifier
from fabrik.workflows.evidence.verification import tampering, verification
from fabrik.workflows.evidence.work import sessions, tasks, usage
from fabrik.workflows.record import RunRecord, read

if TYPE_CHECKING:
    from fabrik.ledger.store import Ledger
    from fabrik.ledger.types import Gate, RunStatus

PAGE = "evidence.md"


def write(
    ledger: Ledger, run_id: str, status: RunStatus, reason: str | None, *, opening: Gate | None = None
) -> None:
    """Write the page beside the run's other reports, all at once, as it is with this status.

    It is written before the status is recorded, so that no crash leaves a run that ended without its page.
    opening: the gate that is about to be opened; the page begins with what is to be decided there.
    Raises LedgerError, OSError.
    """
    run = replace(ledger.find_run(run_id), status=status, failure_reason=reason)
    record = read(ledger, run, calls=True)
    if opening is not None and all(gate.number != opening.number for gate in record.gates):
        record = replace(record, gates=(*record.gates, opening))
    page = paths.home().run(run.id).reports / PAGE
    page.parent.mkdir(parents=True, exist_ok=True)
    aside = page.with_suffix(".tmp")
    aside.write_text(known_secrets.redactor().text(render(record)), encoding="utf-8", errors="replace")
    aside.rename(page)


def render(record: RunRecord) -> str:
    """The page as Markdown. Pure."""
    sections = [
        head(record),
        iterations(record),
        glance(record) if record.run.workflow != "loop" else "",
        verification(record),
        tampering(record),
        verifier(record),
        reviews(record),
        findings(record),
        tasks(record) if record.run.workflow != "loop" else "",
        gates(record),
        feedback(record),
        sessions(record),
        usage(record),
        inputs(record),
    ]
    return "\n\n".join(section for section in sections if section) + "\n"
