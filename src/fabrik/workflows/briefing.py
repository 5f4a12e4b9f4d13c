"""What an agent is told: fills the Markdown prompts with what the host knows. No prompt text lives here."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence

from fabrik.ledger.types import Feedback, Gate
from fabrik.prompts.render import fence, render
from fabrik.workflows.context import SealedCheck, SealedTask
from fabrik.workflows.judge import Judgement
from fabrik.workflows.results import CheckResult, ChecksResult, SessionResult, VerificationResult
from fabrik.workflows.review.model import Finding
from fabrik.workflows.work import Work

# The path of the session's report, inside, and what humans have said since → what the agent is told
Prompt = Callable[[str, Sequence[Feedback]], str]


def implement(work: Work, task: SealedTask, *, pending: Collection[str], done: Sequence[str]) -> Prompt:
    """The first prompt of a task."""
    variables = {"done_so_far": _list(done), "checks_now": _list(pending)}
    return _prompt(work, "implement", _task(work, task) | variables)


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
    about = _task(work, task)
    number, total = about.pop("task_number"), about.pop("task_total")
    listed = any(task.id == known.id for known in work.context.tasks)
    title = f"Task {number} of {total}: {task.id}" if listed else task.id
    return _prompt(work, "fix", about | variables | {"task_title": title})


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
        "flaky": _failures(verification.flaky),
        "extra": extra_of(work),
    }
    return _prompt(work, "fix-verification", variables)


def fix_finding(work: Work, finding: Finding, others: Sequence[Finding], commit: str) -> Prompt:
    """One finding of a review goes back to the implementer."""
    variables = {
        "spec_title": work.context.spec_title,
        "spec": work.context.spec_text,
        "task_id": finding.id,
        "reviewer": finding.reviewer,
        "finding": finding.text,
        "others": _list([f"{other.id}: {other.text}" for other in others]),
        "commit": commit,
        "checks": _commands(work.context.all_checks),
        "extra": extra_of(work),
    }
    return _prompt(work, "review-task", variables)


def take_back(work: Work, gate: Gate, commit: str) -> Prompt:
    """A human has rejected the candidate: the notes go back to the implementer."""
    notes = gate.notes or "(no reason was given)"

    def fill(report: str, people: Sequence[Feedback]) -> str:
        others = [said for said in people if said.gate != gate.number]
        earlier = f"\n\nSaid before:\n\n{told_by(others)}" if others else ""
        variables = _feedback(work, commit, gate.number + 1, gate.decided_by or "a human", notes + earlier)
        return render("feedback", variables | {"report_path": report})

    return fill


def take_notes(work: Work, commit: str) -> Prompt:
    """A human has noted something about work that was thought to be done."""

    def fill(report: str, people: Sequence[Feedback]) -> str:
        variables = _feedback(work, commit, 2, "a human", told_by(people) or "(nothing)")
        return render("feedback", variables | {"report_path": report})

    return fill


def _feedback(work: Work, commit: str, attempt: int, who: str, feedback: str) -> dict[str, str]:
    return {
        "spec_title": work.context.spec_title,
        "spec": work.context.spec_text,
        "checks": _commands(work.context.all_checks),
        "commit": commit,
        "attempt": str(attempt),
        "who": who,
        "feedback": feedback,
        "extra": extra_of(work),
    }


def _prompt(work: Work, name: str, variables: dict[str, str]) -> Prompt:
    def fill(report: str, people: Sequence[Feedback]) -> str:
        return render(name, variables | {"report_path": report, "people": _people(work, people)})

    return fill


def _people(work: Work, people: Sequence[Feedback]) -> str:
    """What humans said of earlier runs of the spec, and of this one while it works."""
    earlier = [f"On an earlier run, {said.by}: {said.notes}" for said in work.context.feedback]
    return "\n".join(filter(None, (_list(earlier), told_by(people))))


def told_by(people: Sequence[Feedback]) -> str:
    """What humans have said, as a list, the last one last."""
    return _list([f"{said.decided_by}: {said.notes}" for said in people if said.notes])


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
        "task_number": str(next((n for n, t in enumerate(tasks, 1) if t.id == task.id), len(tasks))),
        "task_total": str(len(tasks)),
        "task_do": task.do,
        "task_verify": task.verify,
        "checks": _commands((*task.checks, *work.context.checks)),
        "extra": extra_of(work),
    }


def extra_of(work: Work) -> str:
    """What the owner of the project adds for the agent: `--prompt`."""
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
    return "\n".join("- " + "\n  ".join(item.splitlines()) for item in items)
