"""The agent's report in an interview: a question or a spec, read strictly and told about completely. Pure."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from fabrik.problems import Problem, explain
from fabrik.specs.documents import Text
from fabrik.specs.draft import Draft
from fabrik.specs.json_spec import read_json_spec
from fabrik.specs.unchecked import unchecked, weak
from fabrik.workflows.consult import Unusable
from fabrik.workflows.interview.markdown import to_markdown
from fabrik.workflows.interview.model import Asked, Order, Proposal, Question
from fabrik.workflows.interview.talk import Talk
from fabrik.workflows.reports import clean, unusable
from fabrik.workflows.review.document import read_document, shown

QUESTION_CHARACTERS = 1500
OPTIONS = 9  # each is chosen by one digit
OPTION_CHARACTERS = 400
HOST = ("v", "status", "version", "lastUpdated")  # what the host says of a spec, not the agent
NOT_THEIRS = {"holdout": "held-out checks", "prose": "lines of Markdown", "comments": "lines of Markdown"}
LISTS = ("goals", "nonGoals", "accept", "assume")
REQUIREMENTS = ("api", "behavior", "obs")

Option = Annotated[Text, Field(max_length=OPTION_CHARACTERS)]


class ReportDocument(BaseModel):
    """What the agent leaves."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)

    v: Literal[1]
    question: Annotated[Text, Field(max_length=QUESTION_CHARACTERS)] | None = None
    why: Annotated[str, Field(max_length=QUESTION_CHARACTERS)] = ""
    options: Annotated[list[Option], Field(max_length=OPTIONS)] = []
    spec: dict[str, Any] | None = None


def read_report(data: bytes | None, order: Order, talk: Talk) -> Asked | Unusable:
    """What the agent asks or proposes; or everything that is wrong with its report."""
    found = read_document(data)
    if isinstance(found, str):
        return Unusable(problem=found)
    problems = list(found.problems)
    try:
        report = ReportDocument.model_validate(clean(found.values))
    except ValidationError as error:
        return unusable(problems, explain(error.errors(), ReportDocument, ""))
    if (report.question is None) == (report.spec is None):
        both = "both a question and a spec" if report.spec is not None else "neither a question nor a spec"
        return unusable([*problems, f"the report has {both}: it needs one of them"])
    if report.spec is not None:
        return read_spec(report.spec, order, problems)
    question = Question(
        text=report.question or "", why=report.why, options=tuple(dict.fromkeys(report.options))
    )
    if talk.finish:
        problems.append(f"the report asks, but the specification is to be written now: {talk.finish}")
    elif again := _asked_before(question, talk):
        problems.append(again)
    return unusable(problems) if problems else question


def read_spec(values: Mapping[str, Any], order: Order, problems: list[str]) -> Proposal | Unusable:
    """The spec that the agent proposes, completed with what the host knows and validated as a spec.json."""
    told = [
        Problem(file="", where=f"spec.{key}", what=f"{what} are not for agents to write")
        for key, what in NOT_THEIRS.items()
        if key in values
    ]
    document = _completed({key: value for key, value in values.items() if key not in NOT_THEIRS}, order)
    draft = Draft(path=Path("spec.json"))
    read_json_spec(json.dumps(document, ensure_ascii=False), draft)
    told += draft.problems
    spec = draft.spec
    if spec is None:
        return unusable(problems, told)
    if not spec.checks:
        told.append(Problem(file="", where="spec.checks", what="has no command that proves the criteria"))
    elif missing := unchecked(spec):
        told.append(missing)
    told += weak(spec)
    if order.id is None and spec.id.casefold() in {taken.casefold() for taken in order.taken}:
        told.append(Problem(file="", where="spec.id", what=f"{spec.id!r} is the id of a spec that is there"))
    unknown = [one for one in (*spec.depends_on, *spec.supersedes) if one not in order.taken]
    told += [
        Problem(file="", where="spec.dependsOn or spec.supersedes", what=f"there is no spec {one!r}")
        for one in unknown
    ]
    markdown = to_markdown(document, spec)
    if markdown is None:
        told.append(Problem(file="", where="spec", what="cannot be written as Markdown: use plain sentences"))
    if problems or told or markdown is None:
        return unusable(problems, told)
    return Proposal(id=spec.id, title=spec.title, document=document, markdown=markdown)


def _completed(values: dict[str, Any], order: Order) -> dict[str, Any]:
    """As a spec.json has it: in its order, with lists that were left out, and with what the host says."""
    document: dict[str, Any] = {"v": 1, "id": order.id or values.get("id"), "title": values.get("title")}
    document |= {"status": "ready", "version": "1.0", "lastUpdated": order.today}
    for key in LISTS[:2]:
        document[key] = values.get(key, [])
    asked = values.get("req", {})
    document["req"] = {key: [] for key in REQUIREMENTS} | asked if isinstance(asked, dict) else asked
    for key in LISTS[2:]:
        document[key] = values.get(key, [])
    rest = {key: value for key, value in values.items() if key not in document and key not in HOST}
    return {key: value for key, value in (document | rest).items() if value is not None}


def _asked_before(question: Question, talk: Talk) -> str:
    for number, earlier in enumerate(talk.questions, 1):
        if _folded(earlier.text) == _folded(question.text):
            return f"{shown(question.text)} was asked already, as question {number}"
    return ""


def _folded(text: str) -> str:
    return " ".join("".join(char if char.isalnum() else " " for char in text.casefold()).split())
