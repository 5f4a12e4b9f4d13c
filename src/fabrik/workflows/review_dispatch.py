"""Dispatches a review of a branch that fabrik did not make: its exact commit is sealed with the run."""

from __future__ import annotations

import re
import shutil
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from fabrik import paths
from fabrik.config.model import Settings
from fabrik.config.read import MAX_BYTES, PROJECT_FILE, ConfigErrors
from fabrik.errors import UsageError
from fabrik.ledger.codec import encode
from fabrik.problems import Problem, Problems
from fabrik.prompts.render import part
from fabrik.specs.model import Loaded
from fabrik.specs.read import load
from fabrik.specs.rules import glob_problem
from fabrik.specs.tasks import tasks_of
from fabrik.vcs.base import Base, fetch_base, is_address, locate
from fabrik.vcs.branch import Branch, bundle_branch, default_base
from fabrik.vcs.reading import read_file
from fabrik.workflows.commission import Crew, Job, author_of, commission, hire, private
from fabrik.workflows.context import SealedCheck
from fabrik.workflows.destination import Source, Warn, find_source
from fabrik.workflows.project_checks import project_checks
from fabrik.workflows.request import Options
from fabrik.workflows.review.order import BUNDLE, ReviewOrder
from fabrik.workflows.reviewers import known_reviewers, pick
from fabrik.workflows.seal import seal_check, seal_holdout

UNSPECIFIED = "A change without a specification"
LARGE_FILES, LARGE_LINES = 200, 10_000  # from which on reviewers see only a part of a change at first


@dataclass(frozen=True, kw_only=True)
class ReviewRequest(Options):
    """One `fabrik review`."""

    branch: str  # or a tag, or a commit
    base: str | None = None
    spec: Path | None = None
    reviewers: tuple[str, ...] = ()  # (): all there are
    check: tuple[str, ...] = ()  # commands
    no_checks: bool = False
    may_change: tuple[str, ...] = ()  # globs of files that judge the work, and may be changed

    def settings(self) -> Settings:
        """Who asks for a review gets one, whatever the user's own file says."""
        return {**super().settings(), "review_enabled": True}


@dataclass(frozen=True, kw_only=True)
class Dispatched:
    """A review that was recorded, and what it is going to look at."""

    run: str
    order: ReviewOrder
    fork: str
    files: int
    checks: tuple[str, ...]  # names


async def dispatch_review(request: ReviewRequest, warn: Warn) -> Dispatched:
    """Fetch and seal the branch, record the run. Its worker is started elsewhere.

    Raises UsageError (also for a branch with nothing to review), Problems, EnvironmentProblem, VcsError,
    LedgerError; when it is refused, nothing of the run is left.
    """
    with private() as home:
        loaded = load(request.spec, None) if request.spec else None
        require_globs(request.may_change)
        source = await find_source(request, lambda _: None)  # what is not committed is no part of it anyhow
        against = request.base or await _default(source, request.branch)
        home.projects.mkdir(parents=True, exist_ok=True)
        aside = Path(tempfile.mkdtemp(prefix=".review-", dir=home.projects))
        try:
            base, branch = await _branch(home, source, against, request.branch, aside)
            rules = await _rules(base, branch.fork, aside)
            crew = _with_reviewers(await _hire(request, rules, branch.fork, warn), request)
            return await _dispatch(request, loaded, source, crew, base, branch, against, warn)
        finally:
            shutil.rmtree(aside, ignore_errors=True)


async def _dispatch(
    request: ReviewRequest,
    loaded: Loaded | None,
    source: Source,
    crew: Crew,
    base: Base,
    branch: Branch,
    against: str | None,
    warn: Warn,
) -> Dispatched:
    fork = Base(repository=base.repository, commit=branch.fork)
    checks = await _checks(request, loaded, fork)
    named = _plain(against) if against else "the remote's default branch"
    order = ReviewOrder(
        branch=request.branch,
        against=named,
        tip=branch.tip,
        commits=branch.commits,
        specified=loaded is not None,
    )
    _tell(branch, loaded, source, warn)
    author = await author_of(source, lambda _: None)  # nothing is committed
    job = _job(request, loaded, source, order, checks, branch)
    run_id = await commission(job, crew, source, fork, author)
    return Dispatched(
        run=run_id,
        order=order,
        fork=branch.fork,
        files=len(branch.changed),
        checks=(
            *(check.name for check in checks),
            *(check.name for check in (loaded.spec.holdout if loaded and not request.no_checks else ())),
        ),
    )


def _tell(branch: Branch, loaded: Loaded | None, source: Source, warn: Warn) -> None:
    """What should be known of the branch, and is no reason not to review it."""
    if len(branch.changed) > LARGE_FILES or branch.lines > LARGE_LINES:
        warn(
            f"the change is large: {len(branch.changed):,} files, {branch.lines:,} lines. Reviewers are shown"
            " a part and have to look for the rest; smaller branches are reviewed better"
        )
    if loaded and source.local:
        spec, project = loaded.spec.path.resolve(), source.local.resolve()
        if spec.is_relative_to(project) and str(spec.relative_to(project)) in branch.changed:
            warn(
                f"the branch changes the spec that it is judged by: {loaded.spec.path}\n"
                "  → what counts is the file as it is now; give the one that was agreed on"
            )


