"""What a session that builds did to the plan: what it closed, and whether that counts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from fabrik.playbook import plan as plans
from fabrik.playbook.layout import PLAN
from fabrik.playbook.plan import Item
from fabrik.vcs.changes import ChangedFiles, FileContent, FilePair
from fabrik.workflows.loop.finishing import WANTED, closed, wrong_with_plan
from fabrik.workflows.loop.order import Line, PlanState
from fabrik.workflows.loop.plan_file import put_of, with_plan
from fabrik.workflows.loop.proof import Wanted, unnoticed
from fabrik.workflows.loop.reading import MAX_FILE, MAX_PLAN, plan_of, read_plan, state_of, text_of
from fabrik.workflows.loop.required import missing_tests, name_of, path_of
from fabrik.workflows.work import Work

MOST_TEXT = 200  # characters of an item


@dataclass(frozen=True, kw_only=True)
class PlanRound:
    """The plan after a session."""

    state: PlanState
    finished: tuple[str, ...] = ()
    undone: tuple[str, ...] = ()  # why what was closed does not count
    untested: tuple[str, ...] = ()  # … for want of required tests
    weakened: tuple[str, ...] = ()  # items that lost required tests
    restored: str = ""  # a commit with the plan of before on top of the session's, where that lost it


async def plan_round(
    work: Work, key: str, number: int, line: Line, commit: str, changed: ChangedFiles
) -> PlanRound:
    """Look at the plan that the commit has, since `line`. Raises VcsError, DiskFull.

    key: of the step that asks whether the checks run the required tests; "" where this is not asked, since it
    was before, or some check fails anyway.
    """
    pair = next((pair for pair in changed.files if pair.path == PLAN), None)
    if pair is None and changed.total > len(changed.files):
        pair = await _pair(work, line.head, commit)
    if pair is None:
        return PlanRound(state=line.plan)
    if pair.before is not None and (wrong := wrong_with_plan(pair.before, pair.after)):
        back = await _put_back(work, number, line, commit)
        return PlanRound(state=line.plan, undone=(f"{PLAN} {wrong}",), restored=back)
    before, after = (plan_of(text_of(side.content if side else None)) for side in (pair.before, pair.after))
    if pair.after and len(pair.after.content) == MAX_FILE:  # it was cut
        after = plan_of(await read_plan(work.repo, commit))
    changes = plans.compare(before, after)
    more = changed.total > len(changed.files)
    found = closed(changes, after.aside, changed.files, more=more)
    sides = {
        pair.path: (
            pair.before.content if pair.before else None,
            pair.after.content if pair.after else None,
        )
        for pair in changed.files
    }
    contents: dict[str, bytes | None] = {}
    for path in {path_of(test) for item in found.finished for test in item.required_tests.paths}:
        held = sides[path][1] if path in sides else None
        contents[path] = held if held is not None else await work.repo.read_file(commit, path, MAX_PLAN)
    untested = missing_tests(found.finished, contents, sides)
    if key and not untested and not found.refused:
        untested = await unnoticed(work, key, commit, _wanted(found.finished, contents))
    state = state_of(after)
    if not after.items and (before.items or not before.wordy):  # all were removed; what is left is prose
        state = PlanState(open=0, done=0, readable=True)
    return PlanRound(
        state=state,
        finished=tuple(item.text[:MOST_TEXT] for item in found.finished),
        undone=(*(line[: MOST_TEXT * 2] for line in found.refused), *((WANTED,) if found.refused else ())),
        untested=untested,
        weakened=tuple(item.text[:MOST_TEXT] for item in changes.weakened),
        restored=await _put_back(work, number, line, commit) if found.put_back else "",
    )


def _wanted(finished: Sequence[Item], contents: Mapping[str, bytes | None]) -> list[Wanted]:
    return [
        Wanted(item=item.text[:MOST_TEXT], path=path_of(test), name=name_of(test), content=held)
        for item in finished
        for test in item.required_tests.paths
        if (held := contents.get(path_of(test))) is not None
    ]


async def _put_back(work: Work, number: int, line: Line, commit: str) -> str:
    put = await put_of(work, line.head)
    return await with_plan(
        work, f"plans/{number}/back", commit, put, f"Put the plan of iteration {number} back"
    )


async def _pair(work: Work, before: str, after: str) -> FilePair | None:
    """The plan in two commits that differ in more files than were looked at; None where it is the same."""
    puts = await put_of(work, before), await put_of(work, after)
    if puts[0] == puts[1]:
        return None
    sides = [
        FileContent(content=content or b"", mode=put.mode, cut=False) if put else None
        for commit, put in zip((before, after), puts, strict=True)
        for content in [await work.repo.read_file(commit, PLAN, MAX_FILE)]
    ]
    return FilePair(path=PLAN, before=sides[0], after=sides[1])
