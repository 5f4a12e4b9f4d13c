"""Whether the commits of a run are also where its user keeps theirs: in the project, or at its address."""

from __future__ import annotations

from pathlib import Path

from fabrik.errors import FabrikError
from fabrik.ledger.types import Run
from fabrik.vcs.adopt import is_ancestor
from fabrik.vcs.base import is_address
from fabrik.vcs.git import git, run
from fabrik.vcs.refs import list_refs

REFS = "refs/fabrik/"
BASE = f"{REFS}base"
NO_WORK = ("review", "judge", "interview", "todo")  # workflows that make no commit
LISTING_SECONDS = 60.0  # for an address to say which branches it has


async def only_here(found: Run, repo: Path) -> str | None:
    """A commit that is nowhere but in the run's own repository; None when there is none.

    Of a run that was shipped, or is done, only its result counts: the rest led to it. Raises FabrikError when
    that cannot be told, and then the run must stay.
    """
    if found.workflow in NO_WORK:
        return None
    if found.status in ("shipped", "done"):
        tips = [found.candidate] if found.candidate else []
    else:
        refs = await list_refs(repo, REFS) if repo.is_dir() else {}
        tips = [at for name, at in refs.items() if name != BASE]
    wanted = dict.fromkeys(tip for tip in tips if tip != found.base_commit)
    if not wanted:
        return None
    if is_address(found.project):
        there = await _advertised(found.project)
        for tip in wanted:
            if not await _at_address(repo, tip, there):
                return tip
        return None
    for tip in wanted:
        if not await _in_project(Path(found.project), tip):
            return tip
    return None


async def _in_project(project: Path, commit: str) -> bool:
    """In a branch, a remote's branch or a tag of the user's repository, or what is checked out there."""
    if not project.is_dir():
        return False
    named = await run(
        "for-each-ref",
        "--count=1",
        "--format=%(refname)",
        "--contains",
        commit,
        cwd=project,
        user_config=True,
    )
    if named.status == 0 and named.stdout.strip():
        return True
    held = await run("merge-base", "--is-ancestor", commit, "HEAD", cwd=project, user_config=True)
    return held.status == 0


async def _advertised(address: str) -> set[str]:
    """The commits that an address names. Raises FabrikError."""
    listed = await git(
        "ls-remote", "--quiet", address, user_config=True, seconds=LISTING_SECONDS, where=address
    )
    return {line.split("\t", 1)[0] for line in listed.decode(errors="replace").splitlines()}


async def _at_address(repo: Path, commit: str, there: set[str]) -> bool:
    """Named there, or in the history of what is named there and also known here."""
    if commit in there:
        return True
    for tip in there:
        if await is_ancestor(repo, commit, tip):
            return True
    return False


async def source_key(project: str) -> str | None:
    """The name of the directory with the project's history; None where the project is not to be found."""
    from fabrik.vcs.base import key_of
    from fabrik.vcs.project import facts

    if is_address(project):
        return key_of(project)
    try:
        return key_of(str((await facts(Path(project))).common_dir.resolve()))
    except FabrikError:
        return None
