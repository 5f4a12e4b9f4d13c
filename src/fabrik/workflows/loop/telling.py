"""What the sessions of a loop are told: the project's own prompt, and how they are run. See prompts/."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from fabrik.ledger.types import Feedback
from fabrik.playbook import variables
from fabrik.playbook.layout import PLAN
from fabrik.prompts.render import fence, render
from fabrik.workflows.briefing import Prompt, told_by
from fabrik.workflows.loop.order import Round, SealedLoop
from fabrik.workflows.results import CheckResult, SessionResult
from fabrik.workflows.work import Work

_PROMPTS = Path(__file__).parent / "prompts"
LISTED = 200  # paths in a prompt


def first(work: Work, order: SealedLoop, number: int, refused: str = "") -> Prompt:
    """The first prompt of an iteration: the project's own, with its variables filled in.

    refused: why what the iteration before left was no plan.
    """
    values = {**order.values, "ITERATION": str(number)}
    text = variables.fill(order.prompt, values, where=order.prompt_name)

    def fill(report: str, people: Sequence[Feedback]) -> str:
        return f"{text.rstrip()}\n\n{_session(work, order, number, report, people, refused)}"

    return fill


def fix(work: Work, order: SealedLoop, number: int, attempt: int, ran: SessionResult, found: Round) -> Prompt:
    """Back to a fresh session, with the real output of what failed."""
    setup, again = found.results.setup_problem, found.guarded.checks
    parts = ([fence(setup)] if setup else []) + [_failed(check) for check in found.results.failed]
    mine = {
        "attempt": str(attempt),
        "iteration": str(number),
        "branch": work.branch,
        "plan": PLAN,
        "undone": _list(found.undone),
        "restored": "yes" if found.restored else "",
        "untested": _list(found.untested),
        "failures": "\n\n".join(parts),
        "guarded": _list(found.guarded.against),
        "guarded_failures": "\n\n".join(_failed(check) for check in again.failed) if again else "",
        "changed": _list(found.files[:LISTED]),
        "notes": _list(ran.notes),
    }
    text = render("fix", mine, _PROMPTS / "fix.md")

    def fill(report: str, people: Sequence[Feedback]) -> str:
        return f"{text}\n{_session(work, order, number, report, people)}"

    return fill


def _session(
    work: Work,
    order: SealedLoop,
    number: int,
    report: str,
    people: Sequence[Feedback],
    refused: str = "",
) -> str:
    commands = "\n".join(check.run for check in work.context.checks)
    of = f" of {order.most}" if order.most else ""
    values = {
        "iteration": f"{number}{of}",
        "branch": work.branch,
        "plan": PLAN,
        "refused": refused,
        "plans": "" if order.builds else "yes",
        "builds": "yes" if order.builds else "",
        "checks": fence(commands, "sh") if commands and order.builds else "",
        "report_path": report,
        "people": told_by([*people]),
    }
    return render("session", values, _PROMPTS / "session.md")


def _failed(check: CheckResult) -> str:
    how = f"stopped by its {check.stopped_by} limit" if check.stopped_by else f"exit status {check.status}"
    return f"### `{check.run}`: {how}\n\n{fence(check.tail or '(no output)')}"


def _list(lines: Sequence[str]) -> str:
    return "\n".join("- " + "\n  ".join(line.splitlines()) for line in lines)


def message(work: Work, order: SealedLoop, number: int) -> str:
    """The message for work that a session leaves uncommitted."""
    what = "Plan" if not order.builds else "Build"
    return (
        f"{what}: iteration {number} on {work.branch}\n\nFabrik-Run: {work.run}\nFabrik-Iteration: {number}"
    )
