"""What was accepted comes to the user's branch: the commit, its tag, its push; and the branch is followed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

from fabrik import paths
from fabrik.errors import UsageError, VcsError
from fabrik.ledger.journal import StepContext
from fabrik.outcome import Verdict
from fabrik.vcs import landing as vcs
from fabrik.vcs.base import fetch_base
from fabrik.vcs.checkout import Place, standing
from fabrik.vcs.git import run
from fabrik.vcs.merging import commit_merge, merge_trees
from fabrik.vcs.near import ref_at, tag_names
from fabrik.vcs.replaying import replay
from fabrik.vcs.tagging import push, tag, tags
from fabrik.workflows.loop.guarding import with_what_people_did
from fabrik.workflows.loop.order import Followed, Landed, Line, Pushed, SealedLoop
from fabrik.workflows.loop.reading import plan_state
from fabrik.workflows.loop.tags import is_version, next_version
from fabrik.workflows.loop.uncommitted import UNCOMMITTED
from fabrik.workflows.work import Stop, Work


def place_of(order: SealedLoop) -> Place:
    return Place(root=Path(order.root), git_dir=Path(order.git_dir))


async def land(
    work: Work,
    order: SealedLoop,
    key: str,
    line: Line,
    commit: str,
    *,
    number: int,
    green: bool,
    finished: Sequence[str] = (),
) -> Landed:
    """Put a commit on the user's branch and into their files; with its tag, when all checks are green.

    Raises Stop when files of the user's are in the way (the landing is done when the run is resumed),
    VcsError, DiskFull.
    """

    async def bring(step: StepContext) -> Landed:
        one = vcs.Landing(
            branch=work.branch,
            tip=line.tip,
            known=line.known,
            commit=commit,
            why=f"fabrik loop {order.mode}: iteration {number}",
            tag=_next_tag(order, work.branch, commit) if green and order.tag else "",
        )
        try:
            there = await vcs.advance(work.repo.path, place_of(order), one, work.run, umask=work.umask)
        except vcs.Moved as moved:
            if moved.at is None:
                raise
            step.tell("loop.moved", branch=work.branch, commit=moved.at)
            return Landed(outcome="moved", tip=moved.at)
        landed = Landed(outcome="landed", tip=commit, in_checkout=there)
        if green and order.tag:
            landed = await _tagged(order, landed, one.tag)
        step.tell(
            "loop.landed",
            commit=commit,
            branch=work.branch,
            iteration=number,
            tag=landed.tag,
            finished=list(finished),
        )
        if landed.problem:
            step.tell("warning", text=f"no tag was made: {landed.problem}")
        return landed

    try:
        return await work.journal.step(key, bring, result=Landed, inputs={"commit": commit, "tip": line.tip})
    except UsageError as error:  # files in the way, or a merge under way: the user has to settle it
        raise Stop(Verdict.BLOCKED, f"iteration {number} cannot land: {error}") from error


def _next_tag(order: SealedLoop, branch: str, commit: str) -> str:
    """The next version, to be made as the branch moves; "" where it has moved, or git must be asked."""
    place = place_of(order)
    if ref_at(place, f"refs/heads/{branch}") in (None, commit) or (names := tag_names(place)) is None:
        return ""
    return next_version(names)


async def _tagged(order: SealedLoop, landed: Landed, made: str) -> Landed:
    """The next version, unless the commit has one: that was made just now, or the step is done again."""
    place = place_of(order)
    if made and ref_at(place, f"refs/tags/{made}") == landed.tip:
        return replace(landed, tag=made)
    try:
        known = await tags(place)
        if there := [name for name, at in known.items() if at == landed.tip and is_version(name)]:
            return replace(landed, tag=there[0])
        name = next_version(known)
        await tag(place, name, landed.tip)
    except (UsageError, VcsError) as error:
        return replace(landed, problem=str(error))
    return replace(landed, tag=name)


async def push_all(
    work: Work, order: SealedLoop, key: str, names: tuple[str, ...], *, tracked: bool = False
) -> Pushed:
    """Push the branch with these tags. A push that fails is told, and no reason to stop.

    tracked: it was pushed before.
    """

    async def send(step: StepContext) -> Pushed:
        remote = work.context.remote or "origin"
        try:
            await push(place_of(order), work.branch, remote, names, tracked=tracked)
        except (VcsError, UsageError) as error:
            step.tell("loop.push_failed", remote=remote, branch=work.branch, why=str(error))
            return Pushed(ok=False, why=str(error), tags=names)
        step.tell("loop.pushed", remote=remote, branch=work.branch, tags=list(names))
        return Pushed(ok=True, tags=names)

    return await work.journal.step(key, send, result=Pushed, inputs={"branch": work.branch, "tags": names})


async def look(work: Work, order: SealedLoop, key: str, line: Line) -> Line:
    """Where the user's branch is now: the loop goes on from there. Raises Stop when that cannot be."""

    async def find(step: StepContext) -> Line:
        _, tip = await standing(place_of(order), work.branch)
        if tip is None:
            raise Stop(
                Verdict.BLOCKED,
                f"the branch {work.branch} is gone: make it again, then resume",
            )
        if tip == line.tip:
            return replace(line, plan=await plan_state(work.repo, line.head))
        await bring_in(work, tip)
        step.tell("loop.moved", branch=work.branch, commit=tip)
        return await _onto(work, line, tip)

    return await work.journal.step(key, find, result=Line, inputs={"tip": line.tip})


