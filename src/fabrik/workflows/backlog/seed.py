"""Seed specs: an agent works on a copy of the workspace, and only the new specs that it writes come back."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from fabrik.backlog import feedback
from fabrik.backlog.contract import read_contract
from fabrik.backlog.dependencies import Order, order
from fabrik.backlog.folder import SPEC_BYTES, Folder, SpecName, find_specs, read_spec, spec_name, spec_text
from fabrik.backlog.header import Header, read_header
from fabrik.backlog.markers import tail
from fabrik.backlog.scratchpad import MOST_BYTES, NAME
from fabrik.errors import FabrikError
from fabrik.outcome import Cause
from fabrik.problems import Problem
from fabrik.workflows.backlog.books import Books
from fabrik.workflows.backlog.claim import Examined, ended_badly, said_in
from fabrik.workflows.backlog.sealed import SealedBacklog
from fabrik.workflows.backlog.workspace import Workspace, find_workdir
from fabrik.workflows.results import SessionResult
from fabrik.workflows.work import Work

MOST_SPECS = 200  # that one seed spec may write


async def examine_specs(work: Work, sealed: SealedBacklog, ran: SessionResult, at: float) -> Examined:
    """Read the exit contract, without a commit, and look at the specs that were written."""
    said = said_in(work, work.agent, ran)
    claim = read_contract(said, sealed.phrase, commit=False)
    problems: tuple[str, ...]
    written: dict[str, str] = {}
    remarks: tuple[str, ...] = ()
    if ran.cause is not Cause.ENDED:
        problems = (ended_badly(ran),)
        told = problems[0]
    elif not claim.kept:
        problems = claim.missing
        told = feedback.contract_broken(claim.missing, sealed.phrase, commit=False)
    else:
        written, problems, remarks = await _written(work, sealed, ran.head)
        problems = problems or await _do_not_fit(sealed, written)
        told = feedback.specs_refused(problems) if problems else ""
    return Examined(
        commit=None if problems else ran.head,
        at=at,
        problems=problems,
        feedback=told,
        output=tail(said),
        remarks=remarks,
        specs=tuple(sorted(written)),
    )


async def _written(
    work: Work, sealed: SealedBacklog, head: str
) -> tuple[dict[str, str], tuple[str, ...], tuple[str, ...]]:
    """The new specs by their paths below specs/, what is wrong with them, and what is left out."""
    top = _top(sealed)
    found: dict[str, str] = {}
    problems: list[str] = []
    others: list[str] = []
    before = {entry.path for entry in await work.repo.ls(work.base)}
    modes = {entry.path: entry.mode for entry in await work.repo.ls(head)}
    for file in await work.repo.diff_stat(work.base, head):
        path = file.path
        inside = path.removeprefix(f"{top}specs/") if path.startswith(f"{top}specs/") else ""
        if not inside or spec_name(inside) is None or path in before or path not in modes:
            others += [] if path == f"{top}{NAME}" else [path]
            continue
        data = await work.repo.read_file(head, path, SPEC_BYTES + 1)
        text = spec_text(data, inside) if data is not None else Problem(file=inside, what="is no plain file")
        if isinstance(text, Problem):
            problems.append(str(text))
        else:
            found[inside] = text
    if len(found) > MOST_SPECS:
        problems.append(f"{len(found)} specifications are too many; at most {MOST_SPECS} are taken at once")
    if not found and not problems:
        problems.append(f"no new file {top}specs/NNNN-name.md was written")
    remark = f"not taken over: {', '.join(others[:10])}{' …' if len(others) > 10 else ''}"
    return found, tuple(problems), (remark,) if others else ()


async def _do_not_fit(sealed: SealedBacklog, written: dict[str, str]) -> tuple[str, ...]:
    """What is wrong with the new specs, or with others because of them."""
    place = sealed.place
    headers: dict[SpecName, Header] = {}
    for name in find_specs(place.specs):
        text = read_spec(place.spec(name), name.path)
        if not isinstance(text, Problem):
            headers[name] = read_header(text)
    named = {spec_name(path): read_header(text) for path, text in written.items()}
    new = {name: header for name, header in named.items() if name is not None}
    before = {str(problem) for problem in _ordered(place, sealed.name, headers).problems}
    ordered = _ordered(place, sealed.name, headers | new)
    problems = [text for problem in ordered.problems if (text := str(problem)) not in before]
    known = Workspace(root=Path(sealed.workspace), folder=place)
    for name, header in sorted(new.items()):
        if header.seed:
            continue
        try:
            find_workdir(await known.repository(header.repo), header.workdir, known.root)
        except FabrikError as error:
            problems.append(f"{name.path}: {error}")
    return tuple(problems)


def _ordered(place: Folder, own: SpecName, headers: Mapping[SpecName, Header]) -> Order:
    done = [name for name in headers if place.done(name).exists()]
    return order({name: header.depends_on for name, header in headers.items()}, [*done, own])


async def take_over(work: Work, sealed: SealedBacklog, books: Books, examined: Examined) -> tuple[str, ...]:
    """Put the new specs, and the scratchpad of the copy, into the backlog; remarks on what could not be.

    Doing it again changes nothing.
    """
    top = _top(sealed)
    head = str(examined.commit)
    left: list[str] = []
    for path in examined.specs:
        data = await work.repo.read_file(head, f"{top}specs/{path}", SPEC_BYTES + 1) or b""
        text = spec_text(data, path)
        if isinstance(text, Problem) or not books.new_spec(path, text):
            left.append(f"{path} is there already, with other content, and was left as it is")
    before = await work.repo.read_file(work.base, f"{top}{NAME}", MOST_BYTES + 1)
    after = await work.repo.read_file(head, f"{top}{NAME}", MOST_BYTES + 1)
    given = (before or b"").decode("utf-8", "replace")
    if after != before and (remark := books.take_scratchpad("copy", after, given)):
        left.append(remark)
    return tuple(left)


def _top(sealed: SealedBacklog) -> str:
    return f"{sealed.copied_to}/" if sealed.copied_to else ""
