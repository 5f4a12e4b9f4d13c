"""`fabrik spec interview`: an agent asks, one question at a time, and writes the spec."""

from __future__ import annotations

import shlex
import sys
from typing import TYPE_CHECKING, Any

import click

from fabrik.cli.agent_options import agent_options, require_one_agent
from fabrik.cli.paragraphs import paragraphs
from fabrik.cli.screen import Screen
from fabrik.cli.text import neutralise, one_line
from fabrik.errors import UsageError
from fabrik.outcome import EXIT_OF_VERDICT, Verdict

if TYPE_CHECKING:
    from fabrik.cli.interviewed import Interviewed

KINDS = ("feature", "bug", "refactoring", "release")


@click.command(short_help="An agent asks, and writes the spec.")
@click.argument("name", metavar="[NAME|PATH]", required=False)
@click.option("--about", metavar="TEXT", default="", help="Your first idea, in a few words.")
@click.option("--template", "kind", type=click.Choice(KINDS), help="What kind of spec it is to become.")
@click.option(
    "--questions",
    "most",
    type=click.IntRange(min=0, max=99),
    default=12,
    metavar="N",
    help="Most questions. Default: 12.",
)
@click.option("--json-out", "as_json", is_flag=True, help="Write JSON instead of Markdown.")
@click.option("--resume", metavar="RUN", help="Go on with an interview that was left.")
@agent_options
@click.pass_context
def interview(ctx: click.Context, /, resume: str | None, **options: Any) -> int:
    """Be interviewed about what you want, and get a spec.

    The agent reads your project (it changes nothing there) and asks one question at a time. Answer with the
    number of an option or in your own words; type `skip`, `back` to take your last answer back, or `done`
    when it is enough. At the end you see the spec and decide whether it is written: to specs/NAME.md, never
    over a file that is there. Without a terminal the answers are read from standard input, line by line.

    \b
    Examples:
      fabrik spec interview --about "find notes by their text"
      fabrik spec interview specs/0004-search.md --template feature --agent claude
      fabrik spec interview --resume 7F3KX2QD
    """
    import asyncio

    from fabrik.cli.interviewed import Interviewed
    from fabrik.cli.render.runs import short
    from fabrik.cli.typist import typist
    from fabrik.workflows.foreground import in_foreground
    from fabrik.workflows.interview.flow import interview as workflow

    screen = Screen()
    if resume is not None:
        _nothing_else(ctx)
        run_id = _interview_of(resume)
    else:
        run_id = _begin(options, screen)
    with typist() as reader:
        person = Interviewed(screen, reader, run_id)
        try:
            verdict, reason = asyncio.run(in_foreground(run_id, workflow(person)))
        except KeyboardInterrupt:
            screen.clear()
            screen.line()
            _kept(screen, short(run_id))
            raise
    return _end(screen, person, verdict, reason, short(run_id))


def _begin(options: dict[str, Any], screen: Screen) -> str:
    import asyncio

    from fabrik.cli.render.runs import short
    from fabrik.workflows.interview.dispatch import InterviewRequest, begin

    require_one_agent(options)
    remarks = Screen(sys.stderr)

    def warn(text: str) -> None:
        remarks.line(remarks.paint("warning: ", "warn") + neutralise(text))

    screen.status("looking at the project")
    try:
        run_id = asyncio.run(begin(InterviewRequest(**options), warn))
    finally:
        screen.clear()
    screen.line(f"{screen.paint(f'run {short(run_id)}', 'strong')}  {run_id}")
    return run_id


def _nothing_else(ctx: click.Context) -> None:
    """What an interview is about was said when it began."""
    from click.core import ParameterSource

    for param in ctx.command.params:
        name = param.name or ""
        if name != "resume" and ctx.get_parameter_source(name) is ParameterSource.COMMANDLINE:
            said = param.opts[0] if param.opts[0].startswith("-") else "NAME"
            raise UsageError(f"--resume and {said} exclude each other", todo="leave one of them out")


def _interview_of(resume: str) -> str:
    from fabrik.cli import store

    with store.existing() as ledger:
        run = ledger.find_run(resume)
    if run.workflow != "interview":
        raise UsageError(
            f"run {run.id[-8:]} is no interview", todo=f"go on with it: fabrik run resume {run.id[-8:]}"
        )
    return run.id


def _end(screen: Screen, person: Interviewed, verdict: Verdict, reason: str | None, run: str) -> int:
    from fabrik.cli.interviewed import shown_path

    screen.clear()
    if person.path is not None and verdict is Verdict.DONE:
        where = shown_path(person.path)
        screen.line()
        screen.line(f"wrote {neutralise(where)}", "good")
        screen.line("Next:")
        screen.line(f"  fabrik spec review {neutralise(shlex.quote(where))}")
        screen.line(f"  fabrik run --spec {neutralise(shlex.quote(where))}")
        return EXIT_OF_VERDICT[verdict]
    if not person.left:
        paragraphs(screen, f"{verdict.value}: {one_line(reason or '', 2000)}", "bad")
    if verdict is not Verdict.CANCELLED:
        _kept(screen, run)
    return EXIT_OF_VERDICT[verdict]


def _kept(screen: Screen, run: str) -> None:
    screen.line("What was said is kept. Go on with it:")
    screen.line(f"  fabrik spec interview --resume {run}")
