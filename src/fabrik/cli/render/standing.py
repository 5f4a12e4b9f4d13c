"""How a run stands, for people and for programs."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from fabrik.cli import units
from fabrik.cli.render.fit import Painted, cut, wrap
from fabrik.cli.render.runs import short, usage_json
from fabrik.cli.screen import Tone
from fabrik.ledger.types import Run
from fabrik.workflows.standing import Move, Standing
from fabrik.workflows.under_way import ReviewerNow

Budget = tuple[float | None, int | None]

TONES: dict[str, Tone] = {
    "shipped": "good",
    "done": "good",
    "failed": "bad",
    "cancelled": "dim",
    "session": "strong",
    "checks": "strong",
    "review": "strong",
    "verification": "strong",
    "working": "strong",
    "starting": "strong",
}
MOST_ABOUT = 5  # lines; the page of the run has all of them
SILENT = 60.0  # seconds without a sign of life from which on they are told

REVIEWER_MARKS: dict[str, tuple[str, Tone]] = {
    "approved": ("✓", "good"),
    "changes_requested": ("✗", "warn"),
    "no_verdict": ("!", "bad"),
    "asked": ("▸", "plain"),
    "waiting": ("…", "warn"),
    "answered": ("·", "plain"),
    "due": ("·", "dim"),
}
REVIEWER_WORDS = {
    "approved": "approved",
    "changes_requested": "wants changes",
    "no_verdict": "no verdict",
    "asked": "works",
    "waiting": "waits for its provider",
    "answered": "its session has ended",
    "due": "is not asked yet",
}


def standing_lines(run: Run, found: Standing, budget: Budget, *, now: float, width: int) -> Iterator[Painted]:
    """Label and value, in the order in which they are read."""
    width = max(40, min(width, 110))
    tone = TONES.get(found.state, "warn")
    yield from _labelled("now", found.what, width, tone)
    if found.since is not None:
        yield from _labelled("since", _when(found.since, now), width)
    if found.until is not None:
        left = units.seconds(found.until - now)
        yield from _labelled("until", f"{units.moment(found.until)} (in {left})", width)
    if found.last_sign is not None and now - found.last_sign >= SILENT:
        yield from _labelled("heard", f"nothing for {units.seconds(now - found.last_sign)}", width, "warn")
    for one in found.reviewers:
        yield _reviewer(one, now, width)
    for line in found.about[:MOST_ABOUT]:
        yield cut(" " * 12 + line, width), "plain"
    if (unsaid := len(found.about) - MOST_ABOUT) > 0:
        yield f"{' ' * 12}and {unsaid} more: fabrik runs show {short(run.id)}", "dim"
    yield from _labelled("cost", _cost(run, budget), width)
    for label, move in zip(("moves it", *[""] * len(found.moves)), found.moves, strict=False):
        yield from _move(label, move, width)


def _when(at: float, now: float) -> str:
    ago = units.seconds(now - at)
    return f"{units.clock(at) if now - at < 43200 else units.moment(at)} ({ago} ago)"


def _labelled(label: str, value: str, width: int, tone: Tone = "plain") -> Iterator[Painted]:
    first, *rest = wrap(value, width - 12, 6) or [""]
    yield f"  {label:<10}{first}", tone
    for line in rest:
        yield " " * 12 + line, tone


def _reviewer(one: ReviewerNow, now: float, width: int) -> Painted:
    mark, tone = REVIEWER_MARKS[one.state]
    text = f"{' ' * 12}{mark} {one.reviewer:<22} {REVIEWER_WORDS[one.state]}"
    if one.state == "asked" and one.since is not None:
        text += f" for {units.seconds(now - one.since)}"
    if one.until is not None:
        text += f" until {units.clock(one.until)}"
    if one.detail:
        text += f": {one.detail}"
    return cut(text, width), tone


def _cost(run: Run, budget: Budget) -> str:
    usd, tokens = budget
    bounds = [units.money(usd)] if usd is not None else []
    bounds += [f"{tokens:,} tokens"] if tokens is not None else []
    return units.cost(run.usage) + (f" (budget: {', '.join(bounds)})" if bounds else "")


def _move(label: str, move: Move, width: int) -> Iterator[Painted]:
    if not move.command:
        yield from _labelled(label, move.what, width)
        return
    # A command is never broken or cut: it is there to be copied.
    yield f"  {label:<10}{move.command}", "plain"
    if move.what:
        yield f"{' ' * 16}{move.what}", "dim"


def standing_json(run: Run, found: Standing, budget: Budget) -> dict[str, Any]:
    """How a run stands, for programs: see the page json."""
    usd, tokens = budget
    return {
        "run": run.id,
        "status": run.status,
        "standing": found.state,
        "what": found.what,
        "since": units.iso(found.since),
        "until": units.iso(found.until),
        "last_sign": units.iso(found.last_sign),
        "about": list(found.about),
        "reviewers": [
            {
                "reviewer": one.reviewer,
                "state": one.state,
                "since": units.iso(one.since),
                "until": units.iso(one.until),
                "detail": one.detail,
            }
            for one in found.reviewers
        ],
        "moves": [{"what": move.what, "command": move.command or None} for move in found.moves],
        "usage": usage_json(run.usage),
        "budget_usd": usd,
        "budget_tokens": tokens,
    }
