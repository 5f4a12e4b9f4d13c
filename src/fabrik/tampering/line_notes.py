"""What to say of a changed test in a language other than Python."""

from __future__ import annotations

import re

from fabrik.tampering.notes import Note
from fabrik.tampering.test_words import ASSERTION_ANYWHERE, ONLY, SKIP
from fabrik.tampering.text import MAX_LINE, added_lines, gone_lines, quoted

MOST = 5  # remarks of one kind on one file
_NAMED = re.compile(
    r"\b(?:it|test|specify|describe|context|scenario)(?:\.\w+)*\s*\(?\s*['\"`](?P<said>[^'\"`\n]{1,200})['\"`]"
    r"|\bfunc (?:\([^)]{0,80}\) )?(?P<go>(?:Test|Benchmark|Fuzz|Example|test)\w{0,200})\("
    r"|\b(?:fn|fun|void|def|function|Task) (?P<fn>\w*[Tt]est\w{0,200})"
    r"|@test ['\"](?P<bats>[^'\"\n]{1,200})['\"]"
    r"|\bTEST(?:_F|_P|_CASE)?\((?P<c>[^)\n]{1,200})\)"
)


def line_notes(before: str, after: str) -> list[Note]:
    """Skips, tests and assertions that are gone; at least one note, and each of them holds."""
    notes: list[Note] = []
    added = [(number, line[:MAX_LINE]) for number, line in added_lines(before, after)]
    skips = [(number, line) for number, line in added if SKIP.search(line) or ONLY.search(line)]
    for number, line in skips[:MOST]:
        what = f"tests are skipped: {quoted(line)}"
        notes.append(Note(kind="skipped", line=number, what=what))
    names = set(_names(after).values())
    missing = [(number, name) for number, name in _names(before).items() if name not in names]
    for number, name in missing[:MOST]:
        notes.append(Note(kind="deleted", line=number, what=f"the test {quoted(name)} is gone"))
    gone = [each for each in gone_lines(before, after) if ASSERTION_ANYWHERE.search(each[1][:MAX_LINE])]
    for number, line in gone[:MOST]:
        what = f"an assertion is gone or was changed (line {number} of the base): {quoted(line)}"
        notes.append(Note(kind="loosened", line=None, what=what))
    if not notes:
        where = added[0] if added else None
        what = f"it was changed: {quoted(where[1])}" if where else "lines of it are gone"
        notes.append(Note(kind="changed", line=where[0] if where else None, what=what))
    return notes


def _names(text: str) -> dict[int, str]:
    found = {}
    for number, line in enumerate(text.split("\n"), 1):
        match = _NAMED.search(line[:MAX_LINE])
        if match is not None:
            found[number] = next(group for group in match.groups() if group is not None)
    return found
