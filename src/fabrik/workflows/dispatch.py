"""Dispatches a run: everything is checked and sealed before any money is spent."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from fabrik import __version__, paths
from fabrik.config.model import Config
from fabrik.config.read import load_config, user_config_path
from fabrik.errors import DiskFull, EnvironmentProblem, UsageError
from fabrik.ledger.store import Ledger
from fabrik.ledger.types import NewRun
from fabrik.ledger.ulid import new_run_id
from fabrik.sandboxes import registry as sandboxes
from fabrik.specs.model import Loaded, Task
from fabrik.specs.read import load
from fabrik.specs.tasks import tasks_of
from fabrik.specs.unchecked import unchecked
from fabrik.vcs.base import Base, fetch_base
from fabrik.vcs.project import Identity, branch_commit, check_branch_name, identity, inspect, tracked_paths
from fabrik.vcs.run_repo import RunRepo
from fabrik.workflows.agents import ChosenAgent, choose_agent, require_key
from fabrik.workflows.context import RunContext, SealedLimits, SealedUpstream
from fabrik.workflows.request import RunRequest
from fabrik.workflows.seal import (
    seal_check,
    seal_file,
    seal_holdout,
    seal_task,
    sealed_prompts,
    write_context,
)

RESERVE = 64 << 20  # bytes that must be free to start a run: room for the ledger to tell how it went

Warn = Callable[[str], None]

__all__ = ["RunRequest", "dispatch"]


@dataclass(frozen=True, kw_only=True)
class Source:
    """Where the project is, and where a finished run's branch goes."""

    place: str  # path of a local repository, or a URL
    local: Path | None
    remote: str | None


async def dispatch(request: RunRequest, warn: Warn) -> str:
    """Check and seal a run, record it in the ledger, and return its id. The worker is started elsewhere.

    `warn` gets one line for each thing that the user should know and that does not stop the run.
    Raises UsageError (spec, options, project), EnvironmentProblem (agent, sandbox, key, disk), VcsError.
    """
    home = paths.home()
    _require_room(home.directory)
    loaded = load(request.spec, request.todo)
    problem = unchecked(loaded.spec)
    if problem and not request.allow_unchecked:
        raise UsageError(problem.what, where=problem.file, todo=problem.todo)
    source = await _source(request, warn)
    config = load_config(source.local, user_config_path(), flags=request.settings())
    agent = choose_agent(config, request)
    await _require_sandbox(config.sandbox, warn)
    require_key(agent, config)
    branch = await _branch(request, loaded, source)
    base = await fetch_base(home.projects, source.place, request.ref)
    await _require_unseen_holdout(base, loaded)
    author = await identity(source.local)
    if not author.configured:
        warn(f"git has no identity here: fabrik's own commits will be by {author.name} <{author.email}>")
    return await _record(request, home, loaded, source, config, agent, branch, base, author)


def _require_room(directory: Path) -> None:
    existing = next(path for path in (directory, *directory.parents) if path.exists())
    free = shutil.disk_usage(existing).free
    if free < RESERVE:
        raise DiskFull(
            f"only {free >> 20} MiB are free, a run needs {RESERVE >> 20} MiB to start",
            where=str(existing),
            todo="make room, or set FABRIK_HOME to a directory on another disk",
        )


async def _source(request: RunRequest, warn: Warn) -> Source:
    if request.repo and request.project:
        raise UsageError("--project and --repo exclude each other", todo="give one of them")
    if request.repo:
        return Source(place=request.repo, local=None, remote=request.repo)
    project = await inspect((request.project or Path.cwd()).absolute())
    if project.dirty:
        warn(
            f"{project.root} has uncommitted changes: they are not part of this run, which starts at a commit"
        )
    if request.push and not project.remote:
        raise UsageError("--push needs a remote", where=str(project.root), todo="`git remote add origin URL`")
    return Source(place=str(project.root), local=project.root, remote=project.remote)


async def _require_sandbox(name: str, warn: Warn) -> None:
    provider = sandboxes.load(name)
    found = await provider.preflight()
    if not found.ready:
        raise EnvironmentProblem(f"the sandbox {name} cannot be used: {found.why}", todo=found.todo)
    if not provider.isolates:
        warn(
            "--sandbox none: the agent runs as you, with your files, keys and network. NOTHING is protected."
        )


async def _branch(request: RunRequest, loaded: Loaded, source: Source) -> str:
    branch = request.branch or f"spec-{loaded.spec.id}"
    await check_branch_name(branch)
    if source.local and await branch_commit(source.local, branch):
        raise UsageError(
            f"the branch {branch} is there already",
            where=str(source.local),
            todo=f"choose another with --branch, or delete it: git branch -D {branch}",
        )
    return branch


async def _require_unseen_holdout(base: Base, loaded: Loaded) -> None:
    sources = {destination for check in loaded.spec.holdout for destination in check.files}
    if seen := await tracked_paths(base.repository, base.commit, sorted(sources)):
        raise UsageError(
            f"held-out files are in the project's repository, where agents can read them: {', '.join(seen)}",
            where=str(loaded.spec.path),
            todo="keep held-out tests out of the repository, for example beside the spec",
        )


async def _record(
    request: RunRequest,
    home: paths.Home,
    loaded: Loaded,
    source: Source,
    config: Config,
    agent: ChosenAgent,
    branch: str,
    base: Base,
    author: Identity,
) -> str:
    run_id = new_run_id()
    places = home.run(run_id)
    places.inputs.mkdir(parents=True, mode=0o700)
    await RunRepo.create(places.repo, base)
    spec = loaded.spec
    tasks: tuple[Task, ...] = tasks_of(spec, loaded.todo)
    context = RunContext(
        v=1,
        fabrik=__version__,
        spec=seal_file(places, loaded.spec.path, loaded.spec_bytes),
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
        extra_prompt=seal_file(places, request.prompt, _read_prompt(request.prompt))
        if request.prompt
        else None,
        agent=agent.name,
        agent_options=agent.options,
        agent_read_only=agent.read_only,
        agent_path=agent.path,
        model=config.model,
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
    encoded = write_context(places, context)
    with Ledger.open(home.ledger) as ledger:
        ledger.create_run(
            NewRun(
                id=run_id,
                spec_id=spec.id,
                spec_title=spec.title,
                spec_path=str(spec.path),
                todo_path=str(loaded.todo_path) if loaded.todo_path else None,
                project=source.place,
                repo_ref=request.ref,
                base_commit=base.commit,
                branch=branch,
                agent=agent.name,
                model=config.model,
                sandbox=config.sandbox,
                directory=str(places.directory),
                unchecked=not (spec.checks or spec.holdout),
                context=encoded,
            )
        )
    return run_id


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


def _read_prompt(path: Path) -> bytes:
    try:
        content = path.read_bytes()
        content.decode("utf-8")
    except OSError as error:
        raise UsageError(
            f"cannot be read: {error.strerror}", where=str(path), todo="check --prompt"
        ) from error
    except UnicodeDecodeError as error:
        raise UsageError("is not UTF-8 text", where=str(path), todo="save it as UTF-8") from error
    return content
