"""What the tests of interviews share: an order, a spec as an agent proposes it, and its report."""

from __future__ import annotations

import json
from typing import Any

from fabrik.workflows.consult import Unusable
from fabrik.workflows.interview.document import read_report
from fabrik.workflows.interview.model import Asked, Order, Proposal, Question
from fabrik.workflows.interview.talk import Talk

ORDER = Order(
    about="find notes",
    kind=None,
    id=None,
    directory="/specs",
    as_json=False,
    most=12,
    today="2026-11-20",
    taken=("old",),
    no_project="",
)


def spec(**more: Any) -> dict[str, Any]:
    """A good spec; None takes a key away."""
    values: dict[str, Any] = {
        "id": "find-notes",
        "title": "Find notes by their text",
        "goals": ["people find a note by a word in it"],
        "req": {"behavior": ["`notes find WORD` prints one line for each note"]},
        "accept": ["`notes find milk` prints the note with milk", "without a match it ends with 1"],
        "checks": [{"name": "tests", "run": "python3 -m pytest -q tests/test_find.py"}],
    }
    return {key: value for key, value in (values | more).items() if value is not None}


def read(report: Any, talk: Talk | None = None, order: Order = ORDER) -> Asked | Unusable:
    data = report if isinstance(report, bytes) or report is None else json.dumps(report).encode()
    return read_report(data, order, talk or Talk(most=order.most))


def problem(report: Any, talk: Talk | None = None, order: Order = ORDER) -> str:
    found = read(report, talk, order)
    assert isinstance(found, Unusable), found
    return found.problem


def question(text: str = "What is seen?", *options: str) -> Question:
    return Question(text=text, options=options)


def proposal(**more: Any) -> Proposal:
    found = read({"v": 1, "spec": spec(**more)})
    assert isinstance(found, Proposal), found
    return found
