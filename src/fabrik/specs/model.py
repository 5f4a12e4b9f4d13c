"""What was asked, as plain values that every room may be handed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from fabrik.problems import Problem

Status = Literal["draft", "ready", "in-progress", "review", "done", "superseded"]
STATUSES: tuple[Status, ...] = ("draft", "ready", "in-progress", "review", "done", "superseded")


@dataclass(frozen=True, kw_only=True)
class Check:
    """A command that the host runs in a sandbox; it passes by exit status 0."""

    name: str  # one line, unique within a spec and its todo
    run: str  # a shell command, run by `sh -c` in the workspace
    seconds: float | None = None  # time limit; None: the configured one


@dataclass(frozen=True, kw_only=True)
class HeldOutCheck(Check):
    """A check that the implementer never sees, with the files that it needs."""

    files: Mapping[str, str] = field(default_factory=dict)
    """Destination in the repository → path of the source, relative to the spec file."""


@dataclass(frozen=True, kw_only=True)
class Spec:
    """A specification."""

    id: str  # fit for a branch name
    title: str
    status: Status
    goals: tuple[str, ...]
    non_goals: tuple[str, ...] = ()
    api: tuple[str, ...] = ()  # requirements on interfaces
    behavior: tuple[str, ...] = ()  # requirements on behaviour
    obs: tuple[str, ...] = ()  # requirements on observability
    accept: tuple[str, ...]  # acceptance criteria
    assume: tuple[str, ...] = ()
    supersedes: tuple[str, ...] = ()  # ids of specs
    depends_on: tuple[str, ...] = ()  # ids of specs
    env: tuple[str, ...] = ()  # names of environment variables that the spec says it needs
    checks: tuple[Check, ...] = ()
    holdout: tuple[HeldOutCheck, ...] = ()
    may_change: tuple[str, ...] = ()  # globs of protected files (tests, CI, …) that this spec asks to change
    source: str  # the text as agents may see it: everything about held-out checks is removed
    path: Path


@dataclass(frozen=True, kw_only=True)
class Task:
    """One task of a todo."""

    id: str  # fit for a branch name, unique in the todo
    do: str
    verify: str
    checks: tuple[Check, ...] = ()  # of this task alone, besides those of the spec


@dataclass(frozen=True, kw_only=True)
class Todo:
    """The tasks of a spec, in the order in which they are worked on."""

    id: str
    tdd: bool
    dod: tuple[str, ...]  # definition of done
    tasks: tuple[Task, ...]


@dataclass(frozen=True, kw_only=True)
class Loaded:
    """A spec with all that belongs to it, read once: what is sealed is what was read."""

    spec: Spec
    todo: Todo | None  # from its file, or from the spec's own list of tasks
    todo_path: Path | None  # None: there is no file of its own
    spec_bytes: bytes
    todo_bytes: bytes | None
    holdout_files: Mapping[str, bytes]  # source path as the spec names it → content
    problems: tuple[Problem, ...] = ()  # worth telling, but no reason to refuse the spec