async def follow(work: Work, key: str, line: Line, commit: str, at: str, *, number: int) -> Followed:
    """The branch has moved while an iteration was at work: put both together, where they do not meet."""

    async def find(step: StepContext) -> Followed:
        await bring_in(work, at)
        if await _contains(work, at, commit):
            return Followed(
                line=await _onto(work, replace(line, head=commit, tip=commit, known=commit), at), already=True
            )
        after = await _onto(work, line, at)
        if (
            await work.repo.ref(f"merged/{number - 1}") == at
        ):  # what came is the merge of the iteration before
            ours = (work.identity, datetime.now(UTC))
            if anew := await replay(work.repo.path, line.tip, commit, at, *ours):
                await work.repo.set_ref(f"merged/{number}", anew)
                return Followed(line=after, merged=anew)
        merged = await merge_trees(work.repo.path, line.tip, at, commit)
        if merged.tree is None:
            kept = f"kept/iteration-{number}"
            await work.repo.set_ref(kept, commit)
            step.tell("loop.kept", ref=f"refs/fabrik/{kept}", commit=commit, paths=list(merged.conflicts))
            return Followed(line=after, conflicts=merged.conflicts, kept=f"refs/fabrik/{kept}")
        both = await commit_merge(
            work.repo.path,
            merged.tree,
            [at, commit],
            f"Bring iteration {number} together with what came meanwhile\n\nFabrik-Run: {work.run}",
            work.identity,
            datetime.now(UTC),
        )
        await work.repo.set_ref(f"merged/{number}", both)
        return Followed(line=after, merged=both)

    return await work.journal.step(key, find, result=Followed, inputs={"commit": commit, "at": at})


async def _onto(work: Work, line: Line, tip: str) -> Line:
    """The line, begun anew at `tip`; with what was uncommitted when the loop began and has not landed."""
    judges = await with_what_people_did(work, line, tip)
    if line.known == line.tip or line.head == line.tip:
        return Line(head=tip, tip=tip, known=tip, plan=await plan_state(work.repo, tip), judges=judges)
    merged = await merge_trees(work.repo.path, line.tip, tip, line.known)
    if merged.tree is None:
        raise Stop(
            Verdict.BLOCKED,
            f"{work.branch} has moved, and what was uncommitted when the loop began does not fit any more"
            f" ({', '.join(merged.conflicts[:5])}): start the loop anew",
        )
    if merged.tree == await work.repo.tree(tip):  # it has been committed
        return Line(head=tip, tip=tip, known=tip, plan=await plan_state(work.repo, tip), judges=judges)
    files = await commit_merge(
        work.repo.path, merged.tree, [tip], UNCOMMITTED, work.identity, datetime.now(UTC)
    )
    await work.repo.set_ref("uncommitted", files)
    return Line(head=files, tip=tip, known=files, plan=await plan_state(work.repo, files), judges=judges)


async def bring_in(work: Work, commit: str) -> None:
    """Fetch a commit of the user's, for sandboxes and merges to have it. Raises VcsError, DiskFull."""
    await fetch_base(paths.home().projects, work.project, commit)


async def _contains(work: Work, commit: str, ancestor: str) -> bool:
    output = await run("merge-base", "--is-ancestor", ancestor, commit, repo=work.repo.path)
    return output.status == 0
