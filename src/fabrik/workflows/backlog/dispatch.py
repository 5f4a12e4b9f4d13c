"""Dispatches a run for one spec of a backlog: everything is checked and sealed before money is spent."""

from __future__ import annotations

import time
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path

from fabrik import paths
from fabrik.backlog.folder import Folder, SpecName, find_specs, read_spec
from fabrik.backlog.header import Header
from fabrik.backlog.logs import stamp
from fabrik.backlog.markers import Candidate, read_candidate
from fabrik.backlog.scratchpad import NAME, read_scratchpad
from fabrik.errors import UsageError, VcsError
from fabrik.ledger.codec import encode
from fabrik.vcs.adopt import adopt, has_commit, is_ancestor, parent_of
from fabrik.vcs.base import Base, fetch_base
from fabrik.vcs.checkout import locate, refuse_unfinished
from fabrik.vcs.composed import compose
from fabrik.vcs.project import Project, identity, inspect
from fabrik.vcs.reading import ls
from fabrik.workflows.backlog.commands import check_command, check_name, goes_into
from fabrik.workflows.backlog.request import BacklogRequest
from fabrik.workflows.backlog.sealed import SealedBacklog
from fabrik.workflows.backlog.telling import prompt_hashes
from fabrik.workflows.backlog.workspace import Repository, Workspace, find_workdir
from fabrik.workflows.commission import Crew, Job, author_of, commission, hire, private
from fabrik.workflows.context import SealedCheck
from fabrik.workflows.destination import Source, Warn
from fabrik.workflows.project_checks import AGENTS, project_checks
from fabrik.workflows.seal import sealed_prompts

WHOLE = "everything that the specification asks for is done"  # where it lists no criteria
SEED_CRITERIA = (
    "the new specifications are those that the specification asks for, with all that it says of them",
    "each of them can be worked on by itself: one change, clear, with acceptance criteria that can be tested",
)


@dataclass(frozen=True, kw_only=True)
class Asked:
    """One spec that is to be worked on."""

    name: SpecName
    content: bytes
    text: str
    header: Header
    forced: bool = False


async def dispatch(
    asked: Asked, place: Folder, workspace: Workspace, request: BacklogRequest, warn: Warn
) -> str:
    """Seal a run for this spec, record it in the ledger, and return its id.

    Raises UsageError (spec, options, repository), EnvironmentProblem, VcsError, LedgerError.
    """
    with private() as home:
        if asked.header.seed:
            return await _dispatch_seed(asked, place, workspace, request, home, warn)
        return await _dispatch(asked, place, workspace, request, home, warn)


async def _dispatch(
    asked: Asked,
    place: Folder,
    workspace: Workspace,
    request: BacklogRequest,
    home: paths.Home,
    warn: Warn,
) -> str:
    repository = await workspace.repository(asked.header.repo)
    workdir = find_workdir(repository, asked.header.workdir, workspace.root)
    project = await on_branch(repository)
    if project.changed:
        warn(
            f"{project.root} has uncommitted changes: they stay, and are not part of the work,"
            " which starts at a commit"
        )
    source = Source(place=str(project.root), local=project.root, remote=project.remote)
    crew = await _hire(request, source.local, warn)
    base = await fetch_base(home.projects, source.place, project.head)
    candidate, compared_with = await _candidate(asked, place, base, source.place, home, warn)
    sealed = _sealed(asked, place, workspace, request)
    located = await locate(project.root)
    name = repository.name if repository.name != "." else project.root.name
    sealed = replace(
        sealed,
        repo=name,
        root=str(located.root),
        git_dir=str(located.git_dir),
        workdir=workdir,
        candidate=candidate,
        compared_with=compared_with,
    )
    checks = await _checks(asked, base, name, workdir, warn)
    job = _job(asked, place, sealed, checks, branch=str(project.branch))
    return await commission(job, crew, source, base, await author_of(source, warn))


