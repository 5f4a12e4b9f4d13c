"""`fabrik loop …` becomes a run: what the project has is read and sealed before any money is spent."""

from __future__ import annotations

from contextlib import ExitStack
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path

from fabrik.errors import UsageError
from fabrik.ledger.codec import encode
from fabrik.playbook import agents_md, layout, variables
from fabrik.specs.unchecked import can_never_fail
from fabrik.vcs.base import Base, fetch_base
from fabrik.vcs.checkout import Snapshot, snapshot
from fabrik.vcs.git import run
from fabrik.vcs.project import identity, inspect
from fabrik.vcs.reading import read_file
from fabrik.workflows.commission import Job, author_of, commission, hire, private
from fabrik.workflows.context import SealedCheck
from fabrik.workflows.destination import Source, Warn
from fabrik.workflows.loop.alone import beginning
from fabrik.workflows.loop.order import MOST, Mode, SealedLoop
from fabrik.workflows.loop.reading import MAX_PLAN
from fabrik.workflows.loop.uncommitted import UNCOMMITTED, require_settled, tell
from fabrik.workflows.loop.vouching import Unvouched, unvouched
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
    accept_checks: bool = False  # also those that an agent has put into AGENTS.md
    tag: bool = True
    include_untracked: bool = False  # push also what git does not track yet


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
        await _require_plan_file(shot)
        values = variables.standard(found) | {"BRANCH": shot.branch}
        values |= {
            name: said for name, said in (("GOAL", request.goal), ("WORK_SCOPE", request.work)) if said
        }
        variables.fill(prompt.text, values | {"ITERATION": "1"}, where=prompt.name)
        for text in variables.warnings(prompt.text, goal=request.goal, where=prompt.name):
            warn(text)
        if request.mode == "plan-work":
            await _require_work_branch(shot, project.remote)
        await require_settled(shot, request.mode)
        begun.enter_context(beginning(shot.place.git_dir, shot.branch))
        checks = _checks(found, request, str(project.root), warn)
        tell(shot, request.mode, warn, push=request.push, include_untracked=request.include_untracked)
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


async def _require_plan_file(shot: Snapshot) -> None:
    """The plan goes with the commits of the loop: it has to be a file of its own that git takes."""
    root = shot.place.root
    if (root / layout.PLAN).is_symlink():
        raise UsageError(
            f"{layout.PLAN} is a symbolic link: what it leads to would not change with the commits of a loop",
            where=str(root),
            todo="put the file itself in its place",
        )
    ignored = await run("check-ignore", "--quiet", "--", layout.PLAN, cwd=root, user_config=True)
    if ignored.status == 0:
        raise UsageError(
            f"{layout.PLAN} is ignored by git: sessions would not see it, and no commit would have it",
            where=str(root),
            todo=f"take it out of .gitignore, or: git add -f {layout.PLAN}",
        )


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


def _checks(found: layout.Layout, request: LoopRequest, project: str, warn: Warn) -> tuple[SealedCheck, ...]:
    """The project's own checks, as AGENTS.md names them now. Raises UsageError: nobody vouches for them."""
    if request.mode != "build":
        return ()
    checks = _named(found, warn)
    if not request.accept_checks and (agents := unvouched(project, [check.run for check in checks])):
        _require_vouched(agents, str(found.root / layout.AGENTS), warn)
    for check in checks:
        if why := can_never_fail(check.run):
            warn(f"THIS CHECK PROVES NOTHING: `{check.run}`: {why}\n  → name another one in {found.agents}")
    return checks


def _require_vouched(found: Unvouched, where: str, warn: Warn) -> None:
    whose = f"a session of the loop {found.run.id[-8:]}"
    if found.first:  # there was nothing to weaken
        warn(f"the checks are those that {whose} wrote into {layout.AGENTS}: {found.changed.said}")
        return
    raise UsageError(
        f"{whose} changed the checks that {layout.AGENTS} names, and no human has confirmed that:"
        f" {found.changed.said}",
        where=where,
        todo="put the old ones back there, or take the new ones: fabrik loop build --accept-checks",
    )


def _named(found: layout.Layout, warn: Warn) -> tuple[SealedCheck, ...]:
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


async def _warn_of_plan(base: Base, request: LoopRequest, warn: Warn) -> None:
    if request.mode != "build":
        return
    from fabrik.playbook import plan

    content = await read_file(base.repository, base.commit, layout.PLAN, MAX_PLAN)
    if content is None:
        raise UsageError(
            f"sessions would not see {layout.PLAN}: git leaves it out of commits",
            where=base.commit[:12],
            todo=f"commit it: git add -f {layout.PLAN}",
        )
    if plan.read(content.decode("utf-8", errors="replace")).wordy:
        warn(
            f"no item was found in {layout.PLAN}: the loop cannot tell when it is done, and stops at its"
            " bound or when there is no progress\n  → write the items as a list"
        )
