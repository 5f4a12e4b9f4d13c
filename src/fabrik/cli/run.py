"""`fabrik run`: dispatch a spec and follow it; attach to, resume and cancel runs."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import click

from fabrik.cli.lazy import Entry, LazyGroup
from fabrik.cli.render.runs import short
from fabrik.cli.screen import Screen
from fabrik.cli.text import neutralise
from fabrik.errors import UsageError

COMMANDS = {
    "attach": Entry(target="fabrik.cli.run_again:attach", help="Follow a run that is under way."),
    "resume": Entry(target="fabrik.cli.run_again:resume", help="Take up an interrupted or stopped run."),
    "cancel": Entry(target="fabrik.cli.run_again:cancel", help="Stop a run for good."),
}

HELP = """Take a spec to a proven commit on a branch of your project.

Dispatches the run, starts its worker and follows it until it ends or waits for a human. The worker is a
process of its own: Ctrl-C, or closing the terminal, leaves the run at work.

\b
Examples:
  fabrik run --spec specs/0001-search.md --agent claude
  fabrik run --spec specs/0001-search.json --agent codex --push --detach
  fabrik run --spec s.md --agent command --agent-command ./my-agent
  fabrik run attach 7F3KX2QD

\b
The spec's checks are what "done" means; the project's own rules (limits, allowed hosts, setup commands) are
in its fabrik.toml. Your working tree and current branch are never touched.
"""


class RunGroup(LazyGroup):
    """`fabrik run spec.md` is what people type first: it is answered with what they meant."""

    def resolve_command(self, ctx: click.Context, args: list[str]) -> Any:
        if self.get_command(ctx, args[0]) is None and ("." in args[0] or "/" in args[0]):
            raise UsageError(f"a spec is given with --spec: {args[0]}", todo=f"fabrik run --spec {args[0]}")
        return super().resolve_command(ctx, args)


_file = click.Path(path_type=Path)  # existence is checked where the file is read: one message for all of them


@click.group(
    cls=RunGroup,
    entries=COMMANDS,
    help=HELP,
    invoke_without_command=True,
    subcommand_metavar="[attach|resume|cancel RUN]",
)
@click.option("--spec", type=_file, metavar="FILE", help="What is wanted: Markdown or JSON.")
@click.option("--todo", type=_file, metavar="FILE", help="Its tasks. Default: SPEC's .todo.json, if there.")
@click.option("--project", type=_file, metavar="DIR", help="The git repository. Default: the one you are in.")
@click.option("--repo", metavar="URL", help="Clone the project from here instead.")
@click.option("--ref", metavar="REF", help="The commit, branch or tag to start from. Default: HEAD.")
@click.option("--branch", metavar="NAME", help="The branch to ship to. Default: spec-ID.")
@click.option("--push", is_flag=True, help="Also push the branch to the project's remote.")
@click.option("--agent", metavar="NAME", help="claude, codex, pi, opencode, gemini, command, scripted.")
@click.option("--agent-command", type=_file, metavar="PATH", help="The executable for --agent command.")
@click.option("--agent-script", type=_file, metavar="FILE", help="The steps for --agent scripted.")
@click.option("--model", metavar="NAME", help="The model. Default: the agent's own.")
@click.option("--prompt", type=_file, metavar="FILE", help="Text for the agent, on top of fabrik's own.")
@click.option("--sandbox", metavar="NAME", help="bubblewrap (the default on Linux), or none: no protection.")
@click.option(
    "--iterations", type=click.IntRange(min=0), metavar="N", help="Most sessions of the run; 0: no bound."
)
@click.option("--attempts", type=click.IntRange(min=1), metavar="N", help="Most sessions of one task.")
@click.option(
    "--session-minutes", type=click.FloatRange(min=0, min_open=True), metavar="N", help="Time of one session."
)
@click.option("--budget-usd", type=click.FloatRange(min=0), metavar="USD", help="Money for model calls.")
@click.option("--budget-tokens", type=click.IntRange(min=0), metavar="N", help="Tokens for model calls.")
@click.option("--allow-unchecked", is_flag=True, help="Run a spec without checks; marks it for ever.")
@click.option("--auto-approve", is_flag=True, help="Ship a proven candidate without asking you.")
@click.option("--detach", is_flag=True, help="Start it and come back at once.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object a line (docs/json.md).")
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


def _dispatch(options: dict[str, Any], *, detach: bool, as_json: bool) -> int:
    # Here and not above: `fabrik run attach` needs none of it.
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
    return start_and_follow(run_id, screen, after=0, detach=detach, as_json=as_json)
