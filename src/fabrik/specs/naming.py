"""Every check gets a name that no other check of the same spec has. Pure."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from fabrik.problems import Problem
from fabrik.specs.documents import CheckDocument, HeldOutDocument
from fabrik.specs.model import Check, HeldOutCheck

AUTOMATIC_CHARACTERS = 60


def name_checks(
    documents: Sequence[CheckDocument],
    places: Sequence[str],
    file: str,
    problems: list[Problem],
    taken: Collection[str] = (),
) -> list[str]:
    """The names of checks, in their order; `places` says where each is written.

    A check without a name is called by its command. Names given twice are problems.
    """
    used = set(taken)
    for document, place in zip(documents, places, strict=True):
        if document.name is not None:
            if document.name in used:
                what = f"the name {document.name!r} is given to two checks"
                problems.append(Problem(file=file, where=place, what=what, todo="rename one of them"))
            used.add(document.name)
    return [document.name or _automatic(document.run, used) for document in documents]


def checks(documents: Sequence[CheckDocument], names: Sequence[str]) -> tuple[Check, ...]:
    """The checks with their names."""
    return tuple(
        Check(name=name, run=document.run, seconds=document.seconds)
        for name, document in zip(names, documents, strict=True)
    )


def held_out(documents: Sequence[HeldOutDocument], names: Sequence[str]) -> tuple[HeldOutCheck, ...]:
    """The held-out checks with their names."""
    return tuple(
        HeldOutCheck(name=name, run=document.run, seconds=document.seconds, files=dict(document.files))
        for name, document in zip(names, documents, strict=True)
    )


def repeated(documents: Sequence[CheckDocument], places: Sequence[str], file: str) -> list[Problem]:
    """Checks that are there twice, in one list: the second proves nothing."""
    seen: set[str] = set()
    found = []
    for document, place in zip(documents, places, strict=True):
        if document.run in seen:
            what = f"the check `{document.run[:60]}` is there twice"
            found.append(Problem(file=file, where=place, what=what, todo="remove one of them"))
        seen.add(document.run)
    return found


def _automatic(run: str, used: set[str]) -> str:
    line = " ".join(run.split())
    base = line if len(line) <= AUTOMATIC_CHARACTERS else line[: AUTOMATIC_CHARACTERS - 1] + "…"
    name, number = base, 1
    while name in used:
        number += 1
        name = f"{base} #{number}"
    used.add(name)
    return name
