"""A folder of JSON specs as a backlog: in order of dependency and id, each an ordinary run that ships."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Literal

from fabrik.errors import FabrikError, RunBusy, UsageError
from fabrik.ledger.store import Ledger
from fabrik.ledger.types import Run
from fabrik.problems import Problem, Problems
from fabrik.specs import graph
from fabrik.specs.draft import Draft
from fabrik.specs.drafts import read_draft
from fabrik.vcs.adopt import contains
from fabrik.vcs.project import facts
from fabrik.workflows.backlog.request import BacklogRequest
from fabrik.workflows.backlog.taking import Taken
from fabrik.workflows.control import start_worker
from fabrik.workflows.destination import Warn
from fabrik.workflows.dispatch import dispatch
from fabrik.workflows.request import Options, RunRequest

NOT_SPECS = (".min.json", ".todo.json")
OVER = ("done", "superseded")  # statuses of specs that nobody works on any more


@dataclass(frozen=True, kw_only=True)
class JsonSpec:
    """One spec of the folder, as it stands."""

    id: str
    path: Path
    title: str
    state: Literal["done", "shipped", "running", "ready", "held back"] | str
    needs: tuple[str, ...]  # ids of specs that must be shipped first, and are not
    run: Run | None  # the newest one of this very text

    @property
    def over(self) -> bool:
        """Nothing is to be done about it."""
        return self.state in ("done", "shipped")


def json_specs(directory: Path) -> list[Path]:
    """The files of a directory that are JSON specs: not minified ones, and no todos."""
    if not directory.is_dir():
        return []
    return sorted(
        path
        for path in directory.glob("*.json")
        if not path.name.lower().endswith(NOT_SPECS) and path.is_file()
    )


def survey_json(directory: Path, ledger: Ledger | None) -> tuple[JsonSpec, ...]:
    """All specs in order. Raises Problems with all that is wrong with them, UsageError, LedgerError."""
    paths = json_specs(directory)
    if not paths:
        raise UsageError("there is no JSON spec here", where=str(directory), todo="fabrik spec new --json")
    drafts = [read_draft(path) for path in paths]
    problems = [problem for draft in drafts for problem in draft.problems]
    problems += _same_ids(drafts)
    problems += graph.missing(drafts, [draft.id for draft in drafts if draft.id is not None])
    problems += graph.circles(drafts, {})
    if problems:
        raise Problems(problems)
    runs = _runs(drafts, ledger)
    by_id = {str(draft.id): draft for draft in drafts}
    over = {name for name, draft in by_id.items() if _over(draft, runs.get(name))}
    return tuple(_spec(by_id[name], runs.get(name), over) for name in _ordered(by_id))


def _same_ids(drafts: Sequence[Draft]) -> list[Problem]:
    seen: dict[str, Path] = {}
    found = []
    for draft in drafts:
        if draft.id is not None and draft.id in seen:
            what = f"has the id {draft.id!r}, and so has {seen[draft.id].name}"
            found.append(Problem(file=str(draft.path), where="id", what=what, todo="give it one of its own"))
        elif draft.id is not None:
            seen[draft.id] = draft.path
    return found


def _ordered(by_id: Mapping[str, Draft]) -> list[str]:
    left = sorted(by_id)
    ordered: list[str] = []
    while left:
        ready = next(name for name in left if not set(by_id[name].depends_on).intersection(left))
        ordered.append(ready)
        left.remove(ready)
    return ordered


def _runs(drafts: Sequence[Draft], ledger: Ledger | None) -> dict[str, Run]:
    """The newest run of each spec whose text was what it is now."""
    by_path = {str(draft.path.absolute()): draft for draft in drafts}
    found: dict[str, Run] = {}
    for run in ledger.list_runs(limit=None) if ledger else ():
        draft = by_path.get(run.spec_path)
        if draft is None or run.workflow != "ship" or str(draft.id) in found:
            continue
        sealed = run.context.get("spec") or {}
        if sealed.get("sha256") == hashlib.sha256(draft.data).hexdigest():
            found[str(draft.id)] = run
    return found


def _over(draft: Draft, run: Run | None) -> bool:
    told = draft.spec is not None and draft.spec.status in OVER
    return told or (run is not None and run.status == "shipped")


def _spec(draft: Draft, run: Run | None, over: set[str]) -> JsonSpec:
    name = str(draft.id)
    needs = tuple(need for need in draft.depends_on if need not in over)
    if run is not None and run.status == "running":
        state = "running" if run.alive else "interrupted"
    elif name in over:
        state = "shipped" if run is not None and run.status == "shipped" else "done"
    elif needs:
        state = "held back"
    else:
        state = run.status if run is not None else "ready"
    title = draft.spec.title if draft.spec else name
    return JsonSpec(id=name, path=draft.path, title=title, state=state, needs=needs, run=run)


async def take_up_json(
    spec: JsonSpec,
    around: Sequence[JsonSpec],
    request: BacklogRequest,
    ledger: Ledger,
    warn: Warn,
) -> Taken:
    """Start, or take up again, the run of a spec.

    Raises UsageError, EnvironmentProblem, VcsError, LedgerError.
    """
    if spec.run is not None and spec.run.status not in ("shipped", "rejected"):
        last = ledger.last_event(spec.run.id)
        after = last.seq if last else 0
        if not spec.run.alive:
            with suppress(RunBusy):
                start_worker(spec.run.id, after=after)
        return Taken(run=spec.run.id, after=after, resumed=True)
    project = request.project or await _project(request, spec.path)
    options = {field.name: getattr(request, field.name) for field in fields(Options)}
    options |= {"project": project, "iterations": request.iterations or None}
    ref = await _start_from(spec, around, project)
    run_id = await dispatch(RunRequest(spec=spec.path, ref=ref, auto_approve=True, **options), warn)
    start_worker(run_id)
    return Taken(run=run_id, after=0, resumed=False)


async def _project(request: BacklogRequest, spec: Path) -> Path:
    """The repository: the workspace root, the one we are in, or the one that the specs are in."""
    if request.workspace_root is not None:
        return request.workspace_root
    for place in (Path.cwd(), spec.absolute().parent):
        with suppress(FabrikError):
            if (root := (await facts(place)).root) is not None:
                return root
    return Path.cwd()  # whose trouble is told there


async def _start_from(spec: JsonSpec, around: Sequence[JsonSpec], project: Path) -> str | None:
    """The branch that has what this spec depends on; None where the current commit has all of it.

    Raises UsageError when no single branch has it.
    """
    draft = read_draft(spec.path)
    by_id = {other.id: other for other in around}
    branches = [
        run.branch
        for need in draft.depends_on
        if need in by_id and (run := by_id[need].run) is not None and run.status == "shipped"
    ]
    open_ = [branch for branch in branches if not await contains(project, branch, "HEAD")]
    if not open_:
        return None
    for branch in open_:
        if all([await contains(project, other, branch) for other in ("HEAD", *open_)]):
            return branch
    names = ", ".join(open_)
    raise UsageError(
        f"what it depends on is on branches of their own: {names}",
        where=str(spec.path),
        todo="merge them into the current branch, then run this again",
    )
