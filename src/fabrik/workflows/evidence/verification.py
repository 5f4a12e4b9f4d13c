"""The proof by checks: each verification three ways, and what was done to the files that judge the work."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from fabrik.workflows.evidence.markdown import block, bullets, code, inline, table
from fabrik.workflows.record import RunRecord
from fabrik.workflows.results import ChecksResult, VerificationResult

TAIL = 20  # lines of a failed check's output
MOST = 50  # paths in a list

AS_IT_STANDS, AS_AT_BASE, HELD_OUT = "as it stands", "protected files of the base", "held-out"


def verification(record: RunRecord) -> str:
    """Every verification of the run with all of its checks."""
    text = "## Verification\n\n"
    if not record.verifications:
        return text + "No candidate was verified."
    before = {check.name: check.ok for check in record.baseline.checks} if record.baseline else {}
    parts = [_one(key, result, before) for key, result in record.verifications]
    note = "\n\n*Before* is the check at the base commit: one that passed there proves less."
    return text + "\n\n".join(parts) + (note if before else "")


def _one(key: str, result: VerificationResult, before: dict[str, bool]) -> str:
    rows = [row for way, results in _ways(result) for row in _rows(results, before, way)]
    outcome = "passed" if result.ok else "**failed**"
    parts = [
        f"### `{key}` {outcome}",
        f"Fresh clones at commit `{result.commit}`, tree `{result.tree}`; each way has one of its own.",
    ]
    for way, results in _ways(result):
        if results.setup_problem:
            parts.append(f"The checks {way} were not run: {inline(results.setup_problem)}")
    if rows:
        header = ("Check", "Way", "Before", "Result", "Seconds", "Log (SHA-256)")
        parts.append(table(header, rows))
    else:
        parts.append("There were no checks to run.")
    if result.restored:
        parts.append("Put back as at the base, or removed, for the second way:")
        parts.append(bullets([code(path) for path in result.restored], MOST))
    elif result.protected.checks and not result.alone:
        parts.append("No protected file was changed: the second way ran the same files once more.")
    if result.alone:
        names = ", ".join(code(name) for name in result.alone)
        parts.append(f"Run without the new test files the second way: {names}.")
    if result.flaky:
        names = ", ".join(code(check.name) for check in result.flaky)
        parts.append(f"**Passed once and then failed**, though nothing was different: {names}.")
    parts.extend(_tails(result))
    return "\n\n".join(parts)


def _ways(result: VerificationResult) -> tuple[tuple[str, ChecksResult], ...]:
    return (AS_IT_STANDS, result.checks), (AS_AT_BASE, result.protected), (HELD_OUT, result.holdout)


def _rows(results: ChecksResult, before: dict[str, bool], way: str) -> list[Sequence[str]]:
    return [
        (
            f"{inline(check.name)}: {code(check.run)}" if check.name != check.run else code(check.run),
            way,
            _before(before, check.name, way),
            "passed" if check.ok else f"**failed** ({check.stopped_by or check.status or check.signal})",
            f"{check.seconds:.2f}",
            f"`{check.log.path}` (`{check.log.sha256}`)",
        )
        for check in results.checks
    ]


def _before(before: dict[str, bool], name: str, way: str) -> str:
    if way != AS_IT_STANDS or name not in before:
        return "–"
    return "passed" if before[name] else "failed"


def _tails(result: VerificationResult) -> Iterable[str]:
    for way, results in _ways(result):
        for check in results.failed:
            if check.tail:
                yield f"End of the output of {code(check.name)} ({way}):\n\n{block(check.tail, TAIL)}"


def tampering(record: RunRecord) -> str:
    """What the candidates did to what judges them; "" for nothing."""
    quotes = {
        (found.round.commit, one.path): one.quote
        for found in record.rounds
        for one in found.round.asked
        if one.asked
    }
    rows = [
        (
            f"`{key}`",
            code(tamper.path if tamper.line is None else f"{tamper.path}:{tamper.line}"),
            tamper.kind,
            inline(tamper.what),
            "yes" if tamper.holds else "no",
            _reason(tamper.allowed, quotes.get((result.commit, tamper.path), "")),
        )
        for key, result in record.verifications
        for tamper in result.tampers
    ]
    if not rows:
        return ""
    header = ("Verification", "Where", "Kind", "What", "Holds", "The spec asks for it")
    note = "What holds goes back to the implementer, unless the spec asks for it; then a human decides."
    return f"## Changes to what judges the work\n\n{table(header, rows)}\n\n{note}"


def _reason(allowed: bool, quote: str) -> str:
    by_quote = f"“{inline(quote)}”" if quote else ""
    return "; ".join(filter(None, ("`mayChange` covers it" if allowed else "", by_quote))) or "no"
