"""What dispatching a run of any workflow has in common: who works, what is sealed, what is recorded."""

from __future__ import annotations

import errno
import os
import shutil
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from fabrik import __version__, paths
from fabrik.config.model import Config
from fabrik.config.read import load_config, user_config_path
from fabrik.errors import DiskFull, EnvironmentProblem, FabrikError
from fabrik.ledger.store import Ledger
from fabrik.ledger.types import NewRun
from fabrik.ledger.ulid import new_run_id
from fabrik.sandboxes import registry as sandboxes
from fabrik.sandboxes.sandbox import Options as ContainerOptions
from fabrik.vcs.base import Base
from fabrik.vcs.project import Identity, identity
from fabrik.vcs.run_repo import RunRepo
from fabrik.workflows.agents import ChosenAgent, choose_agent, require_keys, require_model
from fabrik.workflows.context import (
    RunContext,
    SealedCheck,
    SealedContainers,
    SealedFeedback,
    SealedJudge,
    SealedLimits,
    SealedTask,
    SealedUpstream,
)
from fabrik.workflows.destination import Source, Warn
from fabrik.workflows.dispatching import dispatching
from fabrik.workflows.request import Options
from fabrik.workflows.seal import seal_agent, seal_feedback, seal_file, sealed_prompts, write_context
from fabrik.workflows.seal_allow import seal_allow
from fabrik.workflows.seal_review import ReviewPlan, plan_review, protected_globs, seal_review

SAID_BEFORE = 200  # the newest words of humans on a spec that are looked at
RESERVE = 64 << 20  # bytes that must be free to start a run: room for the ledger to tell how it went


@dataclass(frozen=True, kw_only=True)
class Crew:
    """Who works on a run, and under which configuration."""

    config: Config
    agent: ChosenAgent
    review: ReviewPlan | None  # None: nobody reviews


@dataclass(frozen=True, kw_only=True)
class Job:
    """What is to be done, for a run of any workflow."""

    workflow: str  # its name in workflows/registry.py
    id: str  # a spec's id, or what stands for it, such as "loop-build"
    title: str  # one line
    path: Path  # the spec, or the file or directory that the run is about
    content: bytes  # of that file: it is sealed with the run
    text: str = ""  # what is asked, as agents may see it
    accept: Sequence[str] = ()
    tasks: Sequence[SealedTask] = ()
    checks: Sequence[SealedCheck] = ()
    may_change: Sequence[str] = ()
    branch: str  # where the result goes, or what is looked at
    ref: str | None = None  # what the user asked to start from
    unchecked: bool = False  # nothing but agents tells whether it is done
    auto_approve: bool = False
    order: Mapping[str, Any] = field(default_factory=dict)  # what the workflow needs besides, as JSON
    more: Callable[[paths.RunPaths], Mapping[str, Any]] = field(default=lambda _: {})
    """Writes further inputs of the run, and returns fields of its context: a todo, held-out checks, …"""


@contextmanager
def private() -> Iterator[paths.Home]:
    """What is made in this block belongs to this user alone. Files that cannot be made are told clearly.

    Raises DiskFull, also when there is too little room to start with; EnvironmentProblem.
    """
    home = paths.home()
    before = os.umask(0o077)
    try:
        _require_room(home.directory)
        with dispatching(home.dispatching):
            yield home
    except OSError as error:
        raise _unwritable(error, home.directory) from error
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


async def hire(options: Options, project: Path | None, warn: Warn, *, reviewed: bool = True) -> Crew:
    """Choose who works, and make sure that they can: programs, models, keys, the sandbox.

    project: the root of the local one, whose fabrik.toml counts. reviewed: the workflow has reviewers, unless
    the user wants none. Raises UsageError, EnvironmentProblem, Problems.
    """
    config = load_config(project, user_config_path(), flags=options.settings())
    agent = choose_agent(config, options)
    require_model(agent, config.model)
    plan = plan_review(config, options, agent, warn) if reviewed else None
    await _require_sandbox(config, warn)
    require_keys(config, [(agent, [config.model]), *(plan.calls() if plan else [])])
    return Crew(config=config, agent=agent, review=plan)


async def _require_sandbox(config: Config, warn: Warn) -> None:
    made_of = config.containers
    provider = sandboxes.load(config.sandbox, ContainerOptions(image=made_of.image, runtime=made_of.runtime))
    found = await provider.preflight()
    if not found.ready:
        raise EnvironmentProblem(f"the sandbox {config.sandbox} cannot be used: {found.why}", todo=found.todo)
    if not provider.isolates:
        warn(
            f"--sandbox {config.sandbox}: the agent runs as {_as_whom(config.sandbox)}, with all files, keys"
            " and the network. NOTHING is protected."
        )


