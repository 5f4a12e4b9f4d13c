"""What a run was dispatched with, sealed: the worker reads this and nothing else of the user's files.

It is `run-context.json` in the run's reports, and the `context` of the run in the ledger.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

# Among the reviewers, and no reviewer may have these ids:
VERIFIER = "verifier"  # looks for the evidence of each acceptance criterion
TAMPERING = "tampering"  # the host's own look at what the change did to the files that judge it


@dataclass(frozen=True, kw_only=True)
class SealedFile:
    """A file as it was at dispatch."""

    path: str  # where the user had it
    copy: str  # below the run's inputs directory
    sha256: str


@dataclass(frozen=True, kw_only=True)
class SealedCheck:
    """A check with the command as dispatched."""

    name: str
    run: str
    seconds: float | None = None
    files: Mapping[str, str] = field(default_factory=dict)  # destination → copy below inputs (held-out only)


@dataclass(frozen=True, kw_only=True)
class SealedTask:
    """A task in the order in which it is worked on."""

    id: str
    do: str
    verify: str
    checks: tuple[SealedCheck, ...] = ()


@dataclass(frozen=True, kw_only=True)
class SealedLimits:
    """Bounds of the run. None: unbounded."""

    session_seconds: float | None
    check_seconds: float | None
    memory_bytes: int | None
    processes: int | None
    output_bytes: int | None
    disk_bytes: int | None
    iterations: int  # sessions of the whole run; 0: unlimited
    attempts: int  # sessions of one task
    max_wait_seconds: float  # the longest wait for a provider
    budget_usd: float | None
    budget_tokens: int | None
    budget_calls: int | None


@dataclass(frozen=True, kw_only=True)
class SealedUpstream:
    """A model provider's address and the name of the variable with its key; never the key."""

    base_url: str | None
    key_env: str | None


@dataclass(frozen=True, kw_only=True)
class SealedAgent:
    """A coding CLI as it was chosen."""

    name: str
    options: Mapping[str, str] = field(default_factory=dict)
    read_only: tuple[str, ...] = ()  # host paths that the CLI needs
    path: tuple[str, ...] = ()  # directories in front of PATH
    model: str | None = None  # None: the CLI's own default


@dataclass(frozen=True, kw_only=True)
class SealedReviewer:
    """One reviewer: what it looks for, and the model that it asks."""

    id: str  # such as "security"
    prompt: SealedFile  # Markdown; put into the prompt `review`
    model: str | None


@dataclass(frozen=True, kw_only=True)
class SealedReview:
    """Who reviews the work of a run. The sets are fixed at dispatch."""

    full: tuple[SealedReviewer, ...]  # of a candidate
    light: tuple[SealedReviewer, ...]  # after each task; (): no light review
    agent: SealedAgent  # plays every reviewer; its model is that of nobody in particular
    verifier: SealedAgent
    rounds: int  # how often findings are sent back to be fixed
    seconds: float | None  # of one reviewer
    extra_prompt: SealedFile | None  # --review-prompt


@dataclass(frozen=True, kw_only=True)
class SealedFeedback:
    """What a human said about an earlier run of the same spec."""

    run: str
    decision: str
    by: str
    notes: str


@dataclass(frozen=True, kw_only=True)
class SealedJudge:
    """The models that checks may ask to judge, each with its vendor in front: openai/gpt-5.5."""

    fast: str
    smart: str


@dataclass(frozen=True, kw_only=True)
class SealedContainers:
    """What the sandboxes `podman` and `docker` are made of; see `Options` of sandboxes/sandbox.py."""

    image: str = ""
    runtime: str = ""


@dataclass(frozen=True, kw_only=True)
class RunContext:
    """The sealed inputs of a run."""

    v: int
    fabrik: str  # version that dispatched it
    spec: SealedFile
    spec_id: str
    spec_title: str
    spec_text: str  # as agents may see it: without held-out checks
    accept: tuple[str, ...]
    todo: SealedFile | None
    tasks: tuple[SealedTask, ...]
    checks: tuple[SealedCheck, ...]
    holdout: tuple[SealedCheck, ...]
    prompts: Mapping[str, str]  # prompt file → sha256
    extra_prompt: SealedFile | None
    agent: SealedAgent  # the one that implements
    review: SealedReview | None  # None: --no-review, and the run is marked as unreviewed
    protected: tuple[str, ...]  # globs of files that judge the work
    may_change: tuple[str, ...]  # globs of those that the spec asks to change
    feedback: tuple[SealedFeedback, ...]  # on earlier runs of this spec
    sandbox: str
    read_only: tuple[str, ...]
    path: tuple[str, ...]
    env: Mapping[str, str]
    allow: tuple[str, ...]
    setup: tuple[str, ...]
    limits: SealedLimits
    upstreams: Mapping[str, SealedUpstream]  # by vendor
    author_name: str
    author_email: str
    auto_approve: bool
    push: bool
    remote: str | None
    workflow: str = "ship"  # its name in workflows/registry.py
    order: Mapping[str, Any] = field(default_factory=dict)  # what this workflow needs besides: its own type

    judge: SealedJudge | None = None  # None: checks reach no models
    containers: SealedContainers = SealedContainers()

    @property
    def all_checks(self) -> tuple[SealedCheck, ...]:
        """The checks that a candidate must pass: those of the spec, and those of every task."""
        return (*self.checks, *(check for task in self.tasks for check in task.checks))
