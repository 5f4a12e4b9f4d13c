"""What the steps of one run share: its sealed context, its rooms, and how a run is stopped."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from fabrik.errors import FabrikError
from fabrik.outcome import Cause, Verdict
from fabrik.paths import RunPaths
from fabrik.sandboxes.sandbox import Limits

if TYPE_CHECKING:
    from fabrik.agents.agent import Agent
    from fabrik.ledger.journal import Journal
    from fabrik.ledger.store import Ledger
    from fabrik.sandboxes.sandbox import Provider
    from fabrik.vcs.project import Identity
    from fabrik.vcs.run_repo import RunRepo
    from fabrik.workflows.context import RunContext
    from fabrik.workflows.run_gateway import RunGateway


class Stop(FabrikError):
    """The run cannot go on by itself: it ends with this verdict, and can be resumed."""

    def __init__(self, verdict: Verdict, reason: str, *, met_again: bool = False) -> None:
        """met_again: a resumed run meets it again when it replays its journal, and takes a grant for it."""
        super().__init__(reason)
        self.verdict = verdict
        self.reason = reason
        self.met_again = met_again


class GaveUp(FabrikError):
    """Something that may stay undone could not be done within its bounds: the run goes on without it."""

    def __init__(self, why: str, cause: Cause | None = None) -> None:
        """cause: how its last session ended, where that is why."""
        super().__init__(why)
        self.cause = cause


class SetupFailed(Stop):
    """A setup command of the project failed in a fresh workspace."""

    def __init__(self, problem: str) -> None:
        super().__init__(Verdict.BLOCKED, problem)


@dataclass(kw_only=True)
class Grants:
    """How many earlier stops a human has waved through by resuming.

    A resumed run replays its journal and meets its old stops again, in the same order; each resume lets
    one of them pass and gives the bounded loop that stopped a fresh allowance.
    """

    left: int
    rounds: int = 1  # how often the run's allowance of iterations has been given

    def take(self) -> bool:
        """True when the stop that was met is an old one, already answered by a resume."""
        if self.left:
            self.left -= 1
            return True
        return False


@dataclass(frozen=True, kw_only=True)
class Work:
    """Everything that the steps of a run work with."""

    run: str
    base: str  # the commit the run starts from
    branch: str
    project: str  # path or URL
    context: RunContext
    paths: RunPaths
    ledger: Ledger
    journal: Journal
    repo: RunRepo
    provider: Provider
    agent: Agent  # the one that implements
    reviewer: Agent | None  # plays every reviewer; None: the run is not reviewed
    verifier: Agent | None
    gateway: RunGateway
    umask: int  # of the user, for what goes into the project; fabrik's own files are private
    identity: Identity
    grants: Grants
    sessions: list[str] = field(default_factory=list)  # keys of the sessions that count as iterations
    findings: Counter[str] = field(default_factory=Counter)  # reviewer → findings so far, which number them

    def relative(self, path: Path) -> str:
        """A path of this run as it is stored: relative to the run's directory."""
        return str(path.relative_to(self.paths.directory))

    @property
    def session_limits(self) -> Limits:
        return self._limits(self.context.limits.session_seconds)

    @property
    def review_limits(self) -> Limits:
        review = self.context.review
        return self._limits(review.seconds if review else None)

    def check_limits(self, seconds: float | None) -> Limits:
        return self._limits(seconds or self.context.limits.check_seconds)

    def _limits(self, seconds: float | None) -> Limits:
        limits = self.context.limits
        return Limits(
            seconds=seconds,
            memory_bytes=limits.memory_bytes,
            processes=limits.processes,
            output_bytes=limits.output_bytes,
            disk_bytes=limits.disk_bytes,
        )
