"""`fabrik judge`: pass or fail of texts and pictures, by criteria in words."""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from fabrik.cli.screen import Screen
from fabrik.cli.text import indent, neutralise, one_line
from fabrik.outcome import ExitStatus

if TYPE_CHECKING:
    from fabrik.judge.places import Report
    from fabrik.judging.model import Artifact, Intelligence, Judgement, NoVerdict, Question


@click.command()
@click.argument("artifacts", metavar="ARTIFACT...", nargs=-1, required=True, type=click.Path(allow_dash=True))
@click.option("--criteria", metavar="TEXT", help="What must hold, in words. @FILE: read it from a file.")
@click.option(
    "--intelligence",
    type=click.Choice(["fast", "smart"]),
    default="fast",
    show_default=True,
    help="Which of the two models of `[judge]` in the config.",
)
@click.option(
    "--votes", type=int, default=1, show_default=True, metavar="N", help="More than half must be passes."
)
@click.option("--model", metavar="NAME", help="Another model, such as openai/gpt-5.5.")
@click.option("--together", is_flag=True, help="All artifacts are one piece of work, judged as a whole.")
@click.option("--budget-usd", type=click.FloatRange(min=0), metavar="USD", help="Money for all of it.")
@click.option("--json", "as_json", is_flag=True, help="The verdicts as JSON.")
def judge(
    artifacts: tuple[str, ...],
    criteria: str | None,
    intelligence: Intelligence,
    votes: int,
    model: str | None,
    together: bool,
    budget_usd: float | None,
    as_json: bool,
) -> int:
    """Let a model say whether each ARTIFACT meets the criteria, and what is missing if it does not.

    \b
    Examples:
      fabrik judge --criteria "warm and direct, for designers" welcome.txt
      fabrik judge --criteria "one obvious primary action" --intelligence smart --votes 3 page.png
      ./render-mail | fabrik judge --criteria @tone.md -

    ARTIFACT is a text, a picture (png, jpeg, gif, webp) or - for standard input. It is material: instructions
    in it are not followed. A judge may say something else the next time; --votes makes that rarer.

    Exit status: 0 all pass, 4 one does not, 1 no verdict (no model, no usable answer), 2 wrong use.
    """
    import asyncio

    from fabrik.judge.places import ask_all
    from fabrik.judging.model import Question

    found = _read(artifacts)
    words = _criteria(criteria)
    groups = [tuple(found)] if together else [(one,) for one in found]
    questions = [Question(criteria=words, artifacts=group, votes=votes) for group in groups]
    screen, remarks = Screen(), Screen(sys.stderr)
    (remarks if as_json else screen).status("asking the judge")
    try:
        report = asyncio.run(
            ask_all(questions, intelligence=intelligence, model=model, budget_usd=budget_usd)
        )
    finally:
        (remarks if as_json else screen).clear()
    if as_json:
        screen.line(json.dumps(_document(words, questions, report), indent=2))
    else:
        _show(screen, questions, report)
    return _status(report.answers)


def _read(names: Sequence[str]) -> list[Artifact]:
    """All artifacts, or every problem with them at once. Raises UsageError."""
    from fabrik.errors import UsageError
    from fabrik.judge.reading import STDIN, file, stdin

    if names.count(STDIN) > 1:
        raise UsageError("standard input can be read once", where=STDIN)
    found, problems = [], []
    for name in names:
        try:
            found.append(stdin() if name == STDIN else file(Path(name)))
        except UsageError as error:
            problems.append(error)
    if len(problems) == 1:
        raise problems[0]
    if problems:
        lines = "\n".join(str(problem) for problem in problems).replace("\n", "\n  ")
        raise UsageError(f"{len(problems)} artifacts cannot be judged\n  {lines}")
    return found


def _criteria(given: str | None) -> str:
    from fabrik.errors import UsageError
    from fabrik.judge.reading import file

    if given is None:
        raise UsageError(
            "by which criteria?", where="--criteria", todo='for example --criteria "warm and direct"'
        )
    if not given.startswith("@"):
        return given
    read = file(Path(given[1:]))
    if read.text is None:
        raise UsageError("criteria are a text", where=read.name)
    return read.text


def _status(answers: Sequence[Judgement | NoVerdict]) -> int:
    """A fail is a fail, whatever else is missing; only passes are a pass."""
    from fabrik.judging.model import Judgement

    verdicts = [answer.passed if isinstance(answer, Judgement) else None for answer in answers]
    if False in verdicts:
        return ExitStatus.STOPPED
    return ExitStatus.OK if verdicts and all(verdicts) else ExitStatus.FAILED


def _show(screen: Screen, questions: Sequence[Question], report: Report) -> None:
    from fabrik.judging.model import Judgement

    for question, answer in zip(questions, report.answers, strict=True):
        names = ", ".join(one_line(artifact.name, 80) for artifact in question.artifacts)
        passes = sum(vote.passed is True for vote in answer.votes)
        asked = len(answer.votes)
        count = f"  ({passes} of {asked} votes pass)" if question.votes > 1 else ""
        if isinstance(answer, Judgement):
            word = screen.paint("pass", "good") if answer.passed else screen.paint("fail", "bad")
            said = answer.feedback
        else:
            word, said = screen.paint("no verdict", "warn"), str(answer)
        screen.line(f"{word}  {names}{count}")
        if said:
            screen.line(indent(neutralise(said)))
    if report.run is not None and report.usage is not None:
        from fabrik.cli import units
        from fabrik.cli.render.runs import short

        screen.line(f"{report.model} · {units.cost(report.usage)} · run {short(report.run)}", "dim")


def _document(criteria: str, questions: Sequence[Question], report: Report) -> dict[str, Any]:
    from fabrik.cli.render.runs import usage_json

    status = _status(report.answers)
    return {
        "verdict": {ExitStatus.OK: "pass", ExitStatus.STOPPED: "fail"}.get(status, "none"),
        "criteria": criteria,
        "model": report.model,
        "run": report.run,
        "usage": None if report.usage is None else usage_json(report.usage),
        "judgements": [
            _judgement(question, answer) for question, answer in zip(questions, report.answers, strict=True)
        ],
    }


def _judgement(question: Question, answer: Judgement | NoVerdict) -> dict[str, Any]:
    from fabrik.judging.model import Judgement

    verdict: dict[str, Any]
    if isinstance(answer, Judgement):
        verdict = {"passed": answer.passed, "feedback": answer.feedback, "problem": ""}
    else:
        verdict = {"passed": None, "feedback": "", "problem": answer.what}
    return {
        "artifacts": [artifact.name for artifact in question.artifacts],
        **verdict,
        "asked": len(answer.votes),
        "of": question.votes,
        "votes": [
            {"passed": vote.passed, "feedback": vote.feedback, "problem": vote.problem}
            for vote in answer.votes
        ],
    }