class NotReady(UsageError):
    """A repository that is in the middle of something: its specs are held back, and the others go on."""


async def on_branch(repository: Repository) -> Project:
    """The repository with a branch checked out and nothing under way.

    Raises NotReady, UsageError, VcsError.
    """
    try:
        project = await inspect(repository.root)
    except UsageError as error:  # it has no commit yet, or a part of git's is not there
        raise NotReady(error.what, where=error.where, todo=error.todo) from error
    if project.branch is None:
        raise NotReady(
            "no branch is checked out (HEAD is detached): verified work lands on the current branch",
            where=str(project.root),
            todo="git switch BRANCH",
        )
    try:
        refuse_unfinished(await locate(project.root))
    except UsageError as error:
        raise NotReady(error.what, where=error.where, todo=error.todo) from error
    return project


async def _checks(asked: Asked, base: Base, name: str, workdir: str, warn: Warn) -> tuple[SealedCheck, ...]:
    """The spec's commands, else those that the repository's AGENTS.md has for all work. Raises VcsError.

    name: the repository's path in the workspace.
    """
    scripts = asked.header.checks
    if scripts:
        runs = [await _placed(script, base, name, workdir) for script in scripts]
        return tuple(
            SealedCheck(name=check_name(script, number), run=run)
            for number, (script, run) in enumerate(zip(scripts, runs, strict=True), 1)
        )
    if found := await project_checks(base):
        names = ", ".join(" ".join(check.run.split())[:80] for check in found)
        warn(f"{asked.name.path}: it has no command of its own, so those of {AGENTS} are run ({names})")
    else:
        warn(
            f"nothing but agents checks {asked.name.path}: neither its Verification nor {AGENTS} names a"
            " command that the host could run"
        )
    return found


async def _placed(script: str, base: Base, name: str, workdir: str) -> str:
    """A script as a check: from above the repository, where it goes into it by its name. Raises VcsError."""
    from_above, into = goes_into(script, name), bool(workdir) and goes_into(script, workdir)
    if not (from_above or into):
        return check_command(script, workdir=workdir)
    below = {entry.path for entry in await ls(base.repository, base.commit)}

    def has(directory: str) -> bool:
        return any(path.startswith(f"{directory}/") for path in below)

    start = f"{workdir}/" if workdir else ""
    if from_above and not has(f"{start}{name}"):  # a directory of its own by that name is meant otherwise
        return check_command(script, workdir="", above=name)
    return check_command(script, workdir="" if into and not has(f"{start}{workdir}") else workdir)


async def _hire(request: BacklogRequest, local: Path | None, warn: Warn) -> Crew:
    """The implementer and the verifier. Nothing is done without a verifier, whatever a configuration says."""
    options = replace(request, review_max=0 if request.review_max is None else request.review_max)
    crew = await hire(options, local, warn, reviewed=True)
    assert crew.review is not None  # noqa: S101 - asked for on the line above
    return replace(crew, review=replace(crew.review, full=(), light=()))


async def _candidate(
    asked: Asked, place: Folder, base: Base, project: str, home: paths.Home, warn: Warn
) -> tuple[str | None, str | None]:
    """The commit that was put forward before, and what it is compared with; (None, None) for none.

    It must be in the history of the branch, or build on it: anything else could not land as it was verified.
    """
    found = None if asked.forced else read_candidate(place.candidate(asked.name))
    if found is None:
        return None, None
    if found.commit is None:
        warn(f"{asked.name.path}: its candidate marker names no commit, so it is implemented anew")
        return None, None
    if not await _bring(found, base, project, home):
        warn(f"{asked.name.path}: its candidate {found.commit[:12]} is gone, so it is implemented anew")
        return None, None
    if await is_ancestor(base.repository, found.commit, base.commit):
        before = await parent_of(base.repository, found.commit)
        return (found.commit, before) if before else (None, None)
    if await is_ancestor(base.repository, base.commit, found.commit):
        return found.commit, base.commit
    warn(
        f"{asked.name.path}: its candidate {found.commit[:12]} and the branch have gone apart, so it is"
        " implemented anew"
    )
    return None, None


