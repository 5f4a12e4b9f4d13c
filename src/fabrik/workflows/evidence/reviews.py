"""The reviews: the verifier's table, every round with every reviewer, and what became of the findings."""

from __future__ import annotations

from fabrik.workflows.context import VERIFIER
from fabrik.workflows.evidence.markdown import code, inline, table
from fabrik.workflows.fates import fates
from fabrik.workflows.record import RoundOf, RunRecord

STATUS = {
    "approved": "approved",
    "changes_requested": "**changes requested**",
    "no_verdict": "**no verdict**",
}


def verifier(record: RunRecord) -> str:
    """The acceptance criteria with their evidence, of the last round that has any; "" if nobody was asked."""
    full = [found for found in record.rounds if found.task is None]
    if not full:
        return ""
    last = next((found for found in reversed(full) if found.round.criteria), None)
    if not any(opinion.reviewer == VERIFIER for found in full for opinion in found.round.opinions):
        return ""  # nobody asked it: there are no criteria
    if last is None:
        return f"## Acceptance criteria\n\n{_as_a_whole(full[-1])}"
    rows = [
        (
            str(one.number),
            inline(one.text),
            "yes" if one.met else "**no**",
            one.kind,
            code(one.where) if one.where else "",
            inline(one.why),
        )
        for one in last.round.criteria
    ]
    about = f"`{last.key}`, commit `{last.round.commit}`"
    current = last.round.commit == record.run.candidate
    note = "" if current else "\n\n**This is not the commit of the last candidate.**"
    header = ("", "Criterion", "Met", "Evidence", "Where", "Why")
    return f"## Acceptance criteria\n\nThe verifier in {about}.{note}\n\n{table(header, rows)}"


def _as_a_whole(found: RoundOf) -> str:
    """What a verifier came to that left no table: one may say yes or no to all of it at once."""
    status = next((one.status for one in found.round.opinions if one.reviewer == VERIFIER), "no_verdict")
    about = f"`{found.key}`, commit `{found.round.commit}`"
    match status:
        case "approved":
            return (
                f"The verifier in {about} said **yes** to the specification as a whole, criteria included. It"
                " listed no evidence for each of them: what it saw is in its log."
            )
        case "changes_requested":
            return f"The verifier in {about} said **no** to the whole: what it wants is among the reviews."
        case _:
            return "**The verifier gave no verdict** on any criterion."


def reviews(record: RunRecord) -> str:
    """Every round with everybody who was asked."""
    if not record.rounds:
        return ""
    parts = ["## Reviews"]
    for found in record.rounds:
        round_ = found.round
        outcome = "approved" if round_.approved else "**not approved**"
        rows = [
            (
                code(opinion.reviewer),
                STATUS[opinion.status],
                "<br>".join(inline(issue) for issue in opinion.issues),
                "<br>".join(inline(text) for text in opinion.next),
                inline(opinion.reason),
            )
            for opinion in round_.opinions
        ]
        header = ("Reviewer", "Verdict", "Issues", "Next", "Why there is none")
        parts += [f"### {code(found.key)} {outcome}", f"Of commit `{round_.commit}`.", table(header, rows)]
    return "\n\n".join(parts)


def findings(record: RunRecord) -> str:
    """What was to be changed, and what became of it."""
    rows = [
        (
            code(fate.finding.id),
            code(fate.found_in),
            inline(fate.finding.text),
            "**open**" if fate.state == "open" else fate.state,
            inline(fate.said),
        )
        for fate in fates(record)
    ]
    if not rows:
        return ""
    return "## Findings\n\n" + table(("Finding", "Of", "What", "State", "How it stands"), rows)