def _job(
    request: ReviewRequest,
    loaded: Loaded | None,
    source: Source,
    order: ReviewOrder,
    checks: Sequence[SealedCheck],
    branch: Branch,
) -> Job:
    text = loaded.spec.source if loaded else part("unspecified")

    def more(places: paths.RunPaths) -> Mapping[str, Any]:
        places.inputs.mkdir(parents=True, exist_ok=True)
        shutil.move(branch.bundle, places.inputs / BUNDLE)
        return {"holdout": seal_holdout(places, loaded)} if loaded and not request.no_checks else {}

    return Job(
        workflow="review",
        id=loaded.spec.id if loaded else f"review-{_slug(request.branch)}",
        title=loaded.spec.title if loaded else UNSPECIFIED,
        path=loaded.spec.path if loaded else Path(source.place),
        content=loaded.spec_bytes if loaded else text.encode("utf-8"),
        text=text,
        accept=loaded.spec.accept if loaded else (),
        checks=tuple(checks),
        may_change=(*(loaded.spec.may_change if loaded else ()), *request.may_change),
        branch=request.branch,
        ref=order.against,
        order=encode(ReviewOrder, order),
        more=more,
    )


async def _branch(
    home: paths.Home, source: Source, against: str | None, branch: str, aside: Path
) -> tuple[Base, Branch]:
    """The branch, and its base in a repository that does not hold the branch's own commits.

    Runs of one project share a repository. Where another run began on this very branch, its commits are
    there, for all reviewers to read; then the base gets a repository without them.
    """
    base = await fetch_base(home.projects, source.place, against)
    found = await bundle_branch(base, source.place, branch, aside)
    if found.exposed:
        base = await fetch_base(home.projects / f"without-{found.tip[:16]}", source.place, against)
        found = await bundle_branch(base, source.place, branch, aside)
    return base, found


async def _default(source: Source, branch: str) -> str | None:
    """What the branch is compared with; None at an address: what is checked out there."""
    if is_address(source.place):
        return None
    tip = (await locate(source.place, branch)).commit
    if (found := await default_base(Path(source.place), tip)) is None:
        raise UsageError(
            "it cannot be told what the branch is to be compared with",
            where=source.place,
            todo="name the branch that it is to go to: --base BRANCH",
        )
    return found


async def _checks(request: ReviewRequest, loaded: Loaded | None, fork: Base) -> tuple[SealedCheck, ...]:
    """The spec's and those of --check; where there are none, what AGENTS.md named before the change."""
    if request.no_checks:
        return ()
    asked: list[SealedCheck] = []
    if loaded:
        asked += [seal_check(check) for check in loaded.spec.checks]
        asked += [seal_check(check) for task in tasks_of(loaded.spec, loaded.todo) for check in task.checks]
    asked += [SealedCheck(name=run, run=run) for run in request.check]
    return tuple({check.run: check for check in asked}.values()) if asked else await project_checks(fork)


async def _rules(base: Base, fork: str, aside: Path) -> Path:
    """A directory with the project's fabrik.toml as it was before the change.

    The party under review must not say who reviews it, and what is checked. Raises VcsError.
    """
    directory = aside / "before-the-change"
    directory.mkdir()
    if (content := await read_file(base.repository, fork, PROJECT_FILE, MAX_BYTES)) is not None:
        (directory / PROJECT_FILE).write_bytes(content)
    return directory


async def _hire(request: ReviewRequest, rules: Path, fork: str, warn: Warn) -> Crew:
    try:
        return await hire(_with_agent(request), rules, warn)
    except ConfigErrors as error:  # told by the place where people find it
        ours, place = str(rules / PROJECT_FILE), f"{PROJECT_FILE} of {fork[:12]}"
        problems = (replace(one, file=place) if one.file == ours else one for one in error.problems)
        raise ConfigErrors(problems) from None


def _with_agent(request: ReviewRequest) -> ReviewRequest:
    """Nobody implements: who names only the reviewers' agent means that one."""
    if request.agent or request.agent_command or request.agent_script:
        return request
    return replace(
        request,
        agent=request.review_agent,
        agent_command=request.review_agent_command,
        agent_script=request.review_agent_script,
    )


def _with_reviewers(crew: Crew, request: ReviewRequest) -> Crew:
    plan = crew.review
    assert plan is not None  # noqa: S101 - reviews are on: see ReviewRequest.settings
    if not request.reviewers:
        return crew
    problems: list[Problem] = []
    known = known_reviewers(request.reviewers_dir, problems, lambda _: None)  # warned of already
    chosen = pick(request.reviewers, known, "--reviewers", problems)
    if problems:
        raise Problems([replace(problem, file="--reviewers", where="") for problem in problems])
    models = {name: plan.models.get(name, plan.agent_model) for name in chosen}
    return replace(
        crew, review=replace(plan, full=tuple(known[name] for name in chosen), light=(), models=models)
    )


def require_globs(globs: Sequence[str]) -> None:
    """Raises Problems for globs of --may-change that cannot be used."""
    problems = [
        Problem(file="--may-change", what=found[0], todo=found[1])
        for glob in globs
        if (found := glob_problem(glob))
    ]
    if problems:
        raise Problems(problems)


def _slug(branch: str) -> str:
    return re.sub(r"[^a-z0-9]+", "-", branch.lower()).strip("-")[:50] or "branch"


def _plain(ref: str) -> str:
    return ref.removeprefix("refs/heads/").removeprefix("refs/remotes/")
