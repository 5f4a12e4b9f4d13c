"""Tests that live inside the files of the product, as in Rust: they may be added to, not taken away."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from fabrik.tampering.model import ChangedFile, Kind
from fabrik.tampering.notes import Found
from fabrik.tampering.protected import Protection
from fabrik.tampering.test_words import SKIP
from fabrik.tampering.text import MAX_LINE, added_lines, gone_lines, quoted, text_of

MOST = 5
_TEST = re.compile(
    r"#\[(?:\w{1,40}::){0,3}test\b[^\]\n]{0,200}\]\s{1,200}(?:#\[[^\]\n]{0,200}\]\s{1,200}){0,5}"
    r"(?:pub )?(?:async )?fn (?P<name>\w{1,200})"
)
_ASSERTION = re.compile(r"^\s*(?:debug_)?assert\w{0,20}!")


def inline_tests(changes: Sequence[ChangedFile], protection: Protection) -> Iterator[Found]:
    """Tests and assertions that are gone from Rust sources, and skips that are new in them."""
    everywhere: set[str] | None = None
    for change in changes:
        if (
            not change.path.endswith(".rs")
            or change.before is None
            or protection.why(change.path) is not None
        ):
            continue
        before, after = text_of(change.before) or "", text_of(change.after) or ""
        names = {match["name"]: before.count("\n", 0, match.start()) + 1 for match in _TEST.finditer(before)}
        if not names:
            continue
        if everywhere is None:
            everywhere = {
                match["name"]
                for each in changes
                if each.path.endswith(".rs")
                for match in _TEST.finditer(text_of(each.after) or "")
            }
        missing = [name for name in sorted(names) if name not in everywhere]
        for name in missing[:MOST]:
            yield _found(change.path, "deleted", names[name], f"the test {quoted(name)} is gone")
        for number, line in added_lines(before, after):
            if "#[" in line and SKIP.search(line[:MAX_LINE]):
                yield _found(change.path, "skipped", number, f"tests are skipped: {quoted(line)}")
        if change.after is None:
            continue
        first = min(names.values())  # what is above the tests is the product
        gone = [each for each in gone_lines(before, after) if each[0] > first and _ASSERTION.match(each[1])]
        for number, line in gone[:MOST]:
            what = f"an assertion is gone or was changed (line {number} of the base): {quoted(line)}"
            yield _found(change.path, "loosened", None, what)


def _found(path: str, kind: Kind, line: int | None, what: str) -> Found:
    return Found(kind=kind, path=path, line=line, what=what, holds=True)