async def _bring(found: Candidate, base: Base, project: str, home: paths.Home) -> bool:
    commit = str(found.commit)
    if await has_commit(base.repository, commit):
        return True
    if await has_commit(Path(project), commit, user=True):
        try:
            await fetch_base(home.projects, project, commit)
        except (UsageError, VcsError):
            return False
        return True
    return found.run is not None and await _of_run(base, found.run, commit, home)


async def _of_run(base: Base, run: str, commit: str, home: paths.Home) -> bool:
    if not (run.isalnum() and run.isascii()):  # a marker may say anything
        return False
    return await adopt(base, home.run(run).repo, commit)


async def _dispatch_seed(
    asked: Asked,
    place: Folder,
    workspace: Workspace,
    request: BacklogRequest,
    home: paths.Home,
    warn: Warn,
) -> str:
    """A seed spec works on a commit made for it: the workspace as it is committed, and the backlog."""
    if asked.header.checks:
        warn(f"{asked.name.path}: its commands are not run, for it commits nothing: agents alone check it")
    source = Source(place=str(workspace.root), local=None, remote=None)
    crew = await _hire(request, None, warn)
    top = f"{workspace.backlog}/" if workspace.backlog else ""
    author = await identity(None)
    base = await compose(
        home.projects,
        str(place.directory),
        parts=await _parts(workspace, home, warn),
        files={
            **{
                f"{top}specs/{name.path}": text.encode()
                for name in find_specs(place.specs)
                if isinstance(text := read_spec(place.spec(name), name.path), str)
            },
            f"{top}{NAME}": read_scratchpad(place.scratchpad).encode(),
        },
        identity=author,
        when=datetime.now(UTC),
        message="The workspace and its backlog",
    )
    sealed = replace(_sealed(asked, place, workspace, request), copied_to=workspace.backlog)
    job = _job(asked, place, sealed, (), branch="specs")
    return await commission(job, crew, source, base, author)


async def _parts(workspace: Workspace, home: paths.Home, warn: Warn) -> dict[str, Base]:
    """What is committed in the repositories of the workspace, by their paths in it."""
    parts = {}
    for repository in await workspace.repositories():
        path = "" if repository.name == "." else repository.name
        try:
            base = await fetch_base(home.projects, str(repository.root), None)
        except (UsageError, VcsError) as error:
            warn(f"{repository.name} is not shown to the agent: {error.what}")
            continue
        if len(base.commit) == 40 and not (path and "" in parts):
            parts[path] = base
    return parts


def _sealed(asked: Asked, place: Folder, workspace: Workspace, request: BacklogRequest) -> SealedBacklog:
    return SealedBacklog(
        folder=str(place.directory),
        number=asked.name.number,
        spec=asked.name.path,
        seed=asked.header.seed,
        repo=None,
        root=None,
        git_dir=None,
        workdir="",
        copied_to="",
        workspace=str(workspace.root),
        phrase=request.magic_phrase,
        attempts=request.max_attempts,
        stamp=stamp(time.time()),
        log_format=request.log_format,
        forced=asked.forced,
        candidate=None,
        compared_with=None,
    )


def _job(
    asked: Asked, place: Folder, sealed: SealedBacklog, checks: tuple[SealedCheck, ...], *, branch: str
) -> Job:
    header = asked.header
    usual = SEED_CRITERIA if sealed.seed else (WHOLE,)
    return Job(
        workflow="backlog",
        id=asked.name.id,
        title=header.title or asked.name.id,
        path=place.spec(asked.name),
        content=asked.content,
        text=asked.text,
        accept=header.criteria or usual,
        checks=checks,
        branch=branch,
        unchecked=not checks,
        order=encode(SealedBacklog, sealed),
        more=lambda _: {"prompts": {**sealed_prompts(), **prompt_hashes()}},
    )
