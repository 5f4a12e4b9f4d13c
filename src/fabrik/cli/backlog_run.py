"""`fabrik backlog run`: the options, and what is asked for with them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from fabrik.cli.backlog import directory_option
from fabrik.errors import UsageError

HELP = """Work through the specs of a backlog, in order of dependency and number, one after the other.

An implementer commits and says so; the host looks at the commit and runs the spec's commands in a fresh
clone of it; an independent verifier says yes or no for exactly that commit. Then it lands on the branch that
is checked out in the spec's repository, and the spec is done. Every failure uses one of the spec's attempts,
and is what the next attempt is told; the same failure three times ends it. Where a spec is left, those that
depend on it are held back, and the others go on.

Running it again is safe: what is done is skipped, a candidate is verified first, a run that was interrupted
goes on where it was. A folder of JSON specs (*.json, *.todo.json) is worked through as well, each as
`fabrik run`.

\b
Examples:
  fabrik backlog run --agent claude
  fabrik backlog run --dir ralph --agent codex --verify-agent claude --stream-agent-output
  fabrik backlog run --dry-run
  fabrik backlog run --force 0003-feature.md area/0007-bugfix.md

\b
Exit statuses:
    0  every spec is done
    1  the machine, git or the ledger failed: run it again when that is mended
    2  the folder or an option is wrong
    4  something is left or held back: a table says what, and why
  130  Ctrl-C: the spec that is worked on goes on; run it again to follow it
"""

_file = click.Path(path_type=Path)


@click.command("run", help=HELP, short_help="Work through the specs, in order and by dependency.")
@directory_option
@click.option("--specs", "specs", type=_file, metavar="DIR", help="A folder of JSON specs instead.")
@click.option("--force", multiple=True, metavar="SPEC...", help="Do these again, though done (below specs/).")
@click.argument("more", nargs=-1, metavar="")
@click.option("--dry-run", is_flag=True, help="Only say what would be done.")
@click.option("--stream-agent-output", is_flag=True, help="Show what the agents say while they work.")
@click.option(
    "--workspace-root",
    type=_file,
    metavar="DIR",
    help="Where the repositories are. Default: beside the folder.",
)
@click.option("--magic-phrase", metavar="TEXT", help="The last line of an agent that is done.")
@click.option(
    "--max-attempts-per-spec",
    type=click.IntRange(min=1),
    metavar="N",
    help="Failures until a spec is left. Default: 10.",
)
@click.option(
    "--log-format", type=click.Choice(["text", "json"]), default="text", help="Of ralph.log. Default: text."
)
@click.option("--agent", metavar="NAME", help="claude, codex, pi, opencode, gemini, command, scripted.")
@click.option("--agent-command", type=_file, metavar="PATH", help="The executable for --agent command.")
@click.option("--agent-script", type=_file, metavar="FILE", help="The steps for --agent scripted.")
@click.option("--model", metavar="NAME", help="The model. Default: the agent's own.")
@click.option("--sandbox", metavar="NAME", help="bubblewrap (the default), or none: no protection.")
@click.option("--verify-agent", metavar="NAME", help="Who verifies. Default: the same agent.")
@click.option("--verify-agent-command", type=_file, metavar="PATH", help="Its executable.")
@click.option("--verify-agent-script", type=_file, metavar="FILE", help="Its steps.")
@click.option("--verify-model", metavar="NAME", help="Its model.")
@click.option(
    "--session-minutes", type=click.FloatRange(min=0, min_open=True), metavar="N", help="Time of one session."
)
@click.option("--budget-usd", type=click.FloatRange(min=0), metavar="USD", help="Money for each spec.")
@click.option("--budget-tokens", type=click.IntRange(min=0), metavar="N", help="Tokens for each spec.")
def run(
    directory: Path | None,
    specs: Path | None,
    force: tuple[str, ...],
    more: tuple[str, ...],
    dry_run: bool,
    stream_agent_output: bool,
    max_attempts_per_spec: int | None,
    **options: Any,
) -> int:
    from fabrik.cli.backlog_json import json_folder, run_json_specs
    from fabrik.cli.backlog_loop import Loop
    from fabrik.workflows.backlog.request import MAX_ATTEMPTS, BacklogRequest

    if more and not force:
        raise UsageError(
            f"{more[0]}: a spec is named with --force only", todo=f"fabrik backlog run --force {more[0]}"
        )
    if specs is not None and directory is not None:
        raise UsageError("--specs and --dir exclude each other", todo="give one of them")
    given = {name: value for name, value in options.items() if value is not None}
    request = BacklogRequest(max_attempts=max_attempts_per_spec or MAX_ATTEMPTS, iterations=0, **given)
    _sound(request)
    json_specs = specs or json_folder(directory, Path.cwd())
    if json_specs is not None:
        if force:
            raise UsageError("--force is for numbered specs", where=str(json_specs), todo="fabrik run --spec")
        return run_json_specs(json_specs, request, dry_run=dry_run, stream=stream_agent_output)
    return Loop(
        directory=directory,
        request=request,
        force=(*force, *more),
        dry_run=dry_run,
        stream=stream_agent_output,
    ).run()


def _sound(request: Any) -> None:
    """What can be told from the command line alone. Raises UsageError."""
    phrase = request.magic_phrase
    if not phrase.strip() or "\n" in phrase.strip():
        raise UsageError("the phrase must be one line of text", where="--magic-phrase")
    if request.workspace_root is not None and not request.workspace_root.is_dir():
        raise UsageError("this is no directory", where=f"--workspace-root {request.workspace_root}")
