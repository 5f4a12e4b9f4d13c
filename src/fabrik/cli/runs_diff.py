"""`fabrik runs diff`: what the candidate changes against the base, from the run's own repository."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from fabrik.cli import store
from fabrik.cli.render.fit import cut, pad
from fabrik.cli.render.runs import short
from fabrik.cli.render.words import plural
from fabrik.cli.screen import Screen, Tone
from fabrik.cli.text import neutralise
from fabrik.errors import UsageError, VcsError
from fabrik.paths import RunPaths

if TYPE_CHECKING:
    from fabrik.vcs.reading import FileChange, Text

MOST_BYTES = 64 << 20  # of a patch that is printed; git shows the rest


@click.command()
@click.argument("run_ref", metavar="RUN")
@click.option("--stat", is_flag=True, help="Only the files, with lines added and removed.")
def diff(run_ref: str, stat: bool) -> None:
    """Show what the candidate of RUN changes against the commit that the run started from.

    On a terminal escape sequences and control characters of the change are left out, for they could hide a
    part of it. Into a pipe or a file they go as they are; only what is not UTF-8 is replaced.

    \b
    Examples:
      fabrik runs diff 7F3KX2QD
      fabrik runs diff last --stat
      fabrik runs diff last > last.patch
    """
    import asyncio

    with store.existing() as ledger:
        run = ledger.find_run(run_ref)
    if run.candidate is None:
        raise UsageError(
            "no candidate was put forward yet",
            where=f"run {short(run.id)}",
            todo=f"fabrik why {short(run.id)}",
        )
    repository = RunPaths(Path(run.directory)).repo
    screen = Screen()
    changes, patch = asyncio.run(_read(repository, run.base_commit, run.candidate, patch=not stat))
    if patch is None:
        _show_stat(screen, changes)
        return
    if screen.live:
        _show_patch(screen, patch.text)
    else:
        sys.stdout.write(patch.text)  # click would leave escape sequences out here, too
    if patch.truncated:
        where = f"git -C {repository} diff {run.base_commit[:12]} {run.candidate[:12]}"
        raise VcsError(f"the change is larger than {MOST_BYTES >> 20} MiB: cut", todo=where)


async def _read(
    repository: Path, base: str, candidate: str, *, patch: bool
) -> tuple[tuple[FileChange, ...], Text | None]:
    from fabrik.vcs.run_repo import RunRepo

    repo = await RunRepo.open(repository)
    if patch:
        return (), await repo.diff(base, candidate, MOST_BYTES)
    return await repo.diff_stat(base, candidate), None


def _show_stat(screen: Screen, changes: tuple[FileChange, ...]) -> None:
    if not changes:
        screen.line("The candidate changes nothing.")
        return
    width = max(40, min(screen.width, 110)) if screen.live else max(len(change.path) for change in changes)
    names = min(max(len(change.path) for change in changes), max(20, width - 18)) if screen.live else width
    for change in changes:
        text = change.added is not None and change.removed is not None
        counts = f"+{change.added:,} -{change.removed:,}" if text else "binary"
        screen.line(f"{pad(change.path, names)}  {counts:>16}")
    added, removed = (sum(getattr(change, way) or 0 for change in changes) for way in ("added", "removed"))
    screen.line(
        cut(f"{plural(len(changes), 'file')} changed, +{added:,} -{removed:,}", screen.width), "strong"
    )


def _show_patch(screen: Screen, text: str) -> None:
    for line in text.split("\n"):
        screen.line(neutralise(line), _tone(line))


def _tone(line: str) -> Tone:
    if line.startswith(("diff ", "index ", "+++", "---", "new file", "deleted file")):
        return "strong"
    if line.startswith("@@"):
        return "dim"
    return "good" if line.startswith("+") else "bad" if line.startswith("-") else "plain"
