"""What reviewers and the verifier are told: what the host knows, and nothing that the implementer says."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from fabrik.ledger.types import Feedback, TaskReport
from fabrik.prompts.render import fence, render
from fabrik.sandboxes.sandbox import Sandbox
from fabrik.workflows.attempts import said_so_far
from fabrik.workflows.briefing import Prompt, told_by
from fabrik.workflows.context import SealedFile
from fabrik.workflows.results import CheckResult
from fabrik.workflows.review.change import DIRECTORY, ChangeText
from fabrik.workflows.review.subject import Seat, Subject
from fabrik.workflows.review.text import readable
from fabrik.workflows.work import Work


@dataclass(frozen=True, kw_only=True)
class Repair:
    """A report that could not be used, and why: its reviewer gets one more chance."""

    problem: str
    report: str


def prompt_of(
    work: Work, subject: Subject, seat: Seat, change: ChangeText, sandbox: Sandbox, repair: Repair | None
) -> Prompt:
    """The prompt of one reviewer or of the verifier."""
    shared = {
        "spec_title": work.context.spec_title,
        "spec": work.context.spec_text,
        "commit": subject.commit,
        "base": subject.base,
        "workspace": sandbox.workspace,
        "checks": _checks(subject),
        "tampering": _tampering(subject),
        "diff": change.inline,
        "diff_partial": change.partial,
        "change_dir": f"{sandbox.home}/{DIRECTORY}",
        "extra": _extra(work),
        "repair_problem": repair.problem if repair else "",
        "repair_report": fence(repair.report) if repair and repair.report.strip() else "",
    }
    if seat.reviewer is None:
        own = {
            "criteria": "\n".join(f"{n}. {text}" for n, text in enumerate(work.context.accept, 1)),
            "check_names": _list([check.name for _, checks in subject.checks[:1] for check in checks]),
            "protected": _list([readable(path) for path in subject.holding]),
        }
        name = "verify"
    else:
        own = {
            "reviewer": seat.id,
            "reviewer_prompt": _text(work, seat.reviewer.prompt),
            "task": _task(subject),
            "tasks": _tasks(work.ledger.task_reports(work.run)),
            "earlier": _list([f"{found.id}: {found.text}" for found in subject.earlier]),
        }
        name = "review"

    def fill(report: str, _: Sequence[Feedback]) -> str:
        return render(name, shared | own | {"report_path": report})

    return fill


def _extra(work: Work) -> str:
    """What the owner adds for all reviewers, and what humans have asked for since the run began."""
    review = work.context.review
    own = _text(work, review.extra_prompt) if review and review.extra_prompt else ""
    said = told_by(said_so_far(work))
    since = f"People have asked for this since; it counts like the specification:\n\n{said}" if said else ""
    return "\n\n".join(filter(None, (own, since)))


def _text(work: Work, sealed: SealedFile) -> str:
    return (work.paths.inputs / sealed.copy).read_text(encoding="utf-8")


def _task(subject: Subject) -> str:
    task = subject.task
    if task is None:
        return ""
    done_when = f"\n\nIt is done when:\n\n{task.verify}" if task.verify else ""
    return f"{task.id}: {task.do}{done_when}"


def _tasks(reports: Sequence[TaskReport]) -> str:
    """What the host found out about each task: the last report of each, without a word of the implementer."""
    last = {report.task: report for report in reports}
    lines = []
    for report in last.values():
        checks = f"; {', '.join(report.tests)}" if report.tests else ""
        asked = " ".join(" ".join(report.work).split())[:200]
        files = ", ".join(readable(name) for name in report.files[:20]) or "no files"
        lines.append(f"{report.task} ({report.status}): {asked}; changed {files}{checks}")
    return _list(lines)


def _checks(subject: Subject) -> str:
    parts = []
    for how, checks in subject.checks:
        if checks:
            parts.append(f"Run {how}:\n\n{_list([_check(check) for check in checks])}")
    if subject.held_out:
        parts.append(f"Held-out checks that nobody sees: {subject.held_out} passed.")
    return "\n\n".join(parts)


def _check(check: CheckResult) -> str:
    how = "passed" if check.ok else f"FAILED ({check.stopped_by or check.status or check.signal})"
    named = "" if check.name == check.run else f"{check.name}: "
    return f"{named}`{check.run}` {how}"


def _tampering(subject: Subject) -> str:
    return _list(
        [
            f"{readable(tamper.path)}{f':{tamper.line}' if tamper.line else ''}: {tamper.what}"
            + (" (the specification allows changes of this file)" if tamper.allowed else "")
            for tamper in subject.tampers
        ]
    )


def _list(items: Sequence[str]) -> str:
    return "\n".join("- " + "\n  ".join(item.splitlines()) for item in items)
