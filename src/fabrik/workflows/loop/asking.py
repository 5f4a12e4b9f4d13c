"""`fabrik loop …` becomes a run: what the project has is read and sealed before any money is spent."""

from __future__ import annotations

from contextlib import ExitStack
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path

from fabrik.errors import UsageError
from fabrik.ledger.codec import encode
from fabrik.playbook import agents_md, layout, variables
from fabrik.vcs.base import Base, fetch_base
from fabrik.vcs.checkout import Snapshot, snapshot
from fabrik.vcs.git import run
from fabrik.vcs.project import identity, inspect
from fabrik.vcs.reading import read_file
from fabrik.workflows.commission import Job, author_of, commission, hire, private
from fabrik.workflows.context import SealedCheck
from fabrik.workflows.destination import Source, Warn
from fabrik.workflows.loop.alone import beginning
from fabrik.workflows.loop.landing import UNCOMMITTED
from fabrik.workflows.loop.order import MOST, Mode, SealedLoop
from fabrik.workflows.loop.reading import MAX_PLAN
from fabrik.workflows.request import Options
from fabrik.workflows.review_dispatch import require_globs

TRUNKS = ("main", "master")


@dataclass(frozen=True, kw_only=True)
class LoopRequest(Options):
    """One `fabrik loop`. None: not said on the command line."""

    mode: Mode
    most: int | None = None  # iterations; 0: no bound
    work: str | None = None  # what `plan-work` is about
    goal: str | None = None
    may_change: tuple[str, ...] = ()  # globs of files that judge the work, and may be changed
    tag: bool = True


async def dispatch_loop(request: LoopRequest, warn: Warn, begun: ExitStack) -> str:
    """Check and seal a loop, record it in the ledger, and return its id. The worker is started elsewhere.

    `warn` gets a text for each thing that the user should know and that does not stop it. `begun` keeps
    others from beginning a loop on the branch: close it when the worker is started.
    Raises UsageError (project, files, options), RunBusy, EnvironmentProblem (agent, sandbox, key, disk),
    VcsError, LedgerError.
    """
    with private() as home:
        require_globs(request.may_change)
        start = (request.project or Path.cwd()).absolute()
        project = await inspect(start)
        found = layout.find(project.root)
        prompt = layout.prompt_for(found, request.mode)
        if request.push and not project.remote:
            raise UsageError(
                "--push needs a remote", where=str(project.root), todo="git remote add origin URL"
            )
        author = await identity(project.root)
        shot = await snapshot(project.root, author, datetime.now(UTC), UNCOMMITTED)
        values = variables.standard(found) | {"BRANCH": shot.branch}
        values |= {
            name: said for name, said in (("GOAL", request.goal), ("WORK_SCOPE", request.work)) if said
        }
        variables.fill(prompt.text, values | {"ITERATION": "1"}, where=prompt.name)
        for text in variables.warnings(prompt.text, goal=request.goal, where=prompt.name):
            warn(text)
        if request.mode == "plan-work":
            await _require_work_branch(shot, project.remote)
            await _require_committed_plan(shot)
        begun.enter_context(beginning(shot.place.git_dir, shot.branch))
        checks = _checks(found, request, warn)
        _tell(shot, request, warn)
        source = Source(place=str(project.root), local=project.root, remote=project.remote)
        crew = await hire(replace(request, iterations=0), project.root, warn, reviewed=False)
        base = await fetch_base(home.projects, source.place, shot.commit)
        author = await author_of(source, warn)
        await _warn_of_plan(base, request, warn)
        most = request.most if request.most is not None else MOST[request.mode]
        order = SealedLoop(
            mode=request.mode,
            most=most,
            prompt=prompt.text,
            prompt_name=prompt.name,
            values=values,
            root=str(shot.place.root),
            git_dir=str(shot.place.git_dir),
            tip=shot.tip,
            tag=request.tag,
        )
        job = Job(
            workflow="loop",
            id=f"loop-{request.mode}",
            title=_title(request, shot, most),
            path=prompt.path or project.root / layout.PROMPT_FILES[request.mode][0],
            content=prompt.text.encode(),
            text=prompt.text,
            checks=checks,
            may_change=request.may_change,
            branch=shot.branch,
            unchecked=order.builds and not checks,
            order=encode(SealedLoop, order),
        )
        return await commission(job, crew, source, base, author, push=request.push)


