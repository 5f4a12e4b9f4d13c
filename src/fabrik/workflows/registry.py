"""The workflows that a worker can carry out, by name. Each is imported when a run of it is taken up."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from importlib import import_module
from typing import TYPE_CHECKING, cast

from fabrik.errors import UsageError
from fabrik.outcome import Verdict

if TYPE_CHECKING:
    from fabrik.workflows.work import Work

WORKFLOWS = {
    "ship": "fabrik.workflows.ship:carry_out",
    "loop": "fabrik.workflows.loop.carry_out:carry_out",
    "backlog": "fabrik.workflows.backlog.carry_out:carry_out",
    "review": "fabrik.workflows.review_branch:carry_out",
}
FOREGROUND = {  # workflows that need a terminal: the command that takes a run of theirs up again
    "interview": "fabrik spec interview --resume {run}",
    "todo": "fabrik todo generate {spec}",
    "judge": "fabrik judge",
}


@dataclass(frozen=True, kw_only=True)
class Ended:
    """How a workflow ended by itself."""

    verdict: Verdict
    reason: str | None = None  # one line


Workflow = Callable[["Work"], Awaitable[Ended | None]]
"""Takes a run as far as it can go; None when it waits for a human. Raises Stop with any other verdict."""


def load(name: str) -> Workflow:
    """The workflow of that name. Raises UsageError."""
    if name not in WORKFLOWS:
        raise UsageError(
            f"a run of `{name}` cannot be carried out by a worker",
            todo=FOREGROUND.get(name, "`fabrik --help`"),
        )
    module, _, attribute = WORKFLOWS[name].partition(":")
    return cast("Workflow", getattr(import_module(module), attribute))
