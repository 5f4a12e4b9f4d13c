"""What a cleanup finds, what it is asked for, and what it leaves."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

Kind = Literal["run", "sandbox", "processes", "doors", "project", "dispatch", "quarantine", "trash"]


@dataclass(frozen=True, kw_only=True)
class Wanted:
    """Which runs that have ended are to go. Neither: none, only what is left over."""

    keep: int | None = None  # so many of each project stay, the newest
    older_than: float | None = None  # seconds since the end

    @property
    def runs(self) -> bool:
        """Whether runs are to go at all."""
        return self.keep is not None or self.older_than is not None


@dataclass(frozen=True, kw_only=True)
class Thing:
    """Something that exists, and whether it goes."""

    kind: Kind
    name: str  # of a sandbox or run; else the file's name
    path: Path | None  # None: only processes are left
    run: str | None = None
    at: float | None = None  # seconds since the epoch: when it was used last
    size: int | None = None  # bytes on the disk; None: not asked, or nothing there
    goes: bool = True
    why: str  # why it goes, or stays
    pids: tuple[int, ...] = ()  # as they were when it was looked at


@dataclass(frozen=True, kw_only=True)
class Leak:
    """What should have gone and did not."""

    thing: Thing
    what: str
    command: str  # that removes it


@dataclass(frozen=True, kw_only=True)
class Survey:
    """All that was found, those that go first."""

    things: tuple[Thing, ...]
    others: int = 0  # runs that have ended and were not asked about

    @property
    def going(self) -> tuple[Thing, ...]:
        return tuple(thing for thing in self.things if thing.goes)

    @property
    def staying(self) -> tuple[Thing, ...]:
        return tuple(thing for thing in self.things if not thing.goes)


@dataclass(frozen=True, kw_only=True)
class Cleaned:
    """What became of a cleanup."""

    removed: tuple[Thing, ...] = ()
    stayed: tuple[Thing, ...] = ()  # what was found to be needed, at first or at the last moment
    leaks: tuple[Leak, ...] = field(default=())
    others: int = 0

    @property
    def freed(self) -> int:
        """Bytes."""
        return sum(thing.size or 0 for thing in self.removed)
