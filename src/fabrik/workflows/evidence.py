"""The evidence page of a run: one Markdown file that says what proves the result, from the ledger alone."""

from __future__ import annotations

import time
from collections.abc import Iterable, Sequence
from dataclasses import replace

from fabrik import paths
from fabrik.ledger.codec import decode
from fabrik.ledger.store import Ledger
from fabrik.ledger.types import Gate, Run, RunStatus, Step, TaskReport
from fabrik.usage import ModelCall, Usage
from fabrik.workflows.context import RunContext
from fabrik.workflows.results import ChecksResult, SessionResult, VerificationResult

PAGE = "evidence.md"


def write(ledger: Ledger, run_id: str, status: RunStatus, reason: str | None) -> None:
    """Write the page beside the run's other reports, all at once, as it is with this status.

    It is written before the status is recorded, so that no crash leaves a run that ended without its page.
    Raises LedgerError, OSError.
    """
    run = replace(ledger.find_run(run_id), status=status, failure_reason=reason)
    page = paths.home().run(run.id).reports / PAGE
    page.parent.mkdir(parents=True, exist_ok=True)
    aside = page.with_suffix(".tmp")
    aside.write_text(
        render(
            run,
            ledger.steps(run.id),
            ledger.task_reports(run.id),
            ledger.gates(run.id),
            ledger.model_calls(run.id),
        ),
        encoding="utf-8",
    )
    aside.rename(page)


def render(
    run: Run,
    steps: Sequence[Step],
    reports: Sequence[TaskReport],
    gates: Sequence[Gate],
    calls: Sequence[ModelCall],
) -> str:
    """The page as Markdown. Pure."""
    context = decode(RunContext, run.context)
    finished = [step for step in steps if step.state == "finished"]
    sections = [
        _head(run, context),
        _verification(finished),
        _tasks(reports),
        _gates(gates),
        _sessions(finished),
        _usage(run.usage, calls),
        _inputs(run, context),
    ]
    return "\n\n".join(section for section in sections if section) + "\n"


def _head(run: Run, context: RunContext) -> str:
    rows = [
        ("Verdict", f"**{run.status}**" + (f": {_inline(run.failure_reason)}" if run.failure_reason else "")),
        ("Spec", f"{_inline(context.spec_title)} (`{context.spec_id}`)"),
        ("Run", f"`{run.id}`"),
        ("Project", f"`{run.project}`"),
        ("Base commit", f"`{run.base_commit}`"),
        ("Candidate", f"`{run.candidate}`" if run.candidate else "none"),
        ("Branch", f"`{run.branch}`"),
        ("Agent", context.agent.name + (f", model `{context.agent.model}`" if context.agent.model else "")),
        ("Sandbox", context.sandbox + (" (**nothing was isolated**)" if context.sandbox == "none" else "")),
    ]
    text = f"# Evidence: {_inline(context.spec_title)}\n\n" + _table(("", ""), rows)
    if run.unchecked:
        text += "\n\n> **UNCHECKED.** This spec has no runnable check. Nothing here proves that it was met."
    return text


def _verification(steps: Sequence[Step]) -> str:
    text = "## Verification\n\n"
    found = [step for step in steps if step.key.startswith("verify#")]
    if not found:
        return text + "No candidate was verified."
    before = _baseline(steps)
    parts = []
    for step in found:
        result = decode(VerificationResult, step.result)
        rows = _check_rows(result.checks, before, "spec") + _check_rows(result.holdout, {}, "held-out")
        outcome = "passed" if result.ok else "**failed**"
        part = f"### `{step.key}` {outcome}\n\nFresh clone at commit `{result.commit}`, tree `{result.tree}`."
        if rows:
            part += "\n\n" + _table(("Check", "Kind", "Before", "Result", "Seconds", "Log (SHA-256)"), rows)
        else:
            part += "\n\nThere were no checks to run."
        parts.append(part + "".join(_tails(result)))
    note = "\n\n*Before* is the check at the base commit: one that passed there proves less."
    return text + "\n\n".join(parts) + (note if before else "")


def _baseline(steps: Sequence[Step]) -> dict[str, bool]:
    for step in steps:
        if step.key == "baseline":
            return {check.name: check.ok for check in decode(ChecksResult, step.result).checks}
    return {}


def _check_rows(results: ChecksResult, before: dict[str, bool], kind: str) -> list[Sequence[str]]:
    return [
        (
            f"{_inline(check.name)}: `{_code(check.run)}`"
            if check.name != check.run
            else f"`{_code(check.run)}`",
            kind,
            {True: "passed", False: "failed", None: "–"}[before.get(check.name)],
            "passed" if check.ok else f"**failed** ({check.stopped_by or check.status or check.signal})",
            f"{check.seconds:.2f}",
            f"`{check.log.path}` (`{check.log.sha256}`)",
        )
        for check in results.checks
    ]