def _title(request: LoopRequest, shot: Snapshot, most: int) -> str:
    bound = f", at most {most} iterations" if most else ""
    about = f": {' '.join(request.work.split())[:80]}" if request.work else ""
    return f"{request.mode} on {shot.branch}{bound}{about}"


async def _require_work_branch(shot: Snapshot, remote: str | None) -> None:
    """A plan for one piece of work would take the place of the plan for all of it."""
    trunks = set(TRUNKS)
    if remote:
        said = await run(
            "symbolic-ref", "--quiet", "--short", f"refs/remotes/{remote}/HEAD",
            cwd=shot.place.root, user_config=True,
        )  # fmt: skip
        trunks.add(said.stdout.decode(errors="replace").strip().removeprefix(f"{remote}/"))
    if shot.branch in trunks:
        raise UsageError(
            f"`plan-work` is for a work branch, and {shot.branch} is the trunk",
            where=str(shot.place.root),
            todo="begin one first: git switch -c ralph/your-work",
        )


async def _require_committed_plan(shot: Snapshot) -> None:
    sides = [
        (await run("rev-parse", "--verify", "--quiet", f"{at}:{layout.PLAN}", cwd=shot.place.root,
                   user_config=True)).stdout
        for at in (shot.tip, shot.commit)
    ]  # fmt: skip
    if sides[0] != sides[1]:
        raise UsageError(
            f"{layout.PLAN} has changes that are not committed, and `plan-work` would overwrite them",
            where=str(shot.place.root),
            todo=f"commit them, or put it back: git restore {layout.PLAN}",
        )


def _checks(found: layout.Layout, request: LoopRequest, warn: Warn) -> tuple[SealedCheck, ...]:
    """The project's own checks, as AGENTS.md names them now."""
    if request.mode != "build":
        return ()
    if found.agents is None:
        warn(f"NOTHING CHECKS THE WORK: there is no {layout.AGENTS}\n  → fabrik init lays one out")
        return ()
    read = agents_md.read(layout.read(found.agents), str(found.agents))
    for problem in read.problems:
        warn(str(problem))
    if not read.checks:
        warn(
            f"NOTHING CHECKS THE WORK: {found.agents} names no command that validates it\n"
            "  → name one there, for example below a heading Validation: - Tests: `make test`"
        )
    return tuple(SealedCheck(name=check.name, run=check.run) for check in read.checks)


def _tell(shot: Snapshot, request: LoopRequest, warn: Warn) -> None:
    if not shot.clean and request.mode == "build":
        warn(
            "there are uncommitted changes: the sessions see them, and with the first work that lands they"
            f' become a commit of their own, "{UNCOMMITTED}"'
        )
    for path in shot.nested:
        warn(f"{path} is a repository inside this one and no submodule: sessions do not see it")


async def _warn_of_plan(base: Base, request: LoopRequest, warn: Warn) -> None:
    if request.mode != "build":
        return
    from fabrik.playbook import plan

    content = await read_file(base.repository, base.commit, layout.PLAN, MAX_PLAN)
    if content is None:
        warn(f"{layout.PLAN} is ignored by git: sessions do not see it\n  → take it out of .gitignore")
    elif plan.read(content.decode("utf-8", errors="replace")).wordy:
        warn(
            f"no item was found in {layout.PLAN}: the loop cannot tell when it is done, and stops at its"
            " bound or when there is no progress\n  → write the items as a list"
        )
