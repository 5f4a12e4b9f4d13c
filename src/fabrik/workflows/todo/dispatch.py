"""Begins to take a spec apart: reads it, and refuses before any money is spent."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from fabrik.errors import UsageError
from fabrik.ledger.codec import encode
from fabrik.specs.draft import Draft
from fabrik.specs.drafts import read_draft, todo_path_of
from fabrik.specs.model import Spec
from fabrik.specs.problems import SpecErrors
from fabrik.specs.read import names_taken
from fabrik.vcs.base import fetch_base
from fabrik.workflows.commission import Job, author_of, commission, hire, private
from fabrik.workflows.destination import Warn, find_source
from fabrik.workflows.request import Options
from fabrik.workflows.reviewers import read_prompt
from fabrik.workflows.seal import seal_check, seal_file
from fabrik.workflows.todo.model import Order


@dataclass(frozen=True, kw_only=True)
class TodoRequest(Options):
    """One `fabrik todo generate`."""

    spec: Path
    out: Path | None = None  # None: beside the spec
    force: bool = False
    dry: bool = False
    prompt: Path | None = None


async def begin(request: TodoRequest, warn: Warn) -> str:
    """Check and seal it, and record the run; its id.

    Raises SpecErrors, UsageError (options, project, a todo that is there), EnvironmentProblem (agent,
    sandbox, key, disk), VcsError, LedgerError.
    """
    draft, spec = _read(request.spec)
    out = (request.out or todo_path_of(request.spec)).expanduser().absolute()
    if not request.dry:
        _require_free(out, request.force)
    extra = read_prompt(request.prompt, "--prompt") if request.prompt else None
    order = Order(out=str(out), force=request.force, dry=request.dry, taken=tuple(names_taken(draft)))
    with private() as home:
        source = await find_source(request, warn)
        crew = await hire(request, source.local, warn, reviewed=False)
        base = await fetch_base(home.projects, source.place, None)
        author = await author_of(source, lambda _: None)  # nothing is committed
        job = Job(
            workflow="todo",
            id=spec.id,
            title=spec.title,
            path=spec.path,
            content=draft.data,
            text=spec.source,
            accept=spec.accept,
            checks=tuple(seal_check(check) for check in spec.checks),
            branch="",
            order=encode(Order, order),
            more=lambda places: (
                {"extra_prompt": seal_file(places, request.prompt, extra)}
                if request.prompt and extra is not None
                else {}
            ),
        )
        return await commission(job, crew, source, base, author)


def _read(path: Path) -> tuple[Draft, Spec]:
    draft = read_draft(path)
    if draft.spec is None or draft.problems:
        raise SpecErrors(draft.problems)
    if draft.todo is not None:
        raise UsageError(
            "the spec lists its tasks itself",
            where=str(path),
            todo="remove its section `## Tasks` first: a spec has one list of tasks",
        )
    return draft, draft.spec


def _require_free(out: Path, force: bool) -> None:
    if out.is_dir():
        raise UsageError("is a directory", where=str(out), todo="name a file")
    if not force and (out.exists() or out.is_symlink()):
        raise UsageError(
            "is there already", where=str(out), todo="add --force to write over it, or --out FILE"
        )