def _as_whom(sandbox: str) -> str:
    kind, _, target = sandbox.partition(":")
    return f"your user on {target}" if kind == "ssh" else "you"


async def author_of(source: Source, warn: Warn) -> Identity:
    """Who fabrik's own commits are by. Raises VcsError."""
    author = await identity(source.local)
    if not author.configured:
        warn(
            f"git has no identity here: fabrik's own commits will be by {author.name} <{author.email}>\n"
            '  → git config --global user.name "You"; git config --global user.email you@example.org'
        )
    return author


async def commission(
    job: Job, crew: Crew, source: Source, base: Base, author: Identity, *, push: bool = False
) -> str:
    """Seal a run and record it in the ledger; its id. The worker is started elsewhere (workflows/control.py).

    Call it in `private`. When it fails, nothing of the run is left. Raises VcsError, LedgerError, DiskFull.
    """
    run_id = new_run_id()
    places = paths.home().run(run_id)
    try:
        places.inputs.mkdir(parents=True)
        await RunRepo.create(places.repo, base)
        context = _seal(places, job, crew, source, author, push=push)
        _record(run_id, places, context, job, source, base)
    except BaseException:
        shutil.rmtree(places.directory, ignore_errors=True)
        raise
    return run_id


def _seal(
    places: paths.RunPaths, job: Job, crew: Crew, source: Source, author: Identity, *, push: bool
) -> RunContext:
    config = crew.config
    context = RunContext(
        v=1,
        fabrik=__version__,
        workflow=job.workflow,
        order=job.order,
        spec=seal_file(places, job.path, job.content),
        spec_id=job.id,
        spec_title=job.title,
        spec_text=job.text,
        accept=tuple(job.accept),
        todo=None,
        tasks=tuple(job.tasks),
        checks=tuple(job.checks),
        holdout=(),
        prompts=sealed_prompts(),
        extra_prompt=None,
        agent=seal_agent(crew.agent, config.model),
        review=seal_review(places, crew.review) if crew.review else None,
        protected=protected_globs(config.protected),
        may_change=tuple(job.may_change),
        feedback=_feedback(job.path),
        sandbox=config.sandbox,
        containers=SealedContainers(image=config.containers.image, runtime=config.containers.runtime),
        read_only=config.read_only,
        path=config.path,
        env=config.env,
        allow=seal_allow(config.allow),
        setup=config.setup,
        limits=sealed_limits(config),
        upstreams=sealed_upstreams(config),
        judge=seal_judge(config),
        author_name=author.name,
        author_email=author.email,
        auto_approve=job.auto_approve,
        push=push,
        remote=source.remote,
    )
    return replace(context, **job.more(places))


def _record(
    run_id: str, places: paths.RunPaths, context: RunContext, job: Job, source: Source, base: Base
) -> None:
    encoded = write_context(places, context)
    with Ledger.open(paths.home().ledger) as ledger:
        ledger.create_run(
            NewRun(
                id=run_id,
                workflow=context.workflow,
                spec_id=context.spec_id,
                spec_title=context.spec_title,
                spec_path=context.spec.path,
                todo_path=context.todo.path if context.todo else None,
                project=source.place,
                repo_ref=job.ref,
                base_commit=base.commit,
                branch=job.branch,
                agent=context.agent.name,
                model=context.agent.model,
                sandbox=context.sandbox,
                directory=str(places.directory),
                unchecked=job.unchecked,
                context=encoded,
            )
        )


def _feedback(spec: Path) -> tuple[SealedFeedback, ...]:
    with Ledger.open(paths.home().ledger) as ledger:
        return seal_feedback(ledger.feedback_on_spec(str(spec.absolute()), limit=SAID_BEFORE))


def seal_judge(config: Config) -> SealedJudge | None:
    """The judge that checks may ask; None where the user has not opened them. Raises UsageError."""
    from fabrik.workflows.judge_models import judge_model

    if not config.judge.in_checks:
        return None
    return SealedJudge(fast=str(judge_model(config, "fast")), smart=str(judge_model(config, "smart")))


def sealed_upstreams(config: Config) -> dict[str, SealedUpstream]:
    """Where the vendors' models are reached, and the names of the variables with their keys."""
    return {
        vendor: SealedUpstream(base_url=chosen.base_url, key_env=chosen.key_env)
        for vendor, chosen in config.upstreams.items()
    }


def sealed_limits(config: Config) -> SealedLimits:
    """The bounds of a run."""
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
