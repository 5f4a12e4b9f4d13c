"""Where a judge is asked: on the host as a run of its own, inside a sandbox at the door it was given."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from fabrik.errors import EnvironmentProblem, UsageError
from fabrik.judging.inside import FAST, SMART, URL, Inside, told
from fabrik.judging.model import INTELLIGENCES, Intelligence, Judgement, JudgeModel, NoVerdict, Question

if TYPE_CHECKING:
    from fabrik.usage import Usage


@dataclass(frozen=True, kw_only=True)
class Report:
    """What came of asking."""

    answers: tuple[Judgement | NoVerdict, ...]  # one for each question, in their order
    model: str  # vendor/model
    run: str | None  # its id; None inside a sandbox, where the calls belong to the run around it
    usage: Usage | None  # None inside a sandbox: the run around it knows


async def ask_all(
    questions: Sequence[Question],
    *,
    intelligence: Intelligence = "fast",
    model: str | None = None,
    budget_usd: float | None = None,
    environ: Mapping[str, str] | None = None,
) -> Report:
    """Ask a judge. environ: the environment that says where; None: that of this process.

    Raises UsageError, EnvironmentProblem (no key; a sandbox whose checks are closed to models), LedgerError,
    DiskFull. An answer that is missing is a NoVerdict in the report.
    """
    if intelligence not in INTELLIGENCES:
        raise UsageError(f"{str(intelligence)[:40]!r} is no intelligence", todo='"fast" or "smart"')
    environ = os.environ if environ is None else environ
    if (inside := told(environ)) is not None:
        return await _inside(inside, questions, intelligence, model, budget_usd)
    if _in_sandbox(environ):
        raise EnvironmentProblem(
            "no judge can be asked in this sandbox: its checks are closed to models",
            where="fabrik judge",
            todo="who runs fabrik opens them with `in_checks = true` below `[judge]` in their own config",
        )
    from fabrik.workflows.judge_run import judge_run

    judged = await judge_run(questions, intelligence=intelligence, model=model, budget_usd=budget_usd)
    answers: list[Judgement | NoVerdict] = []
    for answer in judged.answers:
        try:
            answers.append(answer.judgement())
        except NoVerdict as none:
            answers.append(none)
    return Report(answers=tuple(answers), model=str(judged.model), run=judged.run, usage=judged.usage)


async def _inside(
    inside: Inside,
    questions: Sequence[Question],
    intelligence: Intelligence,
    named: str | None,
    budget_usd: float | None,
) -> Report:
    """Nothing but the standard library is needed here: it may be the project's own Python."""
    from fabrik.judging.ask import ask
    from fabrik.judging.door import door_at

    if budget_usd is not None:
        raise UsageError(
            "a budget cannot be set inside a check", where="budget_usd", todo="that of the run counts"
        )
    door = door_at(inside.url)
    model = _model(named or (inside.fast if intelligence == "fast" else inside.smart))
    answers: list[Judgement | NoVerdict] = []
    for question in questions:
        try:
            answers.append(await ask(question, model, door.post))
        except NoVerdict as none:
            answers.append(none)
    return Report(answers=tuple(answers), model=str(model), run=None, usage=None)


def _model(name: str) -> JudgeModel:
    from fabrik.agents.environment import vendor_and_model

    vendor, bare = vendor_and_model(name)
    return JudgeModel(vendor=vendor, name=bare)


def _in_sandbox(environ: Mapping[str, str]) -> bool:
    from fabrik.sandboxes.procs import MARK

    return MARK in environ


__all__ = ["FAST", "SMART", "URL", "Report", "ask_all"]
