"""`fabrik spec minify`: the same spec in fewer tokens."""

from __future__ import annotations

from pathlib import Path

import click

from fabrik.cli.screen import Screen
from fabrik.cli.text import neutralise


@click.command("minify", short_help="Fewer tokens, the same spec.")
@click.argument("paths", metavar="PATH...", nargs=-1, required=True, type=click.Path(path_type=Path))
@click.option("--out", type=click.Path(path_type=Path, file_okay=False), help="The directory to write into.")
@click.option("--stdout", is_flag=True, help="Print the result instead; the count goes to stderr.")
def minify(paths: tuple[Path, ...], out: Path | None, stdout: bool) -> None:
    """Write specs and todos without what an agent need not read, and say how many tokens that saves.

    X.json becomes X.min.json without white space; X.md becomes X.min.md without comments, trailing blanks and
    repeated empty lines. What is asked stays the same: the result is read again before it is written. Files
    that an earlier call wrote are replaced.

    Tokens are estimated: one for each six letters of a word or three digits of a number begun, one for every
    other character, one for a line's end. Models count differently; the percentage is close.
    """
    import sys

    from fabrik.errors import FabrikError
    from fabrik.specs.minify import minify as plan

    planned = [plan(path) for path in paths]
    screen = Screen(sys.stderr if stdout else None)
    for one in planned:
        if stdout:
            Screen().line(one.text.rstrip("\n"))
            where = str(one.path)
        else:
            target = out / one.target.name if out is not None else one.target
            try:
                target.parent.mkdir(parents=True, exist_ok=True)
                target.write_text(one.text, encoding="utf-8", newline="\n")
            except OSError as error:
                raise FabrikError(f"cannot be written: {error.strerror}", where=str(target)) from error
            where = f"wrote {target}"
        screen.line(f"{neutralise(where)}: {_saved(one.before, one.after)}")
    if len(planned) > 1:
        screen.line(
            f"together: {_saved(sum(one.before for one in planned), sum(one.after for one in planned))}"
        )


def _saved(before: int, after: int) -> str:
    percent = round(100 * (before - after) / before) if before else 0
    return f"about {before:,} → {after:,} tokens, {percent} % saved"
