"""Begins an interview: what it is about, where its spec goes, and the project that the agent may read."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from datetime import date
from pathlib import Path

from fabrik import paths
from fabrik.errors import UsageError
from fabrik.ledger.codec import encode
from fabrik.specs import rules
from fabrik.specs.drafts import read_draft, siblings
from fabrik.vcs.base import Base, fetch_base
from fabrik.vcs.empty import empty_repository
from fabrik.workflows.commission import Job, author_of, commission, hire, private
from fabrik.workflows.destination import Source, Warn, find_source
from fabrik.workflows.interview.model import MOST, Kind, Order
from fabrik.workflows.request import Options
from fabrik.workflows.reviewers import read_prompt
from fabrik.workflows.seal import seal_file

SPECS = Path("specs")
ABOUT_CHARACTERS = 20_000
SUFFIX = re.compile(r"\.(?:md|mdx|markdown|json)$", re.IGNORECASE)


@dataclass(frozen=True, kw_only=True)
class InterviewRequest(Options):
    """One `fabrik spec interview`."""

    name: str | None = None  # of the spec, or a path
    about: str = ""
    kind: Kind | None = None
    most: int = MOST
    as_json: bool = False
    prompt: Path | None = None


async def begin(request: InterviewRequest, warn: Warn) -> str:
    """Check and seal an interview and record its run; its id.

    Raises UsageError (name, options, project), EnvironmentProblem (agent, sandbox, key, disk), VcsError,
    LedgerError.
    """
    order = order_of(request, date.today())
    extra = read_prompt(request.prompt, "--prompt") if request.prompt else None
    with private() as home:
        source, base, why = await _project(request, home, warn)
        crew = await hire(request, source.local, warn, reviewed=False)
        author = await author_of(source, lambda _: None)  # nothing is committed
        job = Job(
            workflow="interview",
            id=order.id or "interview",
            title=f"Interview about {order.id}" if order.id else "Interview about a new spec",
            path=Path(order.directory) / (f"{order.id}.md" if order.id else ""),
            content=order.about.encode(),
            text=order.about,
            branch="",
            order=encode(Order, replace(order, no_project=why)),
            more=lambda places: (
                {"extra_prompt": seal_file(places, request.prompt, extra)}
                if request.prompt and extra is not None
                else {}
            ),
        )
        return await commission(job, crew, source, base, author)


def order_of(request: InterviewRequest, today: date) -> Order:
    """What is asked for. Raises UsageError for a name that cannot be one, and for a spec that is there."""
    directory, spec_id = SPECS, None
    as_json = request.as_json
    if request.name is not None:
        given = Path(request.name)
        if given.name != request.name:
            directory = given.parent
        as_json = as_json or given.suffix.lower() == ".json"
        stem = SUFFIX.sub("", given.name)
        spec_id = stem if rules.id_problem(stem) is None else rules.slug(stem)
        if not spec_id:
            raise UsageError(
                f"no id can be made of the name {request.name!r}", todo="use letters and digits: add-search"
            )
    if len(request.about) > ABOUT_CHARACTERS:
        raise UsageError(f"is longer than {ABOUT_CHARACTERS} characters", where="--about")
    directory = directory.expanduser().absolute()
    taken = _taken(directory)
    if spec_id is not None:
        there = [directory / f"{spec_id}{suffix}" for suffix in (".md", ".json")]
        if found := next((path for path in there if path.exists() or path.is_symlink()), None):
            raise UsageError("is there already", where=str(found), todo="choose another name")
        if spec_id in taken:
            raise UsageError(
                f"a spec with the id {spec_id!r} is there already",
                where=str(directory),
                todo="choose another name",
            )
    return Order(
        about=request.about.strip(),
        kind=request.kind,
        id=spec_id,
        directory=str(directory),
        as_json=as_json,
        most=request.most,
        today=today.isoformat(),
        taken=taken,
        no_project="",
    )


def _taken(directory: Path) -> tuple[str, ...]:
    """The ids of the specs in a directory."""
    try:
        found = [read_draft(path).id for path in siblings(directory)]
    except OSError:
        return ()
    return tuple(dict.fromkeys(found_id for found_id in found if found_id))


async def _project(request: InterviewRequest, home: paths.Home, warn: Warn) -> tuple[Source, Base, str]:
    """The project, or an empty one and why; a project that was named must be one."""
    try:
        source = await find_source(request, warn)
        return source, await fetch_base(home.projects, source.place, None), ""
    except UsageError as error:
        if request.project is not None or request.repo is not None:
            raise
        why = " ".join(error.what.split())
    base = await empty_repository(home.projects / "none")
    return Source(place=str(Path.cwd()), local=None, remote=None), base, why
