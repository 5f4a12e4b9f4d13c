"""The files that judge the work: what a candidate did to them, and the candidate with those of the base."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Collection, Iterable, Iterator, Mapping, Set
from dataclasses import dataclass, field, replace

from fabrik.tampering.model import ChangedFile, FileVersion, Restoration, Tamper
from fabrik.tampering.new_tests import does_without, new_tests
from fabrik.tampering.protected import Protection
from fabrik.tampering.restore import restoration
from fabrik.tampering.scan import scan
from fabrik.vcs.changes import ChangedFiles, FileContent, FilePair
from fabrik.vcs.overlay import Put, overlay
from fabrik.vcs.reading import Entry
from fabrik.workflows.judging_contents import judging_contents
from fabrik.workflows.work import Work

MAX_BYTES = 1 << 20  # of one file, on either side, that is looked into
MOST_FILES = 2000  # that are looked into
MOST_NAMED = 20  # files beyond the bounds that get a line of their own


@dataclass(frozen=True, kw_only=True)
class Judges:
    """What a candidate did to the files that judge it."""

    commit: str
    put: Mapping[str, Put]  # what puts the protected files back
    remove: tuple[str, ...]
    tampers: tuple[Tamper, ...]
    new_tests: tuple[str, ...] = ()  # new test files that checks of the base's tests do without
    alone: Mapping[str, Put] = field(default_factory=dict)  # what is put back besides when they are gone
    without: frozenset[str] = frozenset()  # the commands of the checks that do without them

    @property
    def restored(self) -> tuple[str, ...]:
        """The paths that are put back or removed, in order, fit to be shown and stored."""
        return tuple(sorted(shown(path) for path in {*self.put, *self.remove}))


@dataclass(frozen=True, kw_only=True)
class Rules:
    """What judges at a base."""

    base: Mapping[str, Entry]
    contents: Mapping[str, bytes]
    protection: Protection


async def rules_of(work: Work) -> Rules:
    """Find out what judges at the base of the work. Raises VcsError."""
    base = {entry.path: entry for entry in await work.repo.ls(work.base)}
    context = work.context
    commands = [check.run for check in (*context.all_checks, *context.holdout)]
    contents = await judging_contents(work, base)
    protection = await asyncio.to_thread(  # many modules may be read for it
        Protection.of,
        globs=context.protected,
        commands=[*commands, *context.setup],
        base_paths=base.keys(),
        may_change=context.may_change,
        contents=contents,
    )
    return Rules(base=base, contents=contents, protection=protection)


async def judges(
    work: Work, commit: str, *, rules: Rules | None = None, changed: ChangedFiles | None = None
) -> Judges:
    """Compare a candidate with the base. Raises VcsError.

    rules: those of the base, where they are known; changed: likewise what differs from it, up to MAX_BYTES.
    """
    context = work.context
    rules = rules or await rules_of(work)
    base, contents, protection = rules.base, rules.contents, rules.protection
    if changed is None:
        changed = await work.repo.changed_files(work.base, commit, max_bytes=MAX_BYTES, most=MOST_FILES)
    unseen = (
        await _unseen(work, base, commit, {pair.path for pair in changed.files})
        if changed.total > len(changed.files)
        else {}
    )

    def look() -> Judges:
        changes = [*(_change(pair) for pair in changed.files), *unseen.values()]
        put, remove = _resolved(restoration(changes, protection), changed.files, base)
        large = [pair.path for pair in changed.files if _cut(pair)]
        blind = {path for path in (*large, *unseen) if protection.why(path) and not protection.allowed(path)}
        put |= {path: Put(mode=base[path].mode, id=base[path].id) for path in blind if path in base}
        new = new_tests(changes, protection)
        without = [one.run for one in context.all_checks if new.remove]
        found = (
            *scan(changes, protection, base_paths=base.keys()),
            *_too_large(large, blind, base),
            *_too_many(unseen, blind),
        )
        return Judges(
            commit=commit,
            put=put,
            remove=remove,
            tampers=tuple(map(_shown, found)),
            new_tests=tuple(path for path in new.remove if path not in put and path not in remove),
            alone={
                path: Put(mode=base[path].mode, id=base[path].id) for path in new.put_back if path in base
            },
            without=frozenset(run for run in without if does_without(run, new.remove, protection, contents)),
        )

    return await asyncio.to_thread(look)  # of a large change it takes a while


async def restored(work: Work, number: int, found: Judges) -> str:
    """The candidate with the protected files of the base; the candidate itself where they are those.

    It differs in nothing else, so that a check that looks at the history, or wants a clean working tree,
    fails for no other reason. Raises VcsError, DiskFull.
    """
    if not found.restored:
        return found.commit
    return await overlay(work.repo.path, found.commit, f"verify/{number}/protected", found.put, found.remove)


async def alone(work: Work, number: int, found: Judges) -> str:
    """The same without the candidate's new test files. Raises VcsError, DiskFull."""
    put = {**found.alone, **found.put}
    remove = sorted({*found.remove, *found.new_tests})
    return await overlay(work.repo.path, found.commit, f"verify/{number}/alone", put, remove)


