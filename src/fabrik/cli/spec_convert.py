"""`fabrik spec convert`: Markdown to JSON and back."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from fabrik.cli.screen import Screen
from fabrik.cli.text import neutralise

if TYPE_CHECKING:
    from fabrik.specs.converting.convert import Format


@click.command("convert", short_help="Markdown to JSON and back, without loss.")
@click.argument("file", type=click.Path(path_type=Path))
@click.option("--to", type=click.Choice(["json", "markdown"]), help="By default: the other format.")
@click.option("--out", type=click.Path(path_type=Path, dir_okay=False), help="The file to write.")
def convert(file: Path, to: Format | None, out: Path | None) -> None:
    """Write the spec FILE, and its tasks, in the other format.

    Nothing is lost: what no field holds (prose, comments, the order of things) is carried in the key `prose`
    of the JSON, and comes back. The result is read again before it is written; if it said anything else, the
    command would say so and write nothing. FILE stays, and nothing is overwritten.

    \b
    Examples:
      fabrik spec convert specs/0001-search.md
      fabrik spec convert specs/0001-search.json --out search.md
    """
    from fabrik.specs.converting.convert import convert as plan
    from fabrik.specs.converting.convert import write

    planned = plan(file, to=to, out=out)
    write(planned)
    screen = Screen()
    for path in planned.files:
        screen.line(f"wrote {neutralise(str(path))}")
    for note in planned.notes:
        screen.line(neutralise(note), "warn")
