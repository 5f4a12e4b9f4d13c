"""Who vouches for the checks that AGENTS.md names: people, and not the agents that are judged by them.

What an agent committed is known from the ledger alone: authors and trailers of commits are but words.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeVar

from fabrik import paths
from fabrik.ledger.codec import Mismatch, decode
from fabrik.ledger.store import Ledger
from fabrik.ledger.types import Run, Step
from fabrik.playbook.layout import AGENTS
from fabrik.workflows.context import RunContext
from fabrik.workflows.loop.order import Landed, Round

MOST_RUNS = 200  # loops that are looked back at
T = TypeVar("T")

_SHOWN = 160  # characters of a command
_KEY = re.compile(r"build/(?P<number>\d+)/(?P<what>checks|merged|land)#\d+")


@dataclass(frozen=True, kw_only=True)
class ChangedChecks:
    """What sessions of a loop did to the checks that AGENTS.md names, as far as it has landed."""

    removed: tuple[str, ...]  # commands
    added: tuple[str, ...]
    iterations: tuple[int, ...]

    @property
    def said(self) -> str:
        """Old and new, in one line."""
        return f"{_commands(self.removed)} → {_commands(self.added)}"

    @property
    def remark(self) -> str:
        """For humans, at the end of the loop."""
        return (
            f"{AGENTS} NAMES OTHER CHECKS NOW, changed by a session"
            f" (iteration {', '.join(map(str, self.iterations))}): {self.said}"
        )


@dataclass(frozen=True, kw_only=True)
class Unvouched:
    """Checks that an agent put into AGENTS.md, or took out of it, and that no human has confirmed."""

    run: Run  # whose session it was
    changed: ChangedChecks
    first: bool  # there were none before


def changed_checks(steps: Sequence[Step]) -> ChangedChecks | None:
    """What the finished steps of a loop say; None where the checks are as they were. Pure."""
    rounds: dict[int, tuple[tuple[str, ...], tuple[str, ...]]] = {}
    landed = set[int]()
    for step in steps:
        key = _KEY.fullmatch(step.key)
        if key is None or step.state != "finished" or not isinstance(step.result, dict):
            continue
        number = int(key["number"])
        if key["what"] == "land":
            if (there := _value(Landed, step)) and there.outcome == "landed":
                landed.add(number)
        elif step.result.get("accepted"):
            rounds.pop(number, None)  # the last one is what landed
            if step.result.get("agents_changed") and (found := _value(Round, step)):
                rounds[number] = (found.named_before, found.named_after)
    net: dict[str, int] = {}
    numbers = sorted(landed & rounds.keys())
    for number in numbers:
        before, after = rounds[number]
        for run in after:
            net[run] = net.get(run, 0) + (run not in before)
        for run in before:
            net[run] = net.get(run, 0) - (run not in after)
    removed = tuple(run for run, count in net.items() if count < 0)
    added = tuple(run for run, count in net.items() if count > 0)
    if not removed and not added:
        return None
    return ChangedChecks(removed=removed, added=added, iterations=tuple(numbers))


def unvouched(project: str, checks: Sequence[str]) -> Unvouched | None:
    """Whether the checks of a project's AGENTS.md are, in part, those of an agent.

    The last loop that was begun with exactly these vouches for them: a human began it. Raises LedgerError.
    """
    with Ledger.open(paths.home().ledger) as ledger:
        for run in ledger.list_runs(limit=MOST_RUNS, workflow="loop"):
            context = _context(run)
            if run.project != project or context is None or context.order.get("mode") != "build":
                continue
            sealed = [check.run for check in context.checks]
            if sealed == list(checks):
                return None
            changed = changed_checks(ledger.steps(run.id))
            if changed and (
                any(one in checks for one in changed.added)
                or any(one not in checks for one in changed.removed)
            ):
                return Unvouched(run=run, changed=changed, first=not sealed)
    return None


def _context(run: Run) -> RunContext | None:
    try:
        return decode(RunContext, run.context)
    except Mismatch:  # of another version of fabrik
        return None


def _value(kind: type[T], step: Step) -> T | None:
    try:
        return decode(kind, step.result)
    except Mismatch:
        return None


def _commands(runs: Sequence[str]) -> str:
    return ", ".join(f"`{' '.join(run.split())[:_SHOWN]}`" for run in runs) or "(none)"