def _change(pair: FilePair) -> ChangedFile:
    return ChangedFile(path=pair.path, before=_version(pair.before), after=_version(pair.after))


def _version(content: FileContent | None) -> FileVersion | None:
    return None if content is None else FileVersion(content=content.content, mode=content.mode)


def _resolved(
    wanted: Restoration, pairs: Iterable[FilePair], base: Mapping[str, Entry]
) -> tuple[dict[str, Put], tuple[str, ...]]:
    """What is as it was is named by its id, so that its size does not matter. The rest is new content."""
    before = {pair.path: _version(pair.before) for pair in pairs}
    put = {}
    for path, version in wanted.put_back.items():
        if path in base and version == before.get(path):
            put[path] = Put(mode=base[path].mode, id=base[path].id)
        else:
            put[path] = Put(mode=version.mode, content=version.content)
    return put, tuple(wanted.remove)


def _cut(pair: FilePair) -> bool:
    return any(side is not None and side.cut for side in (pair.before, pair.after))


def _too_large(large: Iterable[str], protected: Collection[str], base: Collection[str]) -> Iterator[Tamper]:
    """Only the beginning of these was looked into. Large data for new tests is nothing unusual."""
    what = f"is larger than {MAX_BYTES >> 20} MiB, or much changed besides: not all of it was looked into"
    for path in large:
        holds = path in protected and path in base
        yield Tamper(kind="changed", path=path, line=None, what=what, holds=holds)


def _too_many(unseen: Collection[str], protected: Set[str]) -> Iterator[Tamper]:
    """These were not looked into at all."""
    what = f"was not looked into: more than {MOST_FILES} files changed"
    judging = sorted(protected & set(unseen))
    named = judging[:MOST_NAMED]
    for path in named:
        yield Tamper(kind="changed", path=path, line=None, what=what, holds=True)
    if left := sorted(set(unseen) - set(named)):
        others = f", nor were {len(left) - 1} others" if len(left) > 1 else ""
        holds = len(judging) > len(named)
        yield Tamper(kind="changed", path=left[0], line=None, what=what + others, holds=holds)


async def _unseen(
    work: Work, base: Mapping[str, Entry], commit: str, seen: Collection[str]
) -> dict[str, ChangedFile]:
    """Changed files beyond the bounds: what they are called tells something as well."""
    now = {entry.path: entry for entry in await work.repo.ls(commit)}
    return {
        path: ChangedFile(path=path, before=_unread(base.get(path)), after=_unread(now.get(path)))
        for path in {*base, *now}
        if base.get(path) != now.get(path) and path not in seen
    }


def _unread(entry: Entry | None) -> FileVersion | None:
    """A file of which nothing is known but that it is not the one on the other side."""
    return None if entry is None else FileVersion(content=entry.id.encode(), mode=entry.mode)


def _shown(tamper: Tamper) -> Tamper:
    return replace(tamper, path=shown(tamper.path), what=shown(tamper.what))


def shown(text: str) -> str:
    """Bytes that are not UTF-8 as \\xNN: neither JSON nor a terminal has a place for them."""
    return os.fsencode(text).decode("utf-8", "backslashreplace")
