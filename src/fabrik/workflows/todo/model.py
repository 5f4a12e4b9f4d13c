"""What the tasks of a spec are made for, and what they are. Stored as JSON."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

MOST_TASKS = 40


@dataclass(frozen=True, kw_only=True)
class Order:
    """What the user asked for."""

    out: str  # absolute: where the todo goes
    force: bool  # over a file that is there
    dry: bool  # nowhere: it is only shown
    taken: tuple[str, ...]  # names of checks that belong to the spec


@dataclass(frozen=True, kw_only=True)
class Planned:
    """One task, as the agent planned it."""

    id: str
    do: str
    covers: tuple[int, ...]  # numbers of acceptance criteria, from 1
    tests: tuple[str, ...]  # that must exist when it is done
    checks: tuple[str, ...]  # the names of its own


@dataclass(frozen=True, kw_only=True)
class Plan:
    """The tasks of a spec, validated."""

    document: Mapping[str, Any]  # as todo.json has it
    tasks: tuple[Planned, ...]


@dataclass(frozen=True, kw_only=True)
class Written:
    """Where the todo is."""

    path: str | None  # None: it was not to be written
