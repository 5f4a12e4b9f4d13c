"""How a run stands, in a block: verdict, branch, evidence, cost, and the next command to type."""

from __future__ import annotations

from pathlib import Path

from fabrik.cli import units
from fabrik.cli.render.runs import TONES, short, state
from fabrik.cli.render.words import quoted
from fabrik.cli.screen import Tone
from fabrik.cli.text import neutralise, one_line
from fabrik.ledger.types import Run
from fabrik.outcome import EXIT_OF_VERDICT, ExitStatus, Verdict
from fabrik.paths import RunPaths
from fabrik.workflows.registry import FOREGROUND, take_up

_UNCHECKED = {  # why nothing proves a run, where it was not asked for
    "loop": "AGENTS.md names no check",
    "backlog": "neither the spec nor AGENTS.md names a command, so nothing but agents checks it",
}


def exit_status(run: Run) -> int:
    """The documented exit status for a run that is no longer followed."""
    if run.status == "waiting":
        return ExitStatus.WAITING
    if run.status == "running":
        return ExitStatus.OK if run.alive else ExitStatus.FAILED
    return EXIT_OF_VERDICT[Verdict(run.status)]


def evidence_page(run: Run) -> Path:
    """Where the evidence of a run is, once there is some."""
    return RunPaths(Path(run.directory)).reports / "evidence.md"


def summary(run: Run, *, now: float, evidence: Path | None, reviewed: bool = True) -> list[tuple[str, Tone]]:
    """The block's lines with their tones. `evidence` is None where no page was written."""
    name = state(run)
    head = f"{name}  {one_line(run.spec_id)}: {one_line(run.spec_title)}"
    lines: list[tuple[str, Tone]] = [(head, TONES.get(name, "strong"))]
    for label, value in facts(run, now=now, evidence=evidence, reviewed=reviewed):
        first, *rest = neutralise(value).splitlines() or [""]
        lines.append((f"  {label:<10}{first}", "plain"))
        lines.extend((" " * 12 + line, "plain") for line in rest)
    return lines


def facts(run: Run, *, now: float, evidence: Path | None, reviewed: bool = True) -> list[tuple[str, str]]:
    """Label and value, in the order in which they are read."""
    known = [("run", run.id)]
    if run.failure_reason:
        known.append(("reason", run.failure_reason))
    if run.unchecked:
        why = _UNCHECKED.get(run.workflow, "dispatched with --allow-unchecked")
        known.append(("unchecked", f"{why}: nothing proves that this works"))
    if not reviewed and run.workflow not in (*FOREGROUND, "loop"):
        known.append(("reviews", "UNREVIEWED: no reviewer and no verifier looked at it (--no-review)"))
    if run.status == "shipped" or run.workflow == "loop":
        known.append(("branch", f"{run.branch} in {run.project}"))
    if run.candidate:
        known.append(("commit", run.candidate))
    if evidence is not None:
        known.append(("evidence", str(evidence)))
    known.append(("cost", units.cost(run.usage)))
    known.append(("time", units.seconds((run.finished_at or now) - run.started_at)))
    if next_command := what_next(run):
        known.append(("next", next_command))
    return known


def what_next(run: Run) -> str:
    """The command that makes sense now; empty when there is none."""
    ref = short(run.id)
    if run.workflow in FOREGROUND and state(run) in ("blocked", "exhausted", "failed", "interrupted"):
        return take_up(run)
    match state(run):
        case "shipped":
            # A URL has no directory to look into; the branch is there after a fetch.
            where = "" if "://" in run.project else f" -C {quoted(run.project)}"
            return f"git{where} log --stat {run.base_commit[:10]}..{quoted(run.branch)}"
        case "waiting":
            return f'fabrik approve {ref}\nfabrik reject {ref} --notes "what is missing"'
        case "exhausted" if "budget" in (run.failure_reason or ""):
            larger = "--budget-usd USD   (or --budget-tokens N: a larger one)"
            return f"fabrik run resume {ref} {larger}\nfabrik runs logs {ref}"
        case "blocked" | "exhausted":
            return f"fabrik runs logs {ref}\nfabrik run resume {ref}   (once what stopped it is mended)"
        case "interrupted":
            return f"fabrik run resume {ref}"
        case "failed" | "rejected":
            return f"fabrik runs show {ref}\nfabrik runs logs {ref}"
        case "running" | "cancelling":
            return f"fabrik run attach {ref}"
        case _:
            return ""
