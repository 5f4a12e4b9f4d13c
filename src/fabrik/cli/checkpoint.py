"""`fabrik run checkpoint` and `fabrik run restore`: a run's workspace, saved and brought back."""

from __future__ import annotations

import asyncio
import json
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from fabrik.cli import store, units
from fabrik.cli.render.runs import short
from fabrik.cli.screen import Screen

if TYPE_CHECKING:
    from fabrik.workflows.checkpoints.manifest import Manifest

as_json_option = click.option("--json", "as_json", is_flag=True, help="One JSON object (fabrik docs json).")


@click.command()
@click.argument("run_ref", metavar="RUN")
@click.option(
    "--to", type=click.Path(dir_okay=False, path_type=Path), metavar="FILE", help="Write it into a file, too."
)
@as_json_option
def checkpoint(run_ref: str, to: Path | None, as_json: bool) -> None:
    """Save the workspace of RUN, all that is installed and built in it, and the run's commits.

    Nobody may work on the run meanwhile. Its checkpoints are listed by `fabrik runs show`. A file can be
    restored on another machine that has the run, and in another kind of sandbox.

    \b
    Examples:
      fabrik run checkpoint 7F3KX2QD
      fabrik run checkpoint last --to median.tar
    """
    from fabrik.workflows.checkpoints import keep

    run_id = _found(run_ref)
    made = asyncio.run(keep.checkpoint(run_id, to=to.absolute() if to else None, why="asked for"))
    screen = Screen()
    if as_json:
        screen.line(
            json.dumps({"checkpoint": checkpoint_json(made), "file": str(to.absolute()) if to else None})
        )
        return
    screen.line(f"{screen.paint(made.name, 'strong')}  {units.size(made.size)}  {_state(made)}")
    if to:
        screen.line(f"  in        {to.absolute()}")
    screen.line(f"  restore   fabrik run restore {short(run_id)} {made.name}")


@click.command()
@click.argument("run_ref", metavar="RUN")
@click.argument("source", metavar="[FILE|NAME]", required=False)
@as_json_option
def restore(run_ref: str, source: str | None, as_json: bool) -> None:
    """Bring a saved workspace of RUN back: the newest, the one with that NAME, or the one in FILE.

    Unsaved files of the workspace that is there now become a checkpoint first. Resume the run afterwards: a
    workspace at the commit that the run has come to is used as it is; another one is put aside.

    \b
    Examples:
      fabrik run restore 7F3KX2QD
      fabrik run restore last checkpoint-2
      fabrik run restore last median.tar
    """
    from fabrik.workflows.checkpoints import keep

    run_id = _found(run_ref)
    done = asyncio.run(keep.restore(run_id, source))
    screen = Screen()
    if as_json:
        saved = checkpoint_json(done.saved) if done.saved else None
        screen.line(json.dumps({"restored": checkpoint_json(done.restored), "saved": saved}))
        return
    if done.saved:
        screen.line(f"saved     {done.saved.name}  the unsaved files that were there")
    screen.line(f"restored  {screen.paint(done.restored.name, 'strong')}  {_state(done.restored)}")
    screen.line(f"  go on     fabrik run resume {short(run_id)}")


def _found(run_ref: str) -> str:
    with store.existing() as ledger:
        return ledger.find_run(run_ref).id


def _state(made: Manifest) -> str:
    return f"at {made.commit[:10]}" if made.commit else "with the unsaved files of a session that was cut off"


def checkpoint_json(made: Manifest) -> dict[str, Any]:
    """A checkpoint for programs: see the page json."""
    return asdict(made) | {"at": units.iso(made.at), "bytes": made.size}
