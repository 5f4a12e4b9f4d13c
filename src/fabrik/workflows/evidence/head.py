"""What the page is about, and what the run was dispatched with."""

from __future__ import annotations

import time

from fabrik.workflows.context import RunContext, SealedFile
from fabrik.workflows.evidence.markdown import code, inline, table
from fabrik.workflows.loop.vouching import changed_checks
from fabrik.workflows.record import RunRecord


def head(record: RunRecord) -> str:
    """The title, the verdict, and the marks that a run carries for ever."""
    run, context = record.run, record.context
    reviewable = run.workflow != "loop"  # nobody is asked for its iterations
    agent = code(run.agent) + (f", model {code(run.model)}" if run.model else "")
    rows = [
        ("Verdict", f"**{run.status}**" + (f": {inline(run.failure_reason)}" if run.failure_reason else "")),
        ("Spec" if reviewable else "Loop", f"{inline(run.spec_title)} ({code(run.spec_id)})"),
        ("Run", f"`{run.id}`"),
        ("Project", code(run.project)),
        ("Base commit", f"`{run.base_commit}`"),
        ("Candidate" if reviewable else "Landed last", f"`{run.candidate}`" if run.candidate else "none"),
        ("Branch", code(run.branch)),
        ("Agent", agent),
        *([("Reviewers", _reviewers(context))] if reviewable else []),
        ("Sandbox", run.sandbox + (" (**nothing was isolated**)" if run.sandbox == "none" else "")),
    ]
    text = f"# Evidence: {inline(run.spec_title)}\n\n" + table(("", ""), rows)
    if run.unchecked:
        what = "This spec has no runnable check" if reviewable else "AGENTS.md names no check"
        text += f"\n\n> **UNCHECKED.** {what}. Nothing here proves that it was met."
    if not reviewable and (changed := changed_checks(record.finished)):
        text += (
            f"\n\n> **OTHER CHECKS.** {inline(changed.remark)}. This loop was judged by those it began with."
        )
    if reviewable and context is not None and context.review is None:
        text += "\n\n> **UNREVIEWED.** Dispatched with `--no-review`: nobody but the checks looked at it."
    if context is None:
        text += "\n\n> The run was dispatched by another version of fabrik: parts of this page are missing."
    if record.unread:
        names = ", ".join(code(key) for key in record.unread)
        text += f"\n\n> Results that another version of fabrik wrote are left out: {names}."
    return text


def _reviewers(context: RunContext | None) -> str:
    if context is None:
        return "unknown"
    if context.review is None:
        return "**none**"
    review = context.review
    names = ", ".join(code(reviewer.id) for reviewer in review.full) or "none"
    verifier = f"; verifier: agent {code(review.verifier.name)}" if context.accept else ""
    return f"{names} (agent {code(review.agent.name)}){verifier}"


def inputs(record: RunRecord) -> str:
    """The sealed inputs with their hashes."""
    context = record.context
    if context is None:
        return ""
    rows = [_file("spec", context.spec)]
    if context.todo:
        rows.append(_file("todo", context.todo))
    if context.extra_prompt:
        rows.append(_file("prompt", context.extra_prompt))
    if context.review:
        rows += [_file(f"reviewer {reviewer.id}", reviewer.prompt) for reviewer in context.review.full]
        if context.review.extra_prompt:
            rows.append(_file("prompt of the reviewers", context.review.extra_prompt))
    rows += [("prompt", code(name), f"`{digest}`") for name, digest in sorted(context.prompts.items())]
    when = time.strftime("%Y-%m-%d %H:%M:%S UTC", time.gmtime(record.run.started_at))
    title = f"## Sealed inputs\n\nDispatched {when} by fabrik {context.fabrik}.\n\n"
    return title + table(("Input", "Path", "SHA-256"), rows)


def _file(name: str, file: SealedFile) -> tuple[str, str, str]:
    return inline(name), code(file.path), f"`{file.sha256}`"
