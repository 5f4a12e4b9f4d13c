"""The workflows that a worker can carry out, by name. Each is imported when a run of it is taken up."""

from __future__ import annotations

import shlex
from collections.abc import Awaitable, Callable
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from importlib import import_module
from typing import TYPE_CHECKING, cast

from fabrik.errors import UsageError
from fabrik.outcome import Verdict

if TYPE_CHECKING:
    from fabrik.ledger.types import Run
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
OF_SPECS = ("ship", "backlog")  # workflows that do what a spec asks; others look at it, or help to write it


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
            todo=FOREGROUND.get(name, "`fabrik --help`").format(run="RUN", spec="SPEC"),
        )
    module, _, attribute = WORKFLOWS[name].partition(":")
    return cast("Workflow", getattr(import_module(module), attribute))


def alone(run: Run) -> AbstractContextManager[None]:
    """Held while a worker is at the run: what no other run may work on meanwhile. Raises RunBusy."""
    if run.workflow != "loop":
        return nullcontext()
    from fabrik.workflows.loop.alone import working

    return working(run)


def take_up(run: Run) -> str:
    """The command that takes a run up again."""
    ref = run.id[-8:]
    own = FOREGROUND.get(run.workflow, "fabrik run resume {run}")
    return own.format(run=ref, spec=shlex.quote(run.spec_path))


def succeeded(run: Run | None) -> bool:
    """Whether a run did what its spec asks. That of another workflow may have ended well without."""
    return run is not None and run.workflow in OF_SPECS and run.status in ("shipped", "done")
