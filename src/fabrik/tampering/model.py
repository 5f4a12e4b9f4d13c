"""What a change did to the files that judge it, as plain values. This room is pure: it is handed contents."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

Why = Literal[
    "test", "check", "ci", "lint", "hook", "project"
]  # project: only the project's own globs say so

Kind = Literal[
    "depends",  # a check passes with the changed protected files only
    "deleted",  # a protected file is gone
    "changed",  # a protected file was changed that the spec does not name
    "skipped",  # tests are skipped, or marked as expected to fail
    "loosened",  # assertions are gone or accept more
    "hook",  # the interpreter or the test runner runs this by itself: sitecustomize, conftest, *.pth
    "shadow",  # a module takes the place of one that tests or checks import
    "steering",  # instructions and settings of agent CLIs: CLAUDE.md, AGENTS.md, .claude/
    "addresses",  # text that speaks to whoever reviews the change
    "git",  # attributes, filters, submodules
]


@dataclass(frozen=True, kw_only=True)
class FileVersion:
    """A file as a commit has it."""

    content: bytes  # of a symbolic link: where it leads
    mode: str  # "100644", "100755", "120000" for a symbolic link, "160000" for a submodule


@dataclass(frozen=True, kw_only=True)
class ChangedFile:
    """One path that differs between the base and the candidate."""

    path: str
    before: FileVersion | None  # None: it is new
    after: FileVersion | None  # None: it is gone


@dataclass(frozen=True, kw_only=True)
class Tamper:
    """One thing that a change did to what judges it."""

    kind: Kind
    path: str
    line: int | None  # in the candidate's version (of what is gone: in the base's)
    what: str  # one sentence for reviewers and human, without the path
    holds: bool  # True: no approval in advance, and it goes back to the implementer. False: worth telling
    allowed: bool = False  # the spec's own mayChange covers the path: then it never holds


@dataclass(frozen=True, kw_only=True)
class Restoration:
    """How to make the protected files of a candidate those of the base."""

    put_back: Mapping[str, FileVersion] = field(default_factory=dict)
    remove: tuple[str, ...] = ()  # new files that would change how the others are judged

    @property
    def empty(self) -> bool:
        return not self.put_back and not self.remove
