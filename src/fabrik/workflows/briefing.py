"""What an agent is told: fills the Markdown prompts with what the host knows. No prompt text lives here."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence

from fabrik.prompts.render import fence, render
from fabrik.workflows.context import SealedCheck, SealedTask
from fabrik.workflows.judge import Judgement
from fabrik.workflows.results import CheckResult, ChecksResult, SessionResult, VerificationResult
from fabrik.workflows.work import Work

Prompt = Callable[[str], str]  # the path of the session's report, inside → what the agent is told


def implement(work: Work, task: SealedTask, *, pending: Collection[str], done: Sequence[str]) -> Prompt:
    """The first prompt of a task."""
    variables = {"done_so_far": _list(done), "checks_now": _list(pending)}
    return lambda report: render("implement", _task(work, task) | variables | {"report_path": report})


def fix(
    work: Work,
    task: SealedTask,
    ran: SessionResult,
    files: Sequence[str],
    results: ChecksResult,
    judgement: Judgement,
    *,
    attempt: int,
) -> Prompt:
    """Back to the agent, with the end of the real output of what failed."""
    waiting = set(judgement.pending)
    failed = [check for check in results.failed if check.name not in waiting]
    variables = {
        "attempt": str(attempt),
        "failures": _failures(failed) or _list(judgement.failures),
        "changed": _list(files),
        "notes": _list([*ran.notes, *(["nothing was changed"] if judgement.nothing_done else [])]),
    }
    return lambda report: render("fix", _task(work, task) | variables | {"report_path": report})


def fix_verification(work: Work, verification: VerificationResult, *, attempt: int) -> Prompt:
    """Back to the agent: the candidate fails in a fresh clone. Held-out checks stay unseen."""
    hidden = len(verification.holdout.failed)
    variables = {
        "spec_title": work.context.spec_title,
        "spec": work.context.spec_text,
        "checks": _commands(work.context.all_checks),
        "failures": "\n\n".join(
            filter(None, (verification.setup_problem, _failures(verification.checks.failed)))
        ),
        "held_out_failures": str(hidden) if hidden else "",
        "commit": verification.commit,
        "attempt": str(attempt),
        "extra": _extra(work),
    }
    return lambda report: render("fix-verification", variables | {"report_path": report})


def commit_message(work: Work, task: SealedTask) -> str:
    """The message for work that a session of this task leaves uncommitted."""
    first = next(iter(task.do.strip().splitlines()), "") or work.context.spec_title
    subject = first if len(first) <= 72 else first[:71].rstrip() + "…"
    return f"{subject}\n\nFabrik-Run: {work.run}\nFabrik-Task: {task.id}"


def _task(work: Work, task: SealedTask) -> dict[str, str]:
    tasks = work.context.tasks
    return {
        "spec_title": work.context.spec_title,
        "spec": work.context.spec_text,
        "task_id": task.id,
        "task_number": str([t.id for t in tasks].index(task.id) + 1),
        "task_total": str(len(tasks)),
        "task_do": task.do,
        "task_verify": task.verify,
        "checks": _commands((*task.checks, *work.context.checks)),
        "extra": _extra(work),
    }


def _extra(work: Work) -> str:
    sealed = work.context.extra_prompt
    if sealed is None:
        return ""
    return (work.paths.inputs / sealed.copy).read_text(encoding="utf-8")


def _commands(checks: Sequence[SealedCheck]) -> str:
    return fence("\n".join(check.run for check in checks), "sh") if checks else ""


def _failures(checks: Sequence[CheckResult]) -> str:
    parts = []
    for check in checks:
        how = (
            f"stopped by its {check.stopped_by} limit" if check.stopped_by else f"exit status {check.status}"
        )
        parts.append(f"### `{check.run}`: {how}\n\n{fence(check.tail or '(no output)')}")
    return "\n\n".join(parts)


def _list(items: Collection[str]) -> str:
    return "\n".join(f"- {item}" for item in items)
