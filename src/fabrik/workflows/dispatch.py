"""Dispatches a run: everything is checked and sealed before any money is spent."""

from __future__ import annotations

import errno
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from fabrik import __version__, paths
from fabrik.config.model import Config
from fabrik.config.read import load_config, user_config_path
from fabrik.errors import DiskFull, EnvironmentProblem, FabrikError, UsageError
from fabrik.ledger.store import Ledger
from fabrik.ledger.types import NewRun
from fabrik.ledger.ulid import new_run_id
from fabrik.sandboxes import registry as sandboxes
from fabrik.specs.model import Loaded, Task
from fabrik.specs.read import load
from fabrik.specs.tasks import tasks_of
from fabrik.specs.unchecked import unchecked
from fabrik.vcs.base import Base, fetch_base
from fabrik.vcs.project import Identity, identity
from fabrik.vcs.run_repo import RunRepo
from fabrik.workflows.agents import ChosenAgent, choose_agent, require_keys, require_model
from fabrik.workflows.context import RunContext, SealedFeedback, SealedLimits, SealedUpstream
from fabrik.workflows.destination import Source, Warn, choose_branch, find_source, tell_rivals
from fabrik.workflows.request import RunRequest
from fabrik.workflows.reviewers import read_prompt
from fabrik.workflows.seal import (
    seal_agent,
    seal_check,
    seal_feedback,
    seal_file,
    seal_holdout,
    seal_task,
    sealed_prompts,
    write_context,
)
from fabrik.workflows.seal_review import ReviewPlan, plan_review, protected_globs, seal_review
from fabrik.workflows.unseen import require_unseen

SAID_BEFORE = 200  # the newest words of humans on a spec that are looked at
RESERVE = 64 << 20  # bytes that must be free to start a run: room for the ledger to tell how it went

__all__ = ["RunRequest", "dispatch"]


async def dispatch(request: RunRequest, warn: Warn) -> str:
    """Check and seal a run, record it in the ledger, and return its id. The worker is started elsewhere.

    `warn` gets a text for each thing that the user should know and that does not stop the run. When it is
    refused, nothing of it is left.
    Raises UsageError (spec, options, project), EnvironmentProblem (agent, sandbox, key, disk), VcsError,
    LedgerError.
    """
    home = paths.home()
    with _private(home.directory):
        return await _dispatch(request, home, warn)


async def _dispatch(request: RunRequest, home: paths.Home, warn: Warn) -> str:
    _require_room(home.directory)
    loaded = load(request.spec, request.todo)
    problem = unchecked(loaded.spec)
    if problem and not request.allow_unchecked:
        raise UsageError(problem.what, where=problem.file, todo=problem.todo)
    for weak in loaded.problems:
        warn(str(weak))
    extra_prompt = read_prompt(request.prompt, "--prompt") if request.prompt else None
    source = await find_source(request, warn)
    config = load_config(source.local, user_config_path(), flags=request.settings())
    agent = choose_agent(config, request)
    require_model(agent, config.model)
    plan = plan_review(config, request, agent, warn)
    await _require_sandbox(config.sandbox, warn)
    require_keys(config, [(agent, [config.model]), *(plan.calls() if plan else [])])
    branch = await choose_branch(request, loaded.spec.id, source)
    tell_rivals(home, source, branch, warn)
    base = await fetch_base(home.projects, source.place, request.ref)
    await require_unseen(base, loaded, source.local, warn)
    author = await identity(source.local)
    if not author.configured:
        warn(
            f"git has no identity here: fabrik's own commits will be by {author.name} <{author.email}>\n"
            '  → git config --global user.name "You"; git config --global user.email you@example.org'
        )
    run_id = new_run_id()
    places = home.run(run_id)
    try:
        places.inputs.mkdir(parents=True)
        await RunRepo.create(places.repo, base)
        context = _seal(request, places, loaded, source, config, agent, plan, author, extra_prompt)
        _record(request, run_id, places, context, loaded, source, branch, base)
    except BaseException:
        shutil.rmtree(places.directory, ignore_errors=True)
        raise
    return run_id


@contextmanager
def _private(home: Path) -> Iterator[None]:
    """What is made in this block belongs to this user alone. Files that cannot be made are told clearly."""
    before = os.umask(0o077)
    try:
        yield
    except OSError as error:
        raise _unwritable(error, home) from error
    finally:
        os.umask(before)


def _unwritable(error: OSError, home: Path) -> FabrikError:
    where = str(error.filename or home)
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return DiskFull("no room is left to write", where=where, todo="make room, then start the run again")
    return EnvironmentProblem(
        f"cannot be used: {error.strerror or error}",
        where=where,
        todo=f"fabrik keeps its things in {home}: make that a writable directory, or set FABRIK_HOME",
    )


