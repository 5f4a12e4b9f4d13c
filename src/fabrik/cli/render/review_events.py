"""Events of reviews: one line for each reviewer, one for the round."""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from fabrik.cli.render.line import Data, Line, Renderer, bullet, text_of
from fabrik.cli.render.words import plural
from fabrik.cli.screen import Tone
from fabrik.ledger.types import Event

MARKS: dict[str, tuple[str, Tone]] = {
    "approved": ("✓", "good"),
    "changes_requested": ("✗", "warn"),
    "no_verdict": ("!", "bad"),
}
WORDS = {"approved": "approves", "changes_requested": "wants changes", "no_verdict": "gives no verdict"}


def _report(data: Data, _step: str) -> Line:
    status = text_of(data, "status")
    mark, tone = MARKS.get(status, ("·", "plain"))
    findings = data.get("findings")
    return Line(
        mark=mark,
        text=bullet(
            f"{text_of(data, 'reviewer')} {WORDS.get(status, status)}",
            findings=plural(findings, "finding") if isinstance(findings, int) and findings else "",
            reason=text_of(data, "reason", 300),
        ),
        tone=tone,
    )


def _summary(data: Data, _step: str) -> Line:
    status = text_of(data, "status")
    mark, tone = MARKS.get(status, ("·", "plain"))
    what = "light review" if text_of(data, "kind") == "light" else "full review"
    commit = text_of(data, "commit")[:10]
    said = "approved by all" if status == "approved" else "not approved"
    return Line(
        mark=mark,
        text=bullet(f"{what} {text_of(data, 'round')} of {commit}: {said}", counts=_counts(data)),
        tone=tone,
    )


def _counts(data: Data) -> str:
    """ "7 approved, 1 wants changes, 1 without a verdict"."""
    asked = data.get("reviewers")
    if not isinstance(asked, list):
        return ""
    statuses = [str(one.get("status")) for one in asked if isinstance(one, dict)]
    words = (
        ("approved", "approved"),
        ("changes_requested", "want changes"),
        ("no_verdict", "without a verdict"),
    )
    found = [(statuses.count(status), said) for status, said in words]
    return ", ".join(f"{number} {said}" for number, said in found if number)


REVIEWS: dict[str, Renderer] = {
    "review.report": _report,
    "review.summary": _summary,
}


_SESSION = re.compile(r"(?P<round>(?:task/.+/)?review#\d+)/(?P<reviewer>[^/]+)(?:/.*)?")
_ROUTINE = frozenset({"session.started", "session.said", "session.tool", "step.started", "step.finished"})
_MOST_NAMES = 3


@dataclass
class Reviewers:
    """Who is out in the reviews that are under way: so many sessions at once are told in one live line."""

    _out: dict[str, dict[str, float]] = field(default_factory=dict)  # run → reviewer → since
    _round: dict[str, str] = field(default_factory=dict)  # run → key of the round

    def note(self, event: Event) -> str:
        """Take an event into account; the key of the round that it begins, "" for none."""
        found = _SESSION.fullmatch(event.step or "")
        if event.kind in ("review.summary", "run.claimed", "run.verdict"):
            self._out.pop(event.run, None)
        elif event.kind == "review.report":
            self._out.get(event.run, {}).pop(text_of(event.data, "reviewer"), None)
        elif found and event.kind == "session.ended":
            self._out.get(event.run, {}).pop(found["reviewer"], None)  # asked again: its next step says so
        elif found and event.kind == "step.started":
            begins = self._round.get(event.run) != found["round"]
            if begins:
                self._round[event.run] = found["round"]
                self._out.pop(event.run, None)
            self._out.setdefault(event.run, {}).setdefault(found["reviewer"], event.at)
            return found["round"] if begins else ""
        elif event.kind == "step.started":  # something else goes on: the round is over
            self._out.pop(event.run, None)
        return ""

    def quiet(self, event: Event) -> bool:
        """Whether an event of a reviewer's session is left to the live line."""
        if _SESSION.fullmatch(event.step or "") is None:
            return False
        ended_well = event.kind == "session.ended" and event.data.get("cause") == "ended"
        return event.kind in _ROUTINE or ended_well

    def out(self, run: str) -> str:
        """The round and who is still out, for the live line; "" when nobody is."""
        names = list(self._out.get(run, {}))
        if not names:
            return ""
        more = f" and {len(names) - _MOST_NAMES} more" if len(names) > _MOST_NAMES else ""
        return f"{self._round[run]}: waits for {', '.join(names[:_MOST_NAMES])}{more}"

    def since(self, run: str) -> float:
        """When the first of those who are out was asked."""
        return min(self._out[run].values())
