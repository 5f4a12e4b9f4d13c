"""`fabrik spec minify`: the same spec in fewer tokens."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from fabrik.cli.screen import Screen
from fabrik.cli.text import neutralise

if TYPE_CHECKING:
    from fabrik.specs.minify import Minified


@click.command("minify", short_help="Fewer tokens, the same spec.")
@click.argument("paths", metavar="PATH...", nargs=-1, required=True, type=click.Path(path_type=Path))
@click.option("--out", type=click.Path(path_type=Path, file_okay=False), help="The directory to write into.")
@click.option("--stdout", is_flag=True, help="Print the result instead; the count goes to stderr.")
@click.option("--force", is_flag=True, help="Replace files that are there and say something else.")
def minify(paths: tuple[Path, ...], out: Path | None, stdout: bool, force: bool) -> None:
    """Write specs and todos without what an agent need not read, and say how many tokens that saves.

    X.json becomes X.min.json without white space; X.md becomes X.min.md without comments, trailing blanks and
    repeated empty lines. What is asked stays the same: the result is read again before it is written. A file
    that is there and says something else is replaced only with --force: somebody may have written it by hand.

    \b
    Examples:
      fabrik spec minify specs/0001-search.md
      fabrik spec minify --force --out build/specs specs/*.md

    Tokens are estimated, in the way that `fabrik docs specs` describes. Models count differently; the
    percentage is close.
    """
    import sys

    from fabrik.errors import FabrikError
    from fabrik.specs.minify import minify as plan

    planned = [plan(path) for path in paths]
    targets = [out / one.target.name if out is not None else one.target for one in planned]
    if not stdout:
        _require_free(planned, targets, force=force)
    screen = Screen(sys.stderr if stdout else None)
    for one, target in zip(planned, targets, strict=True):
        if stdout:
            Screen().line(one.text.rstrip("\n"))
            where = str(one.path)
        else:
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


def _require_free(planned: Sequence[Minified], targets: Sequence[Path], *, force: bool) -> None:
    """Raises UsageError when a file would be lost, before anything is written."""
    from fabrik.errors import UsageError

    twice = {str(target) for target in targets if targets.count(target) > 1}
    if twice:
        what = "two of the files would be written here"
        raise UsageError(what, where=", ".join(sorted(twice)), todo="write them into different directories")
    other = [
        str(target)
        for one, target in zip(planned, targets, strict=True)
        if os.path.lexists(target) and not _says(target, one.text)
    ]
    if other and not force:
        raise UsageError(
            "is there already and says something else",
            where=", ".join(other),
            todo="look at it; --force replaces it. Nothing was written",
        )


def _says(path: Path, text: str) -> bool:
    try:
        return path.read_bytes() == text.encode()
    except OSError:
        return False


def _saved(before: int, after: int) -> str:
    percent = round(100 * (before - after) / before) if before else 0
    return f"about {before:,} → {after:,} tokens, {percent} % saved"
