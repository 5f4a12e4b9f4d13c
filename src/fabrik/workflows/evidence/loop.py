"""The iterations of a loop: what became of each, and what proves it."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TypeVar

from fabrik.ledger.codec import Mismatch, decode
from fabrik.ledger.types import Step
from fabrik.workflows.evidence.markdown import code, inline, table
from fabrik.workflows.loop.order import Landed, Planned, Pushed, Round
from fabrik.workflows.record import RunRecord

T = TypeVar("T")
MOST = 500  # iterations; the newest

_KEY = re.compile(r"(?P<mode>build|plan|plan-work|plan-release)/(?P<number>\d+)/(?P<what>[a-z]+)")
ROUNDS = ("checks", "merged")


@dataclass(kw_only=True)
class _Iteration:
    number: int
    sessions: int = 0
    seconds: float = 0.0
    rounds: list[Round] = field(default_factory=list)
    planned: Planned | None = None
    landed: Landed | None = None
    pushed: Pushed | None = None
    cost: float | None = 0.0


def iterations(record: RunRecord) -> str:
    """The section, "" where no iteration has begun."""
    found = _read(record)
    if not found:
        return ""
    rows = [_row(one) for one in found[-MOST:]]
    text = "## Iterations\n\n"
    if len(found) > MOST:
        text += f"The last {MOST} of {len(found)}.\n\n"
    header = ("", "Outcome", "Commit", "Tag", "Checks", "Done", "Sessions", "Seconds", "Cost")
    landed = next((one.landed for one in reversed(found) if _has_landed(one)), None)
    last = f"\n\nLanded last: `{landed.tip}` on {code(record.run.branch)}." if landed else ""
    return text + table(header, rows) + last


def _read(record: RunRecord) -> list[_Iteration]:
    found: dict[int, _Iteration] = {}
    keys: dict[str, int] = {}
    for step in record.finished:
        match = _KEY.match(step.key)
        if match is None:
            continue
        one = found.setdefault(int(match["number"]), _Iteration(number=int(match["number"])))
        keys[step.key] = one.number
        _note(one, match["what"], step)
    for call in record.calls:
        number = keys.get(call.step)
        if number is not None:
            cost, so_far = call.usage.cost_usd, found[number].cost
            found[number].cost = None if cost is None or so_far is None else so_far + cost
    return [found[number] for number in sorted(found) if found[number].sessions]


def _note(one: _Iteration, what: str, step: Step) -> None:
    if what == "session":
        one.sessions += 1
        one.seconds += (step.finished_at or step.started_at) - step.started_at
    elif what in ROUNDS and (round_ := _value(Round, step)):
        one.rounds.append(round_)
    elif what == "plan":
        one.planned = _value(Planned, step) or one.planned
    elif what == "land":
        one.landed = _value(Landed, step) or one.landed
    elif what == "push":
        one.pushed = _value(Pushed, step) or one.pushed


def _value(kind: type[T], step: Step) -> T | None:
    try:
        return decode(kind, step.result)
    except Mismatch:
        return None


def _has_landed(one: _Iteration) -> bool:
    return one.landed is not None and one.landed.outcome == "landed"


def _row(one: _Iteration) -> Sequence[str]:
    last = one.rounds[-1] if one.rounds else None
    finished = last.finished if last else ()
    return (
        str(one.number),
        _outcome(one, last),
        f"`{one.landed.tip[:12]}`" if one.landed and _has_landed(one) else "",
        code(one.landed.tag) if one.landed and one.landed.tag else "",
        _checks(last),
        inline("; ".join(finished)),
        str(one.sessions),
        f"{one.seconds:.1f}",
        "unknown" if one.cost is None else f"${one.cost:,.4f}",
    )


def _outcome(one: _Iteration, last: Round | None) -> str:
    said = []
    if _has_landed(one):
        said.append("landed")
    elif one.planned is not None and not one.planned.changed:
        said.append("the plan stayed as it is")
    elif last is None or not last.files:
        said.append("nothing was changed")
    else:
        why = "; ".join(inline(failure.partition(" ~")[0]) for failure in last.failures)
        said.append(f"**not accepted**{f': {why}' if why else ''}")
    if one.planned is not None and one.planned.left_out:
        said.append(f"left out: {', '.join(code(path) for path in one.planned.left_out[:10])}")
    kept = (last.kept if last else "") or (one.planned.kept if one.planned else "")
    if kept and not (last and last.accepted):
        said.append(f"kept at {code(kept)}")
    if one.pushed is not None:
        said.append("pushed" if one.pushed.ok else f"**not pushed**: {inline(one.pushed.why)}")
    return ", ".join(said)


def _checks(last: Round | None) -> str:
    if last is None or not last.files:
        return ""
    if last.results.setup_problem:
        return "**setup failed**"
    if not last.results.checks:
        return "**none**"
    passed = sum(1 for check in last.results.checks if check.ok)
    return f"{passed}/{len(last.results.checks)}"
