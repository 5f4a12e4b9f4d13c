"""What has to be done to a working tree to bring a commit into it, and what is in the way. Pure.

The rules are those of git's own two-tree merge (git help read-tree): a file that the commit does not change
is left alone, whatever the user did to it; one that it changes must be as it was known to be.
"""

from __future__ import annotations

import posixpath
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

Entry = tuple[str, str] | None  # mode and id, as in a tree; None: not there
SUBMODULE = "160000"


@dataclass(frozen=True, kw_only=True)
class Wanted:
    """One path that the landing is about, in the trees."""

    path: str
    tip: Entry  # in the commit that the branch is at
    known: Entry  # as the work saw it: the tip's, or with what was uncommitted then
    new: Entry  # in the commit that lands


@dataclass(frozen=True, kw_only=True)
class Indexed:
    """What the user's index has for a path."""

    entry: Entry
    absent: bool = False  # left out of the working tree on purpose (sparse checkout)
    unmerged: bool = False


@dataclass(frozen=True, kw_only=True)
class Found:
    """What the working tree has for a path."""

    state: Literal["nothing", "file", "directory", "beyond"]  # beyond: a parent is no directory
    entry: Entry = None  # of a file: its content as git would add it


@dataclass(frozen=True, kw_only=True)
class Plan:
    """What to do."""

    remove: tuple[str, ...]
    write: tuple[str, ...]
    submodules: tuple[str, ...]  # directories to be made, where there are none
    index: Mapping[str, Entry]  # path → what its index entry becomes
    absent: tuple[str, ...]  # of those: to be marked as left out on purpose
    in_the_way: tuple[str, ...]  # what the user changed meanwhile; nothing may be done then


_NOT_INDEXED = Indexed(entry=None)


def plan(
    wanted: Sequence[Wanted],
    indexed: Mapping[str, Indexed],
    found: Mapping[str, Found],
    inside: Mapping[str, Sequence[str]],
) -> Plan:
    """Decide. inside: the files below each path that was found to be a directory."""
    remove: list[str] = []
    write: list[str] = []
    submodules: list[str] = []
    entries: dict[str, Entry] = {}
    absent: list[str] = []
    blocked: list[str] = []
    leaving = {one.path for one in wanted if one.new is None and one.known is not None}
    for one in wanted:
        has = indexed.get(one.path, _NOT_INDEXED)
        there = found[one.path]
        if has.entry != one.new or has.unmerged:
            entries[one.path] = one.new
        if has.absent and there.state == "nothing":
            absent.append(one.path)
            continue
        if _is_submodule(one):
            if one.new is not None and one.new[0] == SUBMODULE and there.state == "nothing":
                submodules.append(one.path)
            continue
        now = there.entry if there.state == "file" else None
        theirs = _foreign(one, there, inside.get(one.path, ()), leaving, found)
        if theirs or not (_may_change(one, now) and _may_stage(one, has, now)):
            blocked.append(one.path)
        elif now != one.new:
            (remove if one.new is None else write).append(one.path)
    return Plan(
        remove=tuple(remove),
        write=tuple(write),
        submodules=tuple(submodules),
        index=entries,
        absent=tuple(path for path in absent if entries.get(path) is not None),
        in_the_way=tuple(sorted(blocked)),
    )


def _is_submodule(one: Wanted) -> bool:
    """Submodules are the user's: their commit is recorded, what is checked out of them is left alone."""
    return any(side is not None and side[0] == SUBMODULE for side in (one.known, one.new))


def _may_change(one: Wanted, now: Entry) -> bool:
    return now in (one.known, one.new)


def _may_stage(one: Wanted, has: Indexed, now: Entry) -> bool:
    """The index has nothing that is nowhere else."""
    if has.unmerged:
        return False
    taken = one.known != one.tip and now == one.known  # it was uncommitted, and the work has it
    return taken or has.entry in (one.tip, one.known, one.new, now)


def _foreign(
    one: Wanted,
    there: Found,
    inside: Iterable[str],
    leaving: set[str],
    found: Mapping[str, Found],
) -> bool:
    """Where a file is to be, the user has a directory with other things, or a file where one is needed."""
    if one.new is None:
        return False
    if there.state == "directory":
        return any(path not in leaving for path in inside)
    if there.state == "beyond":
        return not any(parent in leaving and found[parent].state == "file" for parent in _parents(one.path))
    return False


def _parents(path: str) -> Iterable[str]:
    while path := posixpath.dirname(path):
        yield path
