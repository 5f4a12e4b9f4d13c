"""Tells no progress from slow progress, from what the iterations of a loop have left. Pure.

Progress: code has landed, or an item was finished, and the files are as they never were before.
Slow progress: nothing has landed, but the checks fail in another way than before: something moves.
No progress: nothing has landed at all, the same failure came again, the files are back where they were, or
only the words of the plan have changed.
What lands again and again, and never comes to anything, is no progress either: the same lines written anew,
nothing finished and no test added for long, sessions that are cut off by their time limit.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Literal

from fabrik.workflows.loop.churning import NO_TRACE, Trace, undoes

NO_PROGRESS = 3  # iterations in a row without any: then the loop stops
NOTHING_LANDED = 8  # iterations in a row, however they fail: then it stops as well
REPEATED = 3  # sessions of an iteration that fail in the same way: then the iteration ends
REWRITTEN = 10  # landings in a row, each taking away only what the one before it had put there
NO_NEWS = 30  # landings in a row without an item that came, went or changed, and without a test
TIMED_OUT = 3  # sessions in a row that reached their time limit, and nothing was finished

JUDGED_BY_CHANGED = "judged by what it changed"  # the beginning of such a failure

Kind = Literal["progress", "slow", "nothing", "same failure", "back again", "only words"]

_NUMBER = re.compile(r"0x[0-9a-fA-F]+|\d+(?:[.:]\d+)*")
_HASH = re.compile(r"\b[0-9a-f]{7,64}\b")


@dataclass(frozen=True, kw_only=True)
class Cut:
    """How many sessions were stopped by their time limit, in a row up to the last one."""

    last: int = 0
    all: bool = True  # those before it as well, since the iteration began

    def after(self, *, timed_out: bool) -> Cut:
        return Cut(last=self.last + 1, all=self.all) if timed_out else Cut(last=0, all=False)

    @property
    def often(self) -> bool:
        return self.last >= TIMED_OUT


@dataclass(frozen=True, kw_only=True)
class Past:
    """One iteration, as far as progress goes."""

    number: int
    tree: str  # of the branch after it
    landed: bool
    code: bool = False  # something besides the plan has landed
    finished: int = 0  # items of the plan
    failures: tuple[str, ...] = ()  # of its last checks, comparable; () where nothing was checked
    repeated: bool = False  # it ended since its sessions failed in the same way
    trace: Trace = NO_TRACE  # of what landed
    cut: Cut = Cut(all=False)


@dataclass(frozen=True, kw_only=True)
class Stuck:
    """Why the loop makes no progress."""

    reason: str  # what repeated itself
    todo: str  # what a human can do


def stuck(start: str, past: Sequence[Past], *, plans_only: bool = False) -> Stuck | None:
    """Whether the loop has stopped to make progress. start: the tree before the first of these iterations.

    plans_only: a loop that plans; there a changed plan is what is wanted.
    """
    kinds = kinds_of(start, past, plans_only=plans_only)
    idle: list[tuple[Past, Kind]] = []
    for one, kind in zip(reversed(past), reversed(kinds), strict=True):
        if kind == "progress":
            break
        if kind != "slow":
            idle.append((one, kind))
    if len(idle) >= NO_PROGRESS and kinds[-1] != "slow":
        return _said(idle[:NO_PROGRESS])
    unlanded = 0
    for one in reversed(past):
        if one.landed:
            break
        unlanded += 1
    if unlanded >= NOTHING_LANDED:
        return Stuck(
            reason=f"nothing has landed in {unlanded} iterations;"
            f" the last failed with {told(past[-1].failures)}",
            todo="look at what fails (fabrik runs logs), mend it or make the plan's next item smaller",
        )
    return _cut_off(past) or (None if plans_only else _treading(past))


def _cut_off(past: Sequence[Past]) -> Stuck | None:
    sessions = 0
    for one in reversed(past):
        if one.finished:
            break
        sessions += one.cut.last
        if not one.cut.all:
            break
    if sessions < TIMED_OUT:
        return None
    return Stuck(
        reason=f"{sessions} sessions in a row reached their time limit, and nothing was finished",
        todo="give sessions more time (--session-minutes), or make the plan's next item smaller",
    )


def _treading(past: Sequence[Past]) -> Stuck | None:
    """What lands again and again without coming to anything."""
    landed = []
    for one in reversed(past):
        if one.finished or (one.landed and one.trace.news):
            break
        if one.landed and one.code:
            landed.append(one)
    rewritten = 0
    for later, earlier in pairwise(landed):
        if not undoes(later.trace, earlier.trace):
            break
        rewritten += 1
    if rewritten >= REWRITTEN:
        return Stuck(
            reason=f"{rewritten} landings in a row only rewrote the lines of the one before them",
            todo="look at what they change (git log -p): the plan's next item may be unclear or done",
        )
    if len(landed) >= NO_NEWS:
        return Stuck(
            reason=f"in {len(landed)} landings no item of the plan was finished or changed, no test added",
            todo="look at what they change (git log); make a plan of smaller items (fabrik loop plan)",
        )
    return None


def repeated(failed: Sequence[tuple[str, ...]]) -> bool:
    """Whether the last sessions of an iteration failed in the same way. failed: how each of them did."""
    last = failed[-REPEATED:]
    return len(last) == REPEATED and bool(last[0]) and len(set(last)) == 1


def kinds_of(start: str, past: Sequence[Past], *, plans_only: bool = False) -> list[Kind]:
    """What each iteration was."""
    seen = [start]
    failed: set[tuple[str, ...]] = set()  # since the last progress
    kinds: list[Kind] = []
    for one in past:
        kind = _kind(one, seen, failed, plans_only=plans_only)
        if kind == "progress":
            failed.clear()
        if one.failures and not one.landed:
            failed.add(one.failures)
        if one.tree != seen[-1]:
            seen.append(one.tree)
        kinds.append(kind)
    return kinds


def _kind(one: Past, seen: Sequence[str], failed: set[tuple[str, ...]], *, plans_only: bool) -> Kind:
    if not one.landed:
        if not one.failures:
            return "nothing"
        return "same failure" if one.repeated or one.failures in failed else "slow"
    if one.tree in seen:
        return "nothing" if one.tree == seen[-1] else "back again"
    return "progress" if one.code or one.finished or plans_only else "only words"


_WHAT: dict[Kind, str] = {
    "nothing": "the session changed nothing",
    "same failure": "the same failure came again",
    "back again": "the files came back to what they were before",
    "only words": "only the words of the plan changed: no item was finished and no code",
}
_TODO: dict[Kind, str] = {
    "nothing": "look at what the agent says (fabrik runs logs): the plan's next item may be unclear or done",
    "same failure": "look at what fails (fabrik runs logs), and mend it or say in AGENTS.md how",
    "back again": "two items of the plan, or the plan and a spec, may contradict each other: settle that",
    "only words": "make the plan anew (fabrik loop plan), with smaller items",
}


def _said(idle: Sequence[tuple[Past, Kind]]) -> Stuck:
    kinds = list(dict.fromkeys(kind for _, kind in reversed(idle)))
    parts = [_WHAT[kind] for kind in kinds]
    numbers = sorted(one.number for one, _ in idle)
    failures = next((one.failures for one, kind in idle if kind == "same failure"), ())
    why = f" ({told(failures)})" if failures else ""
    return Stuck(
        reason=f"no progress in iterations {_numbers(numbers)}: {'; '.join(parts)}{why}",
        todo="; ".join([*(_TODO[kind] for kind in kinds), *_allow(failures)]),
    )


def _allow(failures: Sequence[str]) -> tuple[str, ...]:
    if not any(failure.startswith(JUDGED_BY_CHANGED) for failure in failures):
        return ()
    return ("where a change of tests or checks is wanted, allow it: fabrik loop build --may-change GLOB",)


def _numbers(numbers: Sequence[int]) -> str:
    return f"{', '.join(map(str, numbers[:-1]))} and {numbers[-1]}"


def told(failures: Sequence[str]) -> str:
    """Without the marks by which two outputs are told apart."""
    return "; ".join(failure.partition(" ~")[0] for failure in failures) or "nothing that was checked"


def failure_mark(name: str, how: str, output: str) -> str:
    """A failure in a form that two iterations can be compared by: times, counts and ids do not matter."""
    plain = " ".join(_NUMBER.sub("#", _HASH.sub("#", output)).split())
    return f"{name}: {how} ~{hashlib.sha256(plain.encode()).hexdigest()[:12]}"