def _require_room(directory: Path) -> None:
    existing = next(path for path in (directory, *directory.parents) if path.exists())
    free = shutil.disk_usage(existing).free
    if free < RESERVE:
        raise DiskFull(
            f"only {free >> 20} MiB are free, a run needs {RESERVE >> 20} MiB to start",
            where=str(existing),
            todo="make room, or set FABRIK_HOME to a directory on another disk",
        )


async def _require_sandbox(name: str, warn: Warn) -> None:
    provider = sandboxes.load(name)
    found = await provider.preflight()
    if not found.ready:
        raise EnvironmentProblem(f"the sandbox {name} cannot be used: {found.why}", todo=found.todo)
    if not provider.isolates:
        warn(
            "--sandbox none: the agent runs as you, with your files, keys and network. NOTHING is protected."
        )


def _seal(
    request: RunRequest,
    places: paths.RunPaths,
    loaded: Loaded,
    source: Source,
    config: Config,
    agent: ChosenAgent,
    plan: ReviewPlan | None,
    author: Identity,
    extra_prompt: bytes | None,
) -> RunContext:
    spec = loaded.spec
    tasks: tuple[Task, ...] = tasks_of(spec, loaded.todo)
    review = seal_review(places, plan) if plan else None
    return RunContext(
        v=1,
        fabrik=__version__,
        spec=seal_file(places, spec.path, loaded.spec_bytes),
        spec_id=spec.id,
        spec_title=spec.title,
        spec_text=spec.source,
        accept=spec.accept,
        todo=seal_file(places, loaded.todo_path, loaded.todo_bytes)
        if loaded.todo_path and loaded.todo_bytes is not None
        else None,
        tasks=tuple(seal_task(task) for task in tasks),
        checks=tuple(seal_check(check) for check in spec.checks),
        holdout=seal_holdout(places, loaded),
        prompts=sealed_prompts(),
        extra_prompt=seal_file(places, request.prompt, extra_prompt)
        if request.prompt and extra_prompt is not None
        else None,
        agent=seal_agent(agent, config.model),
        review=review,
        protected=protected_globs(config.protected),
        may_change=spec.may_change,
        feedback=_feedback(spec.path),
        sandbox=config.sandbox,
        read_only=config.read_only,
        path=config.path,
        env=config.env,
        allow=config.allow,
        setup=config.setup,
        limits=_limits(config),
        upstreams={
            vendor: SealedUpstream(base_url=chosen.base_url, key_env=chosen.key_env)
            for vendor, chosen in config.upstreams.items()
        },
        author_name=author.name,
        author_email=author.email,
        auto_approve=request.auto_approve,
        push=request.push,
        remote=source.remote,
    )


def _record(
    request: RunRequest,
    run_id: str,
    places: paths.RunPaths,
    context: RunContext,
    loaded: Loaded,
    source: Source,
    branch: str,
    base: Base,
) -> None:
    encoded = write_context(places, context)
    with Ledger.open(paths.home().ledger) as ledger:
        ledger.create_run(
            NewRun(
                id=run_id,
                spec_id=context.spec_id,
                spec_title=context.spec_title,
                spec_path=context.spec.path,
                todo_path=context.todo.path if context.todo else None,
                project=source.place,
                repo_ref=request.ref,
                base_commit=base.commit,
                branch=branch,
                agent=context.agent.name,
                model=context.agent.model,
                sandbox=context.sandbox,
                directory=str(places.directory),
                unchecked=not (loaded.spec.checks or loaded.spec.holdout),
                context=encoded,
            )
        )


def _feedback(spec: Path) -> tuple[SealedFeedback, ...]:
    with Ledger.open(paths.home().ledger) as ledger:
        return seal_feedback(ledger.feedback_on_spec(str(spec.absolute()), limit=SAID_BEFORE))


def _limits(config: Config) -> SealedLimits:
    limits = config.limits
    return SealedLimits(
        session_seconds=limits.session_seconds,
        check_seconds=limits.check_seconds,
        memory_bytes=limits.memory_bytes,
        processes=limits.processes,
        output_bytes=limits.output_bytes,
        disk_bytes=limits.disk_bytes,
        iterations=config.iterations,
        attempts=config.attempts,
        max_wait_seconds=config.max_wait_seconds,
        budget_usd=config.budget_usd,
        budget_tokens=config.budget_tokens,
        budget_calls=config.budget_calls,
    )
