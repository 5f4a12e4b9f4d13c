"""What an implementer claims, and what the host finds of it: the commit that is put forward, or why not."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

from fabrik.agents.agent import Agent
from fabrik.backlog import feedback
from fabrik.backlog.contract import Claim, read_contract
from fabrik.backlog.markers import tail
from fabrik.outcome import POLICIES, Cause
from fabrik.vcs.adopt import has_commit
from fabrik.workflows.backlog.answer import answer
from fabrik.workflows.backlog.own_files import own_file_problems
from fabrik.workflows.backlog.sealed import SealedBacklog
from fabrik.workflows.results import SessionResult
from fabrik.workflows.work import Work


@dataclass(frozen=True, kw_only=True)
class Examined:
    """A finished implementer's session, as the host found it."""

    commit: str | None  # to be verified; None: the attempt failed
    at: float  # seconds since the epoch, when it was examined
    problems: tuple[str, ...]  # why it failed, a line each, for people
    feedback: str  # … and in full, for the next attempt
    output: str  # the end of what the agent said
    remarks: tuple[str, ...] = ()  # what people should know, though it is no failure
    specs: tuple[str, ...] = ()  # of a seed spec: the paths below specs/ of those it wrote


def said_in(work: Work, agent: Agent, ran: SessionResult) -> str:
    """All that the agent said in a session."""
    return answer(agent, work.paths.directory / ran.transcript.path)


async def examine(
    work: Work,
    sealed: SealedBacklog,
    ran: SessionResult,
    refused: Collection[str],
    at: float,
) -> Examined:
    """Read the exit contract and look at the commit that it names.

    refused: commits that were turned down before, for what is in them. Raises OSError, VcsError.
    """
    said = said_in(work, work.agent, ran)
    claim = read_contract(said, sealed.phrase)
    problems: tuple[str, ...]
    remarks: tuple[str, ...] = ()
    if ran.cause is not Cause.ENDED:
        problems = (ended_badly(ran),)
        told = problems[0]
    elif not claim.kept:
        problems = claim.missing
        told = feedback.contract_broken(claim.missing, sealed.phrase, commit=True)
    else:
        problems = await commit_problems(work, sealed, ran, claim, refused)
        told = feedback.commit_refused(problems) if problems else ""
        if not problems and claim.commit != ran.head:
            remarks = (
                f"what the session left besides {str(claim.commit)[:12]} is not part of the candidate",
            )
    return Examined(
        commit=None if problems else claim.commit,
        at=at,
        problems=problems,
        feedback="\n\n".join(filter(None, (told, _notes(ran)))) if problems else "",
        output=tail(said),
        remarks=remarks,
    )


def ended_badly(ran: SessionResult) -> str:
    """Why a session that did not end by itself counts as failed."""
    detail = f": {ran.detail}" if ran.detail else ""
    return f"{POLICIES[ran.cause].message}{detail}"


def _notes(ran: SessionResult) -> str:
    return "\n".join(f"Note: {note}" for note in ran.notes)


async def commit_problems(
    work: Work, sealed: SealedBacklog, ran: SessionResult, claim: Claim, refused: Collection[str]
) -> tuple[str, ...]:
    """What speaks against the commit.

    It must exist, be new, build on the base, change something, and leave the backlog's own files alone.
    """
    commit = str(claim.commit)
    repo = work.repo
    if not await has_commit(repo.path, commit):
        left = " (the workspace's .git was damaged, so its commits are lost)" if damaged(ran) else ""
        return (f"there is no commit {commit} in what the session left{left}",)
    if await repo.commits(work.base, commit) == 0:
        where = work.base[:12]
        return (f"the commit {commit[:12]} was there before: nothing was committed on top of {where}",)
    if await repo.commits(commit, work.base):
        return (f"the commit {commit[:12]} does not build on {work.base[:12]}, where the work began",)
    if await repo.tree(commit) == await repo.tree(work.base):
        return (f"the commit {commit[:12]} changes nothing",)
    if commit in refused:
        return (f"the commit {commit[:12]} was refused before, and is the same",)
    return await own_file_problems(work, sealed, commit)


def damaged(ran: SessionResult) -> bool:
    """Whether the session left a .git that could not be trusted."""
    return any("workspace's .git" in note for note in ran.notes)
