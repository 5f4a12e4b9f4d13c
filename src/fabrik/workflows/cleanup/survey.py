"""Compares what exists with what the ledger knows. Changes nothing."""

from __future__ import annotations

import time
from dataclasses import replace

from fabrik import paths
from fabrik.ledger.store import Ledger
from fabrik.workflows.cleanup import shared
from fabrik.workflows.cleanup.fate import OPEN, asked_for, fate
from fabrik.workflows.cleanup.left import Left
from fabrik.workflows.cleanup.model import Survey, Thing, Wanted
from fabrik.workflows.cleanup.seen import marked, sizes


async def survey(ledger: Ledger, home: paths.Home, wanted: Wanted) -> Survey:
    """All that is left over, and the runs that the user wants to go, each with whether it may and why.

    Raises LedgerError, UsageError for a run's sandbox that is not known here.
    """
    runs = ledger.list_runs(limit=None)
    asked = asked_for(runs, home, wanted, time.time())
    fates = [await fate(run, home) for run in asked]
    going = {thing.name for thing in fates if thing.goes}
    left = Left(home, marked())
    found: list[Thing] = list(shared.trash(home))
    for run in runs:
        for thing in await left.of(run):
            inside = thing.path is not None and thing.path.is_relative_to(home.run(run.id).directory)
            if not (run.id in going and inside):  # it goes with all the rest
                found.append(thing)
    found += fates
    found += shared.unrecorded(home, {run.id for run in runs})
    found += await shared.histories(home, runs, going)
    there = sum(1 for run in runs if run.status not in OPEN and home.run(run.id).directory.exists())
    things = await _measured(found)
    return Survey(things=tuple(sorted(things, key=lambda one: not one.goes)), others=there - len(asked))


async def _measured(things: list[Thing]) -> list[Thing]:
    """With the bytes of what lies on the disk. Sandboxes that stay keep theirs."""
    freeing = [thing.path for thing in things if thing.path is not None and thing.kind != "processes"]
    found = await sizes(list(dict.fromkeys(freeing)))
    return [
        replace(thing, size=found.get(thing.path)) if thing.path is not None else thing for thing in things
    ]
