"""Everything that a change did to what judges it, as findings."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import replace

from fabrik.tampering.addresses import addresses
from fabrik.tampering.foreign_files import foreign_files
from fabrik.tampering.git_files import git_files
from fabrik.tampering.inline_tests import inline_tests
from fabrik.tampering.judging_files import judging_files
from fabrik.tampering.model import ChangedFile, Kind, Tamper
from fabrik.tampering.notes import Found
from fabrik.tampering.other_endings import other_endings
from fabrik.tampering.protected import Protection
from fabrik.tampering.rigs import rigs
from fabrik.tampering.standing import Standing, standings
from fabrik.tampering.steering import steering

MOST = 100  # findings of one change
MOST_OF_A_FILE = 10
_EXTENDED = "tests were added; all that the base had is unchanged"


def scan(
    changes: Sequence[ChangedFile], protection: Protection, *, base_paths: Collection[str]
) -> tuple[Tamper, ...]:
    """Findings, those that hold first, then by path and line; at most MOST, the last says what was left out.

    Never raises, whatever the contents; the effort is linear in them up to fixed bounds, and a protected file
    that is beyond them counts as changed. base_paths: all paths of the base (those of the protection).
    """
    protection = protection.knowing(base_paths)
    ordered = sorted(changes, key=lambda each: each.path)
    found: list[Found] = []
    for standing in standings(ordered, protection):
        found += _of(standing)
    found += judging_files(ordered, protection)
    found += rigs(ordered, protection)
    found += other_endings(ordered, protection)
    found += inline_tests(ordered, protection)
    found += steering(ordered)
    found += addresses(ordered)
    found += git_files(ordered)
    found += foreign_files(ordered, protection)
    tampers = {_tamper(each, protection) for each in _few(found)}
    return _bounded(sorted(tampers, key=_order))


def _order(tamper: Tamper) -> tuple[bool, str, int, str, str]:
    return not tamper.holds, tamper.path, tamper.line or 0, tamper.kind, tamper.what


def _of(standing: Standing) -> Iterator[Found]:
    path = standing.change.path
    notes = standing.compared.notes
    for note in notes:
        kind: Kind = note.kind
        if standing.why == "hook" and kind == "changed" and note.holds:
            kind = "hook"  # a changed conftest is run by pytest itself
        yield Found(kind=kind, path=path, line=note.line, what=note.what, holds=note.holds)
    if standing.compared.standing == "extended":
        yield Found(kind="changed", path=path, line=None, what=_EXTENDED, holds=False)


def _few(found: list[Found]) -> Iterator[Found]:
    """Not more than some of each file; those that hold before the others."""
    counts: dict[str, int] = {}
    for each in sorted(found, key=lambda one: not one.holds):
        counts[each.path] = counts.get(each.path, 0) + 1
        if counts[each.path] <= MOST_OF_A_FILE:
            yield each


def _tamper(found: Found, protection: Protection) -> Tamper:
    allowed = protection.allowed(found.path)
    return Tamper(
        kind=found.kind,
        path=found.path,
        line=found.line,
        what=found.what,
        holds=found.holds and not allowed,
        allowed=allowed,
    )


def _bounded(tampers: list[Tamper]) -> tuple[Tamper, ...]:
    if len(tampers) <= MOST:
        return tuple(tampers)
    left = tampers[MOST - 1 :]
    files = len({each.path for each in left})
    held = sum(1 for each in left if each.holds)
    more = f" (and {len(left) - 1} more findings in {files} files, {held} of them hold)"
    return (*tampers[: MOST - 1], replace(left[0], what=left[0].what + more))
