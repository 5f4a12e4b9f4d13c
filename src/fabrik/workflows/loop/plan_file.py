"""The plan's file in commits: taken out of one, put into another."""

from __future__ import annotations

from datetime import UTC, datetime

from fabrik.playbook.layout import PLAN
from fabrik.vcs.overlay import Put, overlay
from fabrik.workflows.work import Work


async def put_of(work: Work, commit: str) -> Put | None:
    """The plan as a commit has it; None where it has none. Raises VcsError."""
    entry = next((entry for entry in await work.repo.ls(commit) if entry.path == PLAN), None)
    return Put(mode=entry.mode, id=entry.id) if entry else None


async def with_plan(work: Work, ref: str, onto: str, put: Put | None, message: str) -> str:
    """A commit on top of `onto` that differs from it in the plan alone, kept at refs/fabrik/<ref>.

    Raises VcsError, DiskFull.
    """
    changed = await overlay(work.repo.path, onto, ref, {PLAN: put} if put else {}, () if put else (PLAN,))
    tree = await work.repo.tree(changed)
    text = f"{message}\n\nFabrik-Run: {work.run}"
    made = await work.repo.commit_tree(tree, onto, text, work.identity, datetime.now(UTC))
    await work.repo.set_ref(ref, made)
    return made