def _tails(result: VerificationResult) -> Iterable[str]:
    for check in (*result.checks.failed, *result.holdout.failed):
        if check.tail:
            body = "\n".join("    " + line for line in check.tail.splitlines()[-20:])
            yield f"\n\nEnd of the output of `{_code(check.name)}`:\n\n{body}"


def _tasks(reports: Sequence[TaskReport]) -> str:
    rows = [
        (
            _inline(report.task),
            f"`{report.step}`",
            report.status,
            f"`{report.commit[:12]}`" if report.commit else "",
            ", ".join(f"`{_code(name)}`" for name in report.files[:10]) or "none",
            _inline("; ".join(report.issues)),
        )
        for report in reports
    ]
    if not rows:
        return ""
    return "## Tasks\n\n" + _table(("Task", "Step", "Found", "Commit", "Files changed", "Issues"), rows)


def _gates(gates: Sequence[Gate]) -> str:
    rows = [
        (str(g.number), g.state, _inline(g.decided_by or ""), _inline(g.notes or ""), _inline(g.reason))
        for g in gates
    ]
    return "## Approval\n\n" + _table(("Gate", "State", "By", "Notes", "Asked because"), rows) if rows else ""


def _sessions(steps: Sequence[Step]) -> str:
    rows = []
    for step in steps:
        if not isinstance(step.result, dict) or "transcript" not in step.result:
            continue
        ran = decode(SessionResult, step.result)
        says = f"said “{ran.says}”" if ran.says else ""
        rows.append(
            (
                f"`{step.key}`",
                f"{ran.cause}" + (f": {_inline(ran.detail)}" if ran.detail else ""),
                "changed" if ran.changed else "**changed nothing**",
                f"`{ran.head[:12]}`",
                f"{ran.seconds:.1f}",
                f"`{ran.transcript.path}` (`{ran.transcript.sha256}`)",
                "; ".join(filter(None, (says, "work committed by fabrik" if ran.leftover else ""))),
            )
        )
    if not rows:
        return ""
    header = ("Session", "Ended", "Tree", "Commit", "Seconds", "Transcript (SHA-256)", "Notes")
    return (
        "## Sessions\n\n" + _table(header, rows) + "\n\nWhat an agent says of its own work is not evidence."
    )


def _usage(usage: Usage, calls: Sequence[ModelCall]) -> str:
    def known(value: float | None, form: str) -> str:
        return "unknown" if value is None else form.format(value)

    rows = [
        ("Model calls", str(usage.calls)),
        ("Input tokens", known(usage.input_tokens, "{:,}")),
        ("Read from cache", known(usage.cache_read_tokens, "{:,}")),
        ("Written to cache", known(usage.cache_write_tokens, "{:,}")),
        ("Output tokens", known(usage.output_tokens, "{:,}")),
        ("Reasoning tokens", known(usage.reasoning_tokens, "{:,}")),
        ("Cost", known(usage.cost_usd, "${:,.4f}")),
    ]
    models = sorted({call.model for call in calls if call.model})
    text = "## Usage\n\n" + _table(("", ""), rows)
    return text + (f"\n\nModels: {', '.join(f'`{_code(model)}`' for model in models)}." if models else "")


def _inputs(run: Run, context: RunContext) -> str:
    rows = [("spec", f"`{context.spec.path}`", f"`{context.spec.sha256}`")]
    if context.todo:
        rows.append(("todo", f"`{context.todo.path}`", f"`{context.todo.sha256}`"))
    if context.extra_prompt:
        rows.append(("prompt", f"`{context.extra_prompt.path}`", f"`{context.extra_prompt.sha256}`"))
    rows += [("prompt", f"`{name}`", f"`{digest}`") for name, digest in sorted(context.prompts.items())]
    when = time.strftime("%Y-%m-%d %H:%M:%S UTC", time.gmtime(run.started_at))
    title = f"## Sealed inputs\n\nDispatched {when} by fabrik {context.fabrik}.\n\n"
    return title + _table(("Input", "Path", "SHA-256"), rows)


def _table(header: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    lines = [f"| {' | '.join(header)} |", f"|{' --- |' * len(header)}"]
    return "\n".join([*lines, *(f"| {' | '.join(row)} |" for row in rows)])


def _inline(text: str | None) -> str:
    """Text from outside in a table cell: one line, no markup that could break out of it."""
    flat = " ".join((text or "").split())
    for character in "\\|<>[]`*_":
        flat = flat.replace(character, "\\" + character)
    return "".join(c for c in flat if c.isprintable())


def _code(text: str) -> str:
    """Text from outside between backticks."""
    flat = " ".join(text.split()).replace("`", "'").replace("|", "\\|")
    return "".join(c for c in flat if c.isprintable())
