"""`fabrik todo`: the tasks of a spec."""

from __future__ import annotations

import json
import shlex
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from fabrik.cli.agent_options import agent_options, require_one_agent
from fabrik.cli.paragraphs import paragraphs
from fabrik.cli.screen import Screen
from fabrik.cli.text import neutralise, one_line
from fabrik.outcome import EXIT_OF_VERDICT, ExitStatus, Verdict

if TYPE_CHECKING:
    from fabrik.workflows.todo.model import Plan, Planned


@click.group(no_args_is_help=True)
def todo() -> None:
    """Take a spec apart into tasks."""


@todo.command("generate", short_help="An agent plans the tasks of a spec.")
@click.argument("spec", type=click.Path(path_type=Path))
@click.option(
    "--out", type=click.Path(path_type=Path), metavar="FILE", help="Default: SPEC's .todo.json, beside it."
)
@click.option("--force", is_flag=True, help="Write over a todo that is there.")
@click.option("--dry-run", "dry", is_flag=True, help="Show the tasks and write nothing.")
@click.option("--json", "as_json", is_flag=True, help="The todo as JSON on standard output.")
@agent_options
def generate(as_json: bool, **options: Any) -> int:
    """Let an agent take SPEC apart into small, ordered tasks, each with the tests that it requires.

    The agent reads your project and changes nothing there. Every acceptance criterion is covered by a task at
    least, and by tests that are named before anybody builds anything: the host checks that, and gives the
    agent one chance to complete what is missing.

    \b
    Examples:
      fabrik todo generate specs/0004-search.md --agent claude
      fabrik todo generate specs/0004-search.json --force --model claude-opus-4-5
    """
    import asyncio

    from fabrik.cli.render.runs import short
    from fabrik.workflows.foreground import in_foreground
    from fabrik.workflows.todo.dispatch import TodoRequest, begin
    from fabrik.workflows.todo.flow import generate as workflow

    require_one_agent(options)
    screen, remarks = Screen(), Screen(sys.stderr)
    told = remarks if as_json else screen
    heard: list[tuple[Plan, Path | None]] = []

    def warn(text: str) -> None:
        remarks.line(remarks.paint("warning: ", "warn") + neutralise(text))

    async def work() -> tuple[str, Verdict, str | None]:
        from fabrik.cli.waiting import waiting

        with waiting(told, "looking at the spec and the project"):
            run_id = await begin(TodoRequest(**options), warn)
        told.line(f"{told.paint(f'run {short(run_id)}', 'strong')}  {run_id}")
        with waiting(told, "the agent takes the spec apart", run_id):
            verdict, reason = await in_foreground(run_id, workflow(lambda *found: heard.append(found)))
        return run_id, verdict, reason

    run_id, verdict, reason = asyncio.run(work())
    if not heard:
        paragraphs(told, f"{verdict.value}: {one_line(reason or '', 2000)}", "bad")
        told.line(f"see: fabrik runs show {short(run_id)}")
        return EXIT_OF_VERDICT[verdict]
    plan, path = heard[0]
    if as_json:
        screen.line(json.dumps(plan.document, indent=2, ensure_ascii=False))
    else:
        _table(screen, plan)
    _next(told, path, options["spec"], options["out"])
    return ExitStatus.OK


def _table(screen: Screen, plan: Plan) -> None:
    """Every task: what is done, what it covers, which tests it requires."""
    screen.line()
    for number, task in enumerate(plan.tasks, 1):
        screen.line(f"{number:>3}  {neutralise(task.id)}", "strong")
        _under(screen, task.do)
        for test in task.tests:
            _under(screen, f"test: {test}")
        for check in task.checks:
            _under(screen, f"check: {check}")
        screen.line(f"     {_covers(task)}", "dim")
    screen.line()
    tests = sum(len(task.tests) for task in plan.tasks)
    criteria = len({number for task in plan.tasks for number in task.covers})
    counts = (_count(len(plan.tasks), "task"), _count(tests, "required test"))
    every = "the criterion is" if criteria == 1 else f"all {criteria} criteria are"
    screen.line(f"{', '.join(counts)}; {every} covered", "good")


def _under(screen: Screen, text: str) -> None:
    paragraphs(screen, " ".join(text.split()), by=" " * 5, then=" " * 7)


def _covers(task: Planned) -> str:
    if not task.covers:
        return "covers no criterion: it prepares others"
    noun = "criterion" if len(task.covers) == 1 else "criteria"
    return f"covers {noun} {', '.join(map(str, task.covers))}"


def _next(told: Screen, path: Path | None, spec: Path, out: Path | None) -> None:
    from fabrik.cli.interviewed import shown_path

    if path is None:
        told.line("nothing was written (--dry-run)")
        return
    told.line(f"wrote {neutralise(shown_path(path))}", "good")
    beside = "" if out is None else f" --todo {shlex.quote(shown_path(path))}"
    told.line("Next:")
    told.line(neutralise(f"  fabrik run --spec {shlex.quote(str(spec))}{beside}"))


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}{'' if number == 1 else 's'}"
