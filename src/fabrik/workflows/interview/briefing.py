"""What the agent is told in an interview: what is known so far, for one step of it."""

from __future__ import annotations

from collections.abc import Sequence
from textwrap import indent

from fabrik.prompts.render import fence, render
from fabrik.workflows.consult import Told
from fabrik.workflows.interview.model import CHANGE, Exchange, Kind, Order, Question
from fabrik.workflows.interview.talk import Talk

KINDS: dict[Kind, str] = {
    "feature": "a new feature",
    "bug": "a bug",
    "refactoring": "a refactoring",
    "release": "a slice of a release",
}


def prompt_of(told: Told, order: Order, talk: Talk, extra: str) -> str:
    """The prompt of one step. extra: what the owner of the project adds."""
    return render(
        "interview",
        {
            "name": order.id or "a new specification",
            "number": str(min(talk.number, order.most)),
            "most": str(order.most),
            "idea": fence(order.about) if order.about else "",
            **{kind: name if kind == order.kind else "" for kind, name in KINDS.items()},
            "project": "" if order.no_project else told.workspace,
            "no_project": order.no_project,
            "asked": asked_so_far(talk.exchanges),
            "draft": fence(talk.draft.markdown, "markdown") if talk.draft else "",
            "finish": talk.finish,
            "repair_problem": told.repair_problem,
            "repair_report": told.repair_report,
            "report_path": told.report,
            "extra": extra,
        },
    )


def asked_so_far(exchanges: Sequence[Exchange]) -> str:
    """Questions and answers, numbered."""
    return "\n".join(_exchange(number, exchange) for number, exchange in enumerate(exchanges, 1))


def _exchange(number: int, exchange: Exchange) -> str:
    asked = exchange.asked
    parts = [asked.text if isinstance(asked, Question) else CHANGE]
    if isinstance(asked, Question) and asked.options and exchange.answer not in (None, *asked.options):
        offered = "; ".join(f"({n}) {option}" for n, option in enumerate(asked.options, 1))
        parts.append(f"You offered: {offered}")
    parts.append(f"Answer: {'(skipped)' if exchange.answer is None else exchange.answer}")
    head = f"{number}. "
    return head + indent("\n\n".join(parts), " " * len(head)).strip() + "\n"
