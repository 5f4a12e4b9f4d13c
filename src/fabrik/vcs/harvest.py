"""The report with which the harvest in a sandbox ends: its last line on stderr."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal

from fabrik.errors import VcsError

_REPORT = re.compile(
    r"fabrik-harvest: head=(?P<head>[0-9a-f]{40}|[0-9a-f]{64}) leftover=(?P<leftover>[01]) "
    r"git=(?P<git>healthy|damaged|missing) new=(?P<new>[01]) "
    r"skipped=(?P<skipped>\d+) partial=(?P<partial>[01])"
)
_NOTE = "fabrik-note: "
_MAX_NOTES = 20


@dataclass(frozen=True, kw_only=True)
class Harvest:
    """What was found in a workspace. Said from inside the sandbox: what counts is what the bundle holds."""

    head: str  # the commit to land
    new: bool  # False: nothing but the base, and no bundle was written
    leftover: bool  # uncommitted work was committed
    git: Literal[
        "healthy", "damaged", "missing"
    ]  # the workspace's .git; not healthy: its commits were not read
    skipped: int  # files left out because of their size
    partial: bool  # some files could not be read
    notes: tuple[str, ...]  # for the human


def parse(stderr: bytes) -> Harvest:
    """Read the report. Raises VcsError, with what the harvest said, when there is none."""
    lines = stderr.decode("utf-8", errors="replace").splitlines()
    notes = tuple(line.removeprefix(_NOTE) for line in lines if line.startswith(_NOTE))[-_MAX_NOTES:]
    match = _REPORT.fullmatch(lines[-1]) if lines else None
    if match is None:
        said = notes[-1] if notes else (lines[-1] if lines else "it said nothing")
        raise VcsError(
            f"the work in the workspace could not be collected: {said[:500]}",
            todo="look at the step's logs; the workspace is kept",
        )
    return Harvest(
        head=match["head"],
        new=match["new"] == "1",
        leftover=match["leftover"] == "1",
        git=_state(match["git"]),
        skipped=int(match["skipped"]),
        partial=match["partial"] == "1",
        notes=notes,
    )


def _state(word: str) -> Literal["healthy", "damaged", "missing"]:
    match word:
        case "healthy" | "missing":
            return word
        case _:
            return "damaged"
