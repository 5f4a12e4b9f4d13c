"""Where the project is that a run starts from, and where its result goes: seen to before it starts."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from fabrik import paths
from fabrik.errors import UsageError
from fabrik.ledger.store import Ledger
from fabrik.vcs.base import is_address
from fabrik.vcs.in_the_way import branch_in_the_way, remote_branch_in_the_way
from fabrik.vcs.project import check_branch_name, facts, inspect
from fabrik.workflows.request import Options, RunRequest

Warn = Callable[[str], None]


@dataclass(frozen=True, kw_only=True)
class Source:
    """Where the project is, and where a finished run's branch goes."""

    place: str  # absolute path of a local repository, or an address
    local: Path | None  # the root of the working tree that --project names
    remote: str | None  # the name of the project's remote, for --push


async def find_source(request: Options, warn: Warn) -> Source:
    """Where the project is, by --project, --repo or the current directory. Raises UsageError, VcsError."""
    if request.repo and request.project:
        raise UsageError("--project and --repo exclude each other", todo="give one of them")
    if request.repo:
        if is_address(request.repo):
            return Source(place=request.repo, local=None, remote=None)
        place = Path(request.repo).expanduser().absolute()
        await facts(place)
        return Source(place=str(place), local=None, remote=None)
    project = await inspect((request.project or Path.cwd()).absolute())
    if project.dirty:
        warn(
            f"{project.root} has uncommitted changes: they are not part of this run, which starts at a commit"
        )
    if request.push and not project.remote:
        raise UsageError("--push needs a remote", where=str(project.root), todo="`git remote add origin URL`")
    return Source(place=str(project.root), local=project.root, remote=project.remote)


async def choose_branch(request: RunRequest, spec_id: str, source: Source) -> str:
    """The name of the branch, which nothing there is in the way of. Raises UsageError, VcsError."""
    branch = request.branch or f"spec-{spec_id}"
    await check_branch_name(branch)
    if is_address(source.place):
        if found := await remote_branch_in_the_way(source.place, branch):
            raise _taken(branch, found, source.place, "or delete it there")
        return branch
    project = Path(source.place)
    if found := await branch_in_the_way(project, branch):
        raise _taken(branch, found, source.place, f"or delete it: git branch -D {found}")
    remote = source.remote if request.push else None
    if remote and (found := await remote_branch_in_the_way(remote, branch, project=project)):
        where = f"remote {remote} of {source.place}"
        raise _taken(branch, found, where, f"or delete it: git push {remote} --delete {found}")
    return branch


def _taken(branch: str, found: str, where: str, otherwise: str) -> UsageError:
    beside = "" if found == branch else f", and git has no room for {branch} beside it"
    return UsageError(
        f"the branch {found} is there already{beside}",
        where=where,
        todo=f"choose another with --branch, {otherwise}",
    )


def tell_rivals(home: paths.Home, source: Source, branch: str, warn: Warn) -> None:
    """Warn of runs that have not ended and want to ship to the same branch. Raises LedgerError."""
    with Ledger.open(home.ledger) as ledger:
        for run in [
            *ledger.list_runs(limit=None, status="running"),
            *ledger.list_runs(limit=None, status="waiting"),
        ]:
            ours = run.workflow == "ship"  # others look at a branch, or land on that of the user
            if ours and (run.project, run.branch) == (source.place, branch):
                warn(
                    f"run {run.id[-8:]} goes to the branch {branch} of this project as well: the one that"
                    " ships first gets it\n"
                    f"  → fabrik run cancel {run.id[-8:]}, or choose another branch with --branch"
                )
