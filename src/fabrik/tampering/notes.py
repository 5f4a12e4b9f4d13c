"""What a comparison found out about one file, before anybody decides what it means for the change."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from fabrik.tampering.model import Kind

Standing = Literal[
    "same",  # nothing that judges differs
    "extended",  # all that the base had is unchanged, and tests were added
    "moved",  # the same at another protected path
    "intact",  # nothing of the base is touched, but what was added runs when the file is loaded
    "changed",
    "deleted",
]


@dataclass(frozen=True, kw_only=True)
class Note:
    """One remark on a file."""

    kind: Kind
    line: int | None
    what: str
    holds: bool = True


@dataclass(frozen=True, kw_only=True)
class Compared:
    """How a protected file of the base stands in the candidate."""

    standing: Standing
    notes: tuple[Note, ...] = ()


SAME = Compared(standing="same")


def standing_of(notes: list[Note], *, added: bool) -> Standing:
    """The standing that follows from remarks: one that holds means a change."""
    if any(note.holds for note in notes):
        return "changed"
    return "intact" if notes else "extended" if added else "same"


@dataclass(frozen=True, kw_only=True)
class Found:
    """One remark on a path of the change."""

    kind: Kind
    path: str
    line: int | None
    what: str
    holds: bool
    remove: bool = False  # without it the others are judged as at the base
