"""`fabrik run`: dispatch a spec and follow it; attach to, resume and cancel runs."""

from __future__ import annotations

import json
import sys
from typing import TYPE_CHECKING, Any

import click

from fabrik.cli.lazy import Entry, LazyGroup
from fabrik.cli.render.runs import short
from fabrik.cli.run_options import run_options, write_sections
from fabrik.cli.screen import Screen
from fabrik.cli.text import neutralise
from fabrik.errors import UsageError

if TYPE_CHECKING:
    from fabrik.workflows.stand_by import StandBy

COMMANDS = {
    "attach": Entry(target="fabrik.cli.run_again:attach", help="Follow a run that is under way."),
    "resume": Entry(target="fabrik.cli.run_again:resume", help="Take up an interrupted or stopped run."),
    "cancel": Entry(target="fabrik.cli.run_again:cancel", help="Stop a run for good."),
    "checkpoint": Entry(target="fabrik.cli.checkpoint:checkpoint", help="Save a run's workspace."),
    "restore": Entry(target="fabrik.cli.checkpoint:restore", help="Bring a saved workspace back."),
}

HELP = """Take a spec to a proven commit on a branch of your project.

Dispatches the run, starts its worker and follows it until it ends or waits for a human. The worker is a
process of its own: Ctrl-C, or closing the terminal, leaves the run at work.

\b
Examples:
  fabrik run --spec specs/0001-search.md --agent claude
  fabrik run --spec specs/0001-search.json --agent codex --push --detach
  fabrik run --spec s.md --agent claude --review-agent codex --reviewers-dir reviewers
  fabrik run --spec s.md --agent command --agent-command ./my-agent
  fabrik run attach 7F3KX2QD

The spec's checks are what "done" means. Reviewers read every candidate, and you decide before it ships. The
project's own rules (limits, allowed hosts, reviewers, protected files) are in its fabrik.toml. Your working
tree and current branch are never touched.
"""

STARTED_WITH = {"command": "command", "scripted": "script"}  # agent → the file that it needs
ABOUT_REVIEWS = ("review", "verify_")  # how the names of all such options begin


class RunGroup(LazyGroup):
    """`fabrik run spec.md` is what people type first: it is answered with what they meant."""

    def resolve_command(self, ctx: click.Context, args: list[str]) -> Any:
        if self.get_command(ctx, args[0]) is None and ("." in args[0] or "/" in args[0]):
            raise UsageError(f"a spec is given with --spec: {args[0]}", todo=f"fabrik run --spec {args[0]}")
        return super().resolve_command(ctx, args)

    def format_options(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        write_sections(ctx, self, formatter)
        self.format_commands(ctx, formatter)


@click.group(
    cls=RunGroup,
    entries=COMMANDS,
    help=HELP,
    invoke_without_command=True,
    subcommand_metavar="[attach|resume|cancel|checkpoint|restore RUN]",
)
@run_options
@click.pass_context
def run(ctx: click.Context, /, detach: bool, as_json: bool, **options: Any) -> int | None:
    if ctx.invoked_subcommand is not None:
        if given := _given(ctx):
            raise UsageError(
                f"{given[0]} belongs to `fabrik run`, not to `fabrik run {ctx.invoked_subcommand}`",
                todo=f"fabrik run {ctx.invoked_subcommand} --help",
            )
        return None
    _complete(options)
    return _dispatch(options, detach=detach, as_json=as_json)


def _given(ctx: click.Context) -> list[str]:
    from click.core import ParameterSource

    names = {param.name: param.opts[0] for param in ctx.command.params if param.name}
    return [
        names[name]
        for name in ctx.params
        if name in names and ctx.get_parameter_source(name) is ParameterSource.COMMANDLINE
    ]


def _complete(options: dict[str, Any]) -> None:
    """What can be told from the command line alone. Raises UsageError."""
    if options["spec"] is None:
        raise UsageError(
            "which spec?", where="--spec", todo="fabrik run --spec FILE; a first one: fabrik spec new FILE"
        )
    if options["project"] is not None and options["repo"] is not None:
        raise UsageError("--project and --repo exclude each other", todo="give the one where the project is")
    for agent in ("agent", "review_agent", "verify_agent"):
        _one_agent(options, agent)
    about = [key for key, value in options.items() if key.startswith(ABOUT_REVIEWS) and value is not None]
    if options["no_review"] and about:
        raise UsageError(
            f"--no-review and {_written(about[0])} exclude each other", todo="leave one of them out"
        )


def _one_agent(options: dict[str, Any], agent: str) -> None:
    """A program or a script that nobody would start is a mistake."""
    given = [name for name, kind in STARTED_WITH.items() if options[f"{agent}_{kind}"] is not None]
    if len(given) > 1:
        both = " and ".join(_written(f"{agent}_{kind}") for kind in STARTED_WITH.values())
        raise UsageError(f"{both} exclude each other", todo="give one of them")
    if given and options[agent] not in (None, *given):
        file, option = _written(f"{agent}_{STARTED_WITH[given[0]]}"), _written(agent)
        raise UsageError(
            f"{file} is for {option} {given[0]}, not for {option} {options[agent]}",
            todo="leave one of them out",
        )


def _written(key: str) -> str:
    return "--" + key.replace("_", "-")


def _dispatch(options: dict[str, Any], *, detach: bool, as_json: bool) -> int:
    # Here and not above: `fabrik run attach` needs none of it.
    from fabrik.workflows.stand_by import standing_by

    with standing_by("ship") as worker:  # it loads its modules while spec and project are looked at
        return _begin(options, worker, detach=detach, as_json=as_json)


def _begin(options: dict[str, Any], worker: StandBy, *, detach: bool, as_json: bool) -> int:
    import asyncio

    from fabrik.cli.run_again import start_and_follow
    from fabrik.workflows.dispatch import dispatch
    from fabrik.workflows.request import RunRequest

    screen, remarks = Screen(), Screen(sys.stderr)

    def warn(text: str) -> None:
        remarks.line(remarks.paint("warning: ", "warn") + neutralise(text))

    screen_or_remarks = remarks if as_json else screen
    screen_or_remarks.status("checking the spec and the project")
    try:
        run_id = asyncio.run(dispatch(RunRequest(**options), warn))
    finally:
        screen_or_remarks.clear()
    if as_json:
        screen.line(json.dumps({"dispatched": run_id}))
    else:
        screen.line(f"{screen.paint('run ' + short(run_id), 'strong')}  {run_id}")
    return start_and_follow(run_id, screen, after=0, detach=detach, as_json=as_json, ready_made=worker)
