"""What a cleanup found, removed and left, for people and for programs. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from fabrik.cli import units
from fabrik.cli.render.fit import Painted, columns, cut, pad, wrap
from fabrik.cli.render.runs import short
from fabrik.cli.render.words import plural
from fabrik.cli.screen import Tone
from fabrik.workflows.cleanup.model import Cleaned, Leak, Thing, Wanted

WHY_LINES = 3  # where the reasons have no room beside the rest, each is put below, on so many lines
MOST_NAME = 44
HEAD = ("WHAT", "", "AGE", "SIZE", "WHY")
WORDS = {"dispatch": "leftover", "quarantine": "unfinished", "trash": "trash"}


def lines(cleaned: Cleaned, wanted: Wanted, *, dry_run: bool, now: float, width: int) -> Iterator[Painted]:
    """The report's lines with their tones."""
    things = [*cleaned.removed, *(leak.thing for leak in cleaned.leaks), *cleaned.stayed]
    sizes = _widths(things, now)
    verb = "would go" if dry_run else "removed"
    for heading, tone, part in ((verb, "good", cleaned.removed), ("stays", "warn", cleaned.stayed)):
        if part:
            yield heading.capitalize(), "strong"
            yield from _table(part, sizes, now=now, width=width, tone="warn" if tone == "warn" else "plain")
            yield "", "plain"
    if cleaned.leaks:
        yield "Could not be removed", "bad"
        for leak in cleaned.leaks:
            yield from _leak(leak, width)
        yield "", "plain"
    yield from _sum(cleaned, wanted, dry_run=dry_run)


def _sum(cleaned: Cleaned, wanted: Wanted, *, dry_run: bool) -> Iterator[Painted]:
    count = plural(len(cleaned.removed), "thing")
    if not cleaned.removed and not cleaned.leaks:
        yield "Nothing is left over.", "good"
    elif dry_run:
        yield f"{count} would go, {units.size(cleaned.freed)}. Nothing was changed.", "strong"
    else:
        yield f"{count} removed, {units.size(cleaned.freed)}.", "strong"
    if cleaned.others:
        runs = plural(cleaned.others, "ended run")
        how = "" if wanted.runs else ": --keep N or --older-than 30d removes them, where their work is safe"
        yield f"{runs} kept{how}.", "dim"
    if cleaned.leaks:
        yield f"{plural(len(cleaned.leaks), 'leak')}: the commands above remove them.", "bad"


def _cells(thing: Thing, now: float) -> tuple[str, str, str, str]:
    name = thing.name.partition("/")
    shown = f"{short(name[0])}/{name[2]}" if thing.run and name[2] else thing.name
    if thing.run == thing.name:
        shown = short(thing.name)
    age = units.age(now - thing.at) if thing.at is not None else "-"
    size = units.size(thing.size) if thing.size is not None else "-"
    return WORDS.get(thing.kind, thing.kind), shown, age, size


def _widths(things: Sequence[Thing], now: float) -> tuple[int, ...]:
    rows = [HEAD[:4], *(_cells(thing, now) for thing in things)]
    found = [max(columns(row[at]) for row in rows) for at in range(4)]
    found[1] = min(found[1], MOST_NAME)
    return tuple(found)


def _table(
    things: Sequence[Thing], sizes: tuple[int, ...], *, now: float, width: int, tone: Tone
) -> Iterator[Painted]:
    left = sum(sizes) + 2 * len(sizes) + 2
    beside = all(columns(_why(thing)) <= width - left for thing in things)
    yield "  " + _row(HEAD[:4], sizes) + ("  WHY" if beside else ""), "dim"
    for thing in things:
        row, why = "  " + _row(_cells(thing, now), sizes), _why(thing)
        if beside:
            yield cut(f"{row}  {why}", width), tone
        else:
            yield row.rstrip(), tone
            for line in wrap(why, max(width - 6, 20), WHY_LINES):
                yield f"      {line}", "dim"


def _why(thing: Thing) -> str:
    count = f"{len(thing.pids)} process{'es' * (len(thing.pids) != 1)}; " if thing.pids else ""
    return f"{count}{thing.why}"


def _row(cells: Sequence[str], sizes: Sequence[int]) -> str:
    kind, name, age, size = cells
    return f"{pad(kind, sizes[0])}  {pad(name, sizes[1])}  {age:>{sizes[2]}}  {size:>{sizes[3]}}"


def _leak(leak: Leak, width: int) -> Iterator[Painted]:
    yield cut(f"  {leak.thing.kind} {leak.thing.name}: {leak.what}", width), "bad"
    yield f"    → {leak.command}", "plain"  # never cut: it is there to be copied


def document(cleaned: Cleaned, *, dry_run: bool) -> dict[str, Any]:
    """The report for programs: see the page json."""
    return {
        "dry_run": dry_run,
        "removed": [_json(thing) for thing in cleaned.removed],
        "stayed": [_json(thing) for thing in cleaned.stayed],
        "leaks": [
            _json(leak.thing) | {"problem": leak.what, "command": leak.command} for leak in cleaned.leaks
        ],
        "freed_bytes": cleaned.freed,
        "kept_runs": cleaned.others,
    }


def _json(thing: Thing) -> dict[str, Any]:
    return {
        "kind": thing.kind,
        "name": thing.name,
        "run": thing.run,
        "path": str(thing.path) if thing.path else None,
        "used_at": units.iso(thing.at),
        "bytes": thing.size,
        "pids": list(thing.pids),
        "why": thing.why,
    }
