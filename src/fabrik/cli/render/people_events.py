"""Events that people make: gates, decisions, feedback."""

from __future__ import annotations

from fabrik.cli import units
from fabrik.cli.render.line import Data, Line, Renderer, bullet, text_of
from fabrik.cli.render.words import plural
from fabrik.cli.text import one_line

MOST_MARKS = 10


def _marks(data: Data) -> tuple[str, ...]:
    marks = data.get("marks")
    found = [one_line(str(mark), 300) for mark in marks] if isinstance(marks, list) else []
    left = len(found) - MOST_MARKS
    return tuple(f"! {mark}" for mark in found[:MOST_MARKS]) + ((f"and {left} more",) if left > 0 else ())


def _cleaned(data: Data, _step: str) -> Line:
    size = data.get("size")
    freed = units.size(int(size)) if isinstance(size, int) else ""
    return Line(mark="·", text=bullet("its files were removed", freed=freed), tone="dim")


def _checkpoint(verb: str) -> Renderer:
    def line(data: Data, _step: str) -> Line:
        commit = text_of(data, "commit")[:10]
        at = f"at {commit}" if commit else "with unsaved files"
        return Line(mark="·", text=bullet(f"{text_of(data, 'name')} {verb}", at=at), tone="dim")

    return line


def _gate_opened(data: Data, _step: str) -> Line:
    marks = _marks(data)
    return Line(
        mark="‖",
        text=bullet("waits for a human", reason=text_of(data, "reason", 400)),
        tone="warn",
        detail=("against it:", *marks) if marks else (),
    )


def _gate_marked(data: Data, _step: str) -> Line:
    marks = _marks(data)
    return Line(mark="‖", text="what speaks against the candidate has changed", tone="warn", detail=marks)


def _gate_approved(data: Data, _step: str) -> Line:
    if data.get("overriding") is True:
        marks = data.get("marks")
        number = plural(len(marks), "mark") if isinstance(marks, list) else "what speaks against it"
        return Line(
            mark="!",
            text=_decision(f"approved, OVERRIDING {number}", data),
            tone="bad",
            detail=_marks(data),
        )
    return Line(mark="✓", text=_decision("approved", data), tone="good")


def _gate_rejected(data: Data, _step: str) -> Line:
    return Line(
        mark="✗",
        text=_decision("rejected for good" if data.get("end") is True else "rejected", data),
        tone="warn",
    )


def _decision(what: str, data: Data) -> str:
    by = text_of(data, "by")
    return bullet(what, by=by and f"by {by}", notes=text_of(data, "notes", 400))


def _feedback_noted(data: Data, _step: str) -> Line:
    decision = text_of(data, "decision")
    what = "feedback" if decision in ("", "noted") else f"feedback: {decision}"
    return Line(mark="✎", text=_decision(what, data), tone="strong")


def _feedback_used(data: Data, step: str) -> Line:
    ids = data.get("ids")
    number = plural(len(ids), "note") if isinstance(ids, list) else "feedback"
    return Line(mark="✎", text=f"told the agent: {number} of people" if step else f"{number} used")


PEOPLE: dict[str, Renderer] = {
    "run.cleaned": _cleaned,
    "checkpoint.saved": _checkpoint("saved"),
    "checkpoint.restored": _checkpoint("restored"),
    "gate.opened": _gate_opened,
    "gate.marked": _gate_marked,
    "gate.approved": _gate_approved,
    "gate.rejected": _gate_rejected,
    "feedback.noted": _feedback_noted,
    "feedback.used": _feedback_used,
}
