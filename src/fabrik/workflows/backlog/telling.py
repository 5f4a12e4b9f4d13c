"""The prompts of the backlog, filled in."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from importlib import resources
from pathlib import Path, PurePosixPath

from fabrik.backlog.scratchpad import NAME
from fabrik.ledger.types import Feedback
from fabrik.prompts.render import fence, render
from fabrik.workflows.backlog.commands import shown
from fabrik.workflows.backlog.sealed import SealedBacklog
from fabrik.workflows.briefing import Prompt, told_by
from fabrik.workflows.work import Work

PROMPTS = Path(str(resources.files("fabrik.backlog"))) / "prompts"


def prompt_hashes() -> dict[str, str]:
    """SHA-256 of the backlog's own prompts, for the record of what a run was given."""
    return {
        f"backlog/{path.name}": hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(PROMPTS.glob("*.md"))
    }


def implement(work: Work, sealed: SealedBacklog, attempt: int, feedback: str) -> Prompt:
    """The prompt of a session that implements, or that writes specs."""
    name = "write-specs" if sealed.seed else "implement"
    specs = f"{sealed.copied_to}/specs".lstrip("/")
    variables = {
        "title": work.context.spec_title,
        "spec": work.context.spec_text,
        "spec_path": f"specs/{sealed.spec}",
        "attempt": str(attempt),
        "feedback": feedback,
        "phrase": sealed.phrase,
        "workdir": sealed.workdir,
        "repo": sealed.repo or "",
        "checks": "\n\n".join(fence(shown(check.run), "sh") for check in work.context.checks),
        "backlog": sealed.copied_to or ".",
        "specs": specs,
    }

    def fill(report: str, people: Sequence[Feedback]) -> str:
        told = {"report_path": report, "scratchpad": beside(report), "people": _people(work, people)}
        return render(name, variables | told, override=PROMPTS / f"{name}.md")

    return fill


def _people(work: Work, people: Sequence[Feedback]) -> str:
    """What humans said of earlier runs of the spec, and of this one."""
    earlier = [f"- On an earlier run, {said.by}: {said.notes}" for said in work.context.feedback]
    return "\n".join(filter(None, (*earlier, told_by(people))))


def verify(prompt: Prompt, sealed: SealedBacklog, commit: str) -> Prompt:
    """A verifier's prompt, with what the backlog wants besides."""

    def fill(report: str, people: Sequence[Feedback]) -> str:
        ending = render(
            "verifier-ending",
            {
                "scratchpad": beside(report),
                "phrase": sealed.phrase,
                "commit": commit,
                "repo": sealed.repo or "",
            },
            override=PROMPTS / "verifier-ending.md",
        )
        return f"{prompt(report, people)}\n{ending.lstrip()}"

    return fill


def beside(report: str) -> str:
    """Where the scratchpad lies in a session's HOME: beside its report."""
    return str(PurePosixPath(report).with_name(NAME))
