"""How to make the protected files of a candidate those of the base."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from fabrik.tampering.judging_files import judging_files
from fabrik.tampering.model import ChangedFile, FileVersion, Restoration
from fabrik.tampering.protected import Protection
from fabrik.tampering.standing import standings

_PUT_BACK = ("changed", "deleted", "intact")


def restoration(changes: Sequence[ChangedFile], protection: Protection) -> Restoration:
    """What to put back and what to take away, so that the candidate is judged as the base would judge it.

    Never raises. Files that the spec's mayChange covers stay as the candidate has them. Put the files back
    after the others were removed: a new file or link may stand where a folder of the base was.
    """
    put_back: dict[str, FileVersion] = {}
    for standing in standings(changes, protection):
        change = standing.change
        if standing.compared.standing in _PUT_BACK and change.before and not protection.allowed(change.path):
            put_back[change.path] = change.before
    remove = {
        found.path
        for found in judging_files(changes, protection)
        if found.remove and not protection.allowed(found.path)
    }
    remove |= _in_the_way(changes, put_back)
    return Restoration(put_back=put_back, remove=tuple(sorted(remove - set(put_back))))


def _in_the_way(changes: Sequence[ChangedFile], put_back: Collection[str]) -> set[str]:
    """New files where the restored ones need folders, and new files in folders where they need a file."""
    folders = {
        "/".join(parts[:count])
        for parts in (path.split("/") for path in put_back)
        for count in range(1, len(parts))
    }
    found = set()
    for change in changes:
        if change.after is None:
            continue
        parts = change.path.split("/")
        above = {"/".join(parts[:count]) for count in range(1, len(parts))}
        if change.path in folders or above & set(put_back):
            found.add(change.path)
    return found
