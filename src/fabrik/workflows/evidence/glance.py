"""What a person needs in order to decide: the beginning of the page, and what the gate shows, too."""

from __future__ import annotations

from pathlib import Path

from fabrik.ledger.types import Gate
from fabrik.paths import RunPaths
from fabrik.workflows.decision import Decision, Judged, Way, decision
from fabrik.workflows.evidence.markdown import bullets, code, inline, table
from fabrik.workflows.record import RunRecord
from fabrik.workflows.results import Candidate

MOST = 10  # lines of a list here; all of them are below


def glance(record: RunRecord) -> str:
    """The last gate's candidate at a glance; "" while there was no gate."""
    if not record.gates:
        return ""
    gate = record.gates[-1]
    found = decision(record, gate)
    rows = [
        ("Asked", _asked(found)),
        ("Changed", _changed(found)),
        ("Criteria", _criteria(found)),
        *((f"Checks, {way.name}", _way(way)) for way in found.ways),
        ("Reviews", _reviews(found)),
        ("Findings open", f"**{len(found.findings)}**" if found.findings else "none"),
        ("Cost", _cost(record)),
    ]
    parts = [f"## {_title(gate)}", table(("", ""), rows)]
    if gate.marks:
        said = "was overridden" if gate.overriding else "approving overrides this"
        marks = [inline(mark) for mark in gate.marks]
        parts.append(f"**Against it** ({said}):\n\n" + bullets(marks, MOST * 2))
    if found.findings:
        lines = [f"{code(finding.id)}: {inline(finding.text)}" for finding in found.findings]
        parts.append("**Findings open:**\n\n" + bullets(lines, MOST))
    if unmet := [one for one in found.criteria if one.met is False]:
        lines = [f"{one.number}. {inline(one.text)}: {inline(one.why)}" for one in unmet]
        parts.append("**Criteria not met:**\n\n" + bullets(lines, MOST))
    if found.judged:
        parts.append(
            "**Changes to what judges the work:**\n\n" + bullets([_judged(one) for one in found.judged], MOST)
        )
    if gate.state == "open":
        parts.append(_what_to_type(record))
    return "\n\n".join(parts)


def _title(gate: Gate) -> str:
    match gate.state:
        case "open":
            return "To decide"
        case "approved":
            return "Approved" + (" in spite of what speaks against it" if gate.overriding else "")
        case _:
            return "Rejected"


def _asked(found: Decision) -> str:
    asked = [*found.goals, *found.tasks] or [found.title]
    text = "; ".join(inline(line) for line in asked[:MOST])
    return text + (f"; and {len(asked) - MOST} more" if len(asked) > MOST else "")


def _changed(found: Decision) -> str:
    candidate: Candidate | None = found.candidate
    if candidate is None:
        return f"`{found.base[:12]}` → `{found.gate.candidate[:12]}`"
    names = ", ".join(code(file.path) for file in candidate.files[:MOST])
    more = f" and {candidate.total - MOST:,} more" if candidate.total > MOST else ""
    return (
        f"{candidate.total:,} files, +{candidate.added:,} -{candidate.removed:,},"
        f" {candidate.commits:,} commits on `{found.base[:12]}`: {names}{more}"
    )


def _criteria(found: Decision) -> str:
    if not found.criteria:
        return "the spec has none"
    if all(one.met is None for one in found.criteria):
        return f"no verifier has looked at the {len(found.criteria)} criteria"
    return f"{found.met} of {len(found.criteria)} met"


def _way(way: Way) -> str:
    if not way.total:
        return "not run" + (f": {inline(way.note)}" if way.note else "")
    failed = "; **fails**: " + ", ".join(code(name) for name in way.failed) if way.failed else ""
    return f"{way.passed} of {way.total} passed" + (f" ({inline(way.note)})" if way.note else "") + failed


def _reviews(found: Decision) -> str:
    if found.unreviewed:
        return "**UNREVIEWED**"
    if not found.opinions:
        return "**no review of this commit**"
    approved = sum(1 for opinion in found.opinions if opinion.status == "approved")
    return f"{approved} of {len(found.opinions)} approved"


def _cost(record: RunRecord) -> str:
    usage = record.run.usage
    cost = "unknown" if usage.cost_usd is None else f"${usage.cost_usd:,.4f}"
    return f"{cost} in {usage.calls:,} model calls"


def _judged(one: Judged) -> str:
    place = code(one.path if one.line is None else f"{one.path}:{one.line}")
    if one.quote:
        return f"{place}: {inline(one.what)}; the spec asks for it: “{inline(one.quote)}”"
    return f"{place}: {inline(one.what)}" + (" (the spec's `mayChange` covers it)" if one.allowed else "")


def _what_to_type(record: RunRecord) -> str:
    ref, repository = record.run.id[-8:], RunPaths(Path(record.run.directory)).repo
    lines = (
        f"fabrik runs diff {ref}",
        f"git fetch {repository} refs/fabrik/candidate",
        f"fabrik approve {ref}",
        f'fabrik reject {ref} --notes "what is missing"',
    )
    return "\n".join("    " + line for line in lines)
