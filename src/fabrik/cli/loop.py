"""`fabrik loop`: Ralph's loop on the project and branch you are on."""

from __future__ import annotations

import json
import sys
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import click

from fabrik.cli.screen import Screen
from fabrik.cli.text import neutralise
from fabrik.errors import UsageError
from fabrik.problems import did_you_mean

if TYPE_CHECKING:
    from fabrik.workflows.loop.order import Mode
    from fabrik.workflows.stand_by import StandBy

MODES = ("plan", "build", "plan-work", "plan-release")
HELP = """Ralph's loop on this project and branch: a fresh session for each iteration.

\b
  plan           compare specs/ with the code, write IMPLEMENTATION_PLAN.md
  build          do the plan's most important item; check it, commit it
  plan-work      a plan for one piece of work, on its branch
  plan-release   a plan for the next release, from AUDIENCE_JTBD.md

N bounds the iterations; 0 is no bound. `build` ends when the plan has no open item, the others when the plan
stays as it is, and all of them when there is no progress. Without N, `build` has no bound, `plan-work` does 5
and the others 10 at the most.

\b
Examples:
  fabrik loop plan 3
  fabrik loop build 20 --agent claude --push
  fabrik loop plan-work "sign in with OAuth"

Sessions work in a sandbox. The commands of AGENTS.md are the checks, and fabrik runs them itself: what passes
is put on your branch and into your files at once, and nothing that you change meanwhile is overwritten. Your
git hooks do not run. Ctrl-C, or closing the terminal, leaves the loop at work.
"""

_file = click.Path(path_type=Path)


@click.command(help=HELP, options_metavar="[OPTIONS]")
@click.argument("mode", metavar="MODE")
@click.argument("words", nargs=-1, metavar='["WORK"] [N]')
@click.option("--project", type=_file, metavar="DIR", help="The project. Default: the one you are in.")
@click.option("--agent", metavar="NAME", help="claude, codex, pi, opencode, gemini, command, scripted.")
@click.option("--agent-command", type=_file, metavar="PATH", help="The executable for --agent command.")
@click.option("--agent-script", type=_file, metavar="FILE", help="The steps for --agent scripted.")
@click.option("--model", metavar="NAME", help="The model. Default: the agent's own.")
@click.option("--sandbox", metavar="NAME", help="bubblewrap (the default), or none: no protection.")
@click.option("--goal", metavar="TEXT", help="What the project is to achieve, for the prompt.")
@click.option("--push", is_flag=True, help="Push the branch, and its tags, after each iteration.")
@click.option("--include-untracked", is_flag=True, help="With --push: files that git does not track, too.")
@click.option("--no-tag", is_flag=True, help="Make no version tags.")
@click.option(
    "--may-change", multiple=True, metavar="GLOB", help="Tests and the like that may be changed; repeat it."
)
@click.option("--accept-checks", is_flag=True, help="Take checks that an agent has put into AGENTS.md.")
@click.option("--attempts", type=click.IntRange(min=1), metavar="N", help="Most sessions of one iteration.")
@click.option(
    "--session-minutes",
    type=click.FloatRange(min=0, min_open=True),
    metavar="N",
    help="Time of one session.",
)
@click.option("--budget-usd", type=click.FloatRange(min=0), metavar="USD", help="Money for model calls.")
@click.option("--budget-tokens", type=click.IntRange(min=0), metavar="N", help="Tokens for model calls.")
@click.option("--detach", is_flag=True, help="Start it and come back at once.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object a line (fabrik docs json).")
def loop(mode: str, words: tuple[str, ...], no_tag: bool, detach: bool, as_json: bool, **options: Any) -> int:
    most, work = _read(mode, words)
    _one_agent(options)
    from fabrik.workflows.stand_by import standing_by

    options |= {"mode": cast("Mode", mode), "most": most, "work": work, "tag": not no_tag}
    with standing_by("loop") as worker:  # it loads its modules while the project is looked at
        return _begin(options, worker, detach=detach, as_json=as_json)


def _begin(options: dict[str, Any], worker: StandBy, *, detach: bool, as_json: bool) -> int:
    import asyncio

    from fabrik.cli.render.runs import short
    from fabrik.cli.run_again import start_and_follow
    from fabrik.workflows.loop.asking import LoopRequest, dispatch_loop

    screen, remarks = Screen(), Screen(sys.stderr)

    def warn(text: str) -> None:
        remarks.line(remarks.paint("warning: ", "warn") + neutralise(text))

    with ExitStack() as begun:  # until the worker has the branch, nobody else begins a loop on it
        run_id = asyncio.run(dispatch_loop(LoopRequest(**options), warn, begun))
        if as_json:
            screen.line(json.dumps({"dispatched": run_id}))
        else:
            screen.line(f"{screen.paint('run ' + short(run_id), 'strong')}  {run_id}")
        return start_and_follow(
            run_id,
            screen,
            after=0,
            detach=detach,
            as_json=as_json,
            started=begun.close,
            ready_made=worker,
        )


def _read(mode: str, words: tuple[str, ...]) -> tuple[int | None, str | None]:
    """The bound and the work. Raises UsageError."""
    if mode not in MODES:
        raise UsageError(
            f"there is no mode {mode!r}", todo=did_you_mean(mode, MODES, noun="modes") or "fabrik loop --help"
        )
    rest = list(words)
    work = None
    if mode == "plan-work":
        if not rest or not rest[0].strip() or (len(rest) == 1 and rest[0].isdecimal()):
            raise UsageError(
                "`plan-work` needs a description of the work", todo='fabrik loop plan-work "what it is about"'
            )
        work = rest.pop(0)
    if not rest:
        return None, work
    if len(rest) > 1 or not rest[0].isdecimal():
        example = (
            f'fabrik loop {mode} "{" ".join(words)}"' if mode == "plan-work" else f"fabrik loop {mode} 20"
        )
        raise UsageError(f"{' '.join(rest)!r} is no number of iterations", todo=f"for example: {example}")
    return int(rest[0]), work


def _one_agent(options: dict[str, Any]) -> None:
    """A program or a script that nobody would start is a mistake."""
    given = [kind for kind in ("command", "script") if options[f"agent_{kind}"] is not None]
    if len(given) > 1:
        raise UsageError("--agent-command and --agent-script exclude each other", todo="give one of them")
    agent = {"command": "command", "script": "scripted"}.get(given[0]) if given else None
    if given and options["agent"] not in (None, agent):
        raise UsageError(
            f"--agent-{given[0]} is for --agent {agent}, not for --agent {options['agent']}",
            todo="leave one of them out",
        )
