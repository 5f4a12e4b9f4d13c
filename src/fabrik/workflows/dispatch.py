"""Dispatches a run of `ship`: everything is checked and sealed before any money is spent."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from fabrik import paths
from fabrik.errors import UsageError
from fabrik.specs.model import Loaded
from fabrik.specs.read import load
from fabrik.specs.tasks import tasks_of
from fabrik.specs.unchecked import unchecked
from fabrik.vcs.base import Base, fetch_base
from fabrik.workflows.commission import Job, author_of, commission, hire, private
from fabrik.workflows.context import SealedCheck
from fabrik.workflows.destination import Warn, choose_branch, find_source, tell_rivals
from fabrik.workflows.project_checks import AGENTS, project_checks
from fabrik.workflows.request import RunRequest
from fabrik.workflows.reviewers import read_prompt
from fabrik.workflows.seal import seal_check, seal_file, seal_holdout, seal_task
from fabrik.workflows.unseen import require_unseen

__all__ = ["RunRequest", "dispatch"]


async def dispatch(request: RunRequest, warn: Warn) -> str:
    """Check and seal a run, record it in the ledger, and return its id. The worker is started elsewhere.

    `warn` gets a text for each thing that the user should know and that does not stop the run. When it is
    refused, nothing of it is left.
    Raises UsageError (spec, options, project), EnvironmentProblem (agent, sandbox, key, disk), VcsError,
    LedgerError.
    """
    with private() as home:
        return await _dispatch(request, home, warn)


async def _dispatch(request: RunRequest, home: paths.Home, warn: Warn) -> str:
    loaded = load(request.spec, request.todo)
    for weak in loaded.problems:
        warn(str(weak))
    extra_prompt = read_prompt(request.prompt, "--prompt") if request.prompt else None
    source = await find_source(request, warn)
    crew = await hire(request, source.local, warn)
    branch = await choose_branch(request, loaded.spec.id, source)
    tell_rivals(home, source, branch, warn)
    base = await fetch_base(home.projects, source.place, request.ref)
    checks = await _checks(request, loaded, base, warn, reviewed=crew.review is not None)
    await require_unseen(base, loaded, source.local, warn)
    author = await author_of(source, warn)
    job = _job(request, loaded, checks, branch, extra_prompt)
    return await commission(job, crew, source, base, author, push=request.push)


async def _checks(
    request: RunRequest, loaded: Loaded, base: Base, warn: Warn, *, reviewed: bool
) -> tuple[SealedCheck, ...]:
    """The spec's checks, else those of the project's AGENTS.md: a verifier must then see to the criteria.

    Raises UsageError when nothing could prove the spec, unless that is what the user wants.
    """
    problem = unchecked(loaded.spec)
    if problem is None or request.allow_unchecked:
        return tuple(seal_check(check) for check in loaded.spec.checks)
    if reviewed and (found := await project_checks(base)):
        names = ", ".join(check.name for check in found)
        warn(
            f"the spec has no check of its own: the project's are used ({names}, from {AGENTS}), and whether"
            " its criteria are met is for the verifier to show"
        )
        return found
    raise UsageError(problem.what, where=problem.file, todo=problem.todo)


def _job(
    request: RunRequest,
    loaded: Loaded,
    checks: tuple[SealedCheck, ...],
    branch: str,
    extra_prompt: bytes | None,
) -> Job:
    spec = loaded.spec

    def more(places: paths.RunPaths) -> Mapping[str, Any]:
        found: dict[str, Any] = {"holdout": seal_holdout(places, loaded)}
        if loaded.todo_path and loaded.todo_bytes is not None:
            found["todo"] = seal_file(places, loaded.todo_path, loaded.todo_bytes)
        if request.prompt and extra_prompt is not None:
            found["extra_prompt"] = seal_file(places, request.prompt, extra_prompt)
        return found

    return Job(
        workflow="ship",
        id=spec.id,
        title=spec.title,
        path=spec.path,
        content=loaded.spec_bytes,
        text=spec.source,
        accept=spec.accept,
        tasks=tuple(seal_task(task) for task in tasks_of(spec, loaded.todo)),
        checks=checks,
        may_change=spec.may_change,
        branch=branch,
        ref=request.ref,
        unchecked=not (checks or spec.holdout),
        auto_approve=request.auto_approve,
        more=more,
    )
