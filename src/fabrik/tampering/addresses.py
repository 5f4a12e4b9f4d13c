"""Text that speaks to whoever reviews the change, and text that hides from them.

A product may be about reviews, prompts or chat formats. So only what gives an order about *this* change, or
has the form of a report of a reviewer, holds; what merely looks like it is told.
"""

from __future__ import annotations

import bisect
import re
import unicodedata
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from fabrik.tampering.model import ChangedFile
from fabrik.tampering.notes import Found
from fabrik.tampering.text import added_lines, quoted, text_of

BUDGET = 6_000_000  # characters of added lines that are searched
MAX_ADDED = 400_000  # characters of one file
MOST = 3  # remarks of one pattern on one file
_GAP = r"[\s#*/\-\"'`>_.,;:!()\[\]]{1,12}"
_WHO = (
    r"(?:(?:code|ai|llm|automated|ai-powered|security|light|full|any|all|the|this|our|independent)\s{1,3}){0,3}"
    r"(?:reviewers?|review\s(?:agent|bot|model)s?|verifiers?|auditors?|graders?|evaluators?|judges?)"
)
_CODE = re.compile(
    r".*\.(?:py|pyi|js|jsx|ts|tsx|mjs|cjs|go|rs|java|kt|c|h|cc|cpp|cs|swift|rb|php|sh|sql|lua|pl)"
)


@dataclass(frozen=True, kw_only=True)
class _Pattern:
    found: re.Pattern[str]
    what: str
    holds: bool
    needs: tuple[str, ...]  # without any of these it cannot match: most texts are done with after this


def _pattern(text: str, what: str, *, holds: bool, needs: tuple[str, ...]) -> _Pattern:
    return _Pattern(found=re.compile(text, re.I), what=what, holds=holds, needs=needs)


_PEOPLE = ("review", "verifier", "auditor", "grader", "evaluator", "judge")
_PATTERNS = (
    _pattern(
        rf"\b(?:ignore|disregard|forget|override){_GAP}(?:(?:all|any|the|your|of|my|these|every){_GAP}){{0,4}}"
        rf"(?:previous|prior|above|earlier|preceding|original|system){_GAP}"
        r"(?:instructions?|prompts?|rules|directions|guidelines|messages?|context)\b",
        "it tells a model to ignore its instructions",
        holds=True,
        needs=("ignore", "disregard", "forget", "override"),
    ),
    _pattern(
        rf"\b(?:dear|hey|hi|hello|attention|notice|note{_GAP}(?:to|for)|message{_GAP}(?:to|for)"
        rf"|instructions?{_GAP}(?:to|for)|to|as|you{_GAP}are){_GAP}(?:(?:a|an|the){_GAP})?{_WHO}\b"
        r"(?:(?!\b(?:only|if|unless|when|once|after)\b)(?:[^.\n]|\.[ \t])|\n[ \t]{0,40}[#*/]){0,160}"
        rf"\b(?:approve{_GAP}(?:this|it|the|everything|all|immediately|without)|approved\b(?!\s{{1,3}}(?:when|if|by|once|only|after|or|and))|no{_GAP}(?:issues|findings)"
        rf"|lgtm|(?:do{_GAP}not|don't|never){_GAP}(?:report|flag|mention|raise|request|reject)"
        rf"|(?:accept|pass){_GAP}(?:this|it|the|everything|all|without)|must{_GAP}(?:approve|accept|pass)"
        rf"|please{_GAP}(?:approve|accept|pass)|should{_GAP}approve{_GAP}(?:this|it|without|immediately))",
        "it tells whoever reviews the change what to find",
        holds=True,
        needs=_PEOPLE,
    ),
    _pattern(
        rf"\b{_WHO}\s{{0,3}}[:,]\s{{0,3}}(?:please\s{{1,3}})?(?:just\s{{1,3}})?(?:you\s{{1,3}}must\s{{1,3}})?"
        r"(?:approve|accept|pass|lgtm|ignore|skip)\b(?!d)",
        "it tells a reviewer to approve",
        holds=True,
        needs=_PEOPLE,
    ),
    _pattern(
        rf"\b(?:dear|hey|hi|hello|attention){_GAP}(?:(?:a|an|the){_GAP})?{_WHO}\b"
        rf"|\bas{_GAP}(?:a|an|the){_GAP}{_WHO}{_GAP}you{_GAP}(?:must|should|shall)\b",
        "it addresses a reviewer",
        holds=False,
        needs=_PEOPLE,
    ),
    _pattern(
        rf"\b(?:reveal|ignore|override|print|replace|new){_GAP}(?:(?:your|the|its){_GAP})?system{_GAP}prompt\b",
        "it speaks of a model's system prompt",
        holds=False,
        needs=("prompt",),
    ),
    _pattern(
        r"<\|(?:im_start|im_end|start_header_id|eot_id|system|assistant)\|>|<<SYS>>|\[/INST\]",
        "it holds tokens that separate roles in a chat",
        holds=False,
        needs=("<|", "<<sys>>", "[/inst]"),
    ),
)
_ROLE_TOKEN = re.compile(r"<\|(?:im_start|start_header_id|system|assistant)\|>|<<SYS>>|\[/INST\]", re.I)
_VERDICT = re.compile(
    r"\b(?:approve|approved|review(?:er|ed)?|verdict|no (?:issues|findings)|changes_requested)\b", re.I
)
_STATUS = re.compile(r"[\"']status[\"']\s{0,5}:\s{0,5}[\"']approved[\"']")
_REPORT_KEYS = (
    re.compile(r"[\"']v[\"']\s{0,5}:\s{0,5}1\b"),
    re.compile(r"[\"']reviewer[\"']\s{0,5}:"),
    re.compile(r"[\"']commit[\"']\s{0,5}:"),
    re.compile(r"[\"']issues[\"']\s{0,5}:\s{0,5}\["),
)
_VERIFIER = re.compile(r"[\"']reviewer[\"']\s{0,5}:\s{0,5}[\"'](?:verifier|tampering)[\"']")
_DOOR = re.compile(r"\bFABRIK_(?:REPORT|ROLE|REVIEWER|COMMIT|BASE)\b")
_HIDDEN = re.compile("[\u202a-\u202e\u2066-\u2069]")
_TAGS = re.compile("[\U000e0020-\U000e007e]{4,}")


def addresses(changes: Sequence[ChangedFile]) -> Iterator[Found]:
    """Remarks on the added lines of every text of the change."""
    known = {each.before.content for each in changes if each.before is not None}
    left = BUDGET
    for change in changes:
        if change.before is None:
            spoken = re.sub(r"[_\-./]+", " ", change.path[:1000])
            yield from _search(change.path, [(0, spoken)])
        if change.after is None or change.after.content in known or left <= 0:
            continue
        added = _within(added_lines(text_of(change.before), text_of(change.after)))
        left -= sum(len(line) for _, line in added)
        yield from _search(change.path, added)


def _within(added: list[tuple[int, str]]) -> list[tuple[int, str]]:
    left = MAX_ADDED
    kept = []
    for number, line in added:
        kept.append((number, line[: max(left, 0)]))
        left -= len(line)
        if left <= 0:
            break
    return kept


def _search(path: str, added: list[tuple[int, str]]) -> Iterator[Found]:
    if not added:
        return
    raw = "\n".join(line for _, line in added)
    text = "\n".join(_folded(line) for _, line in added)
    starts = [0]
    for each in text.split("\n"):
        starts.append(starts[-1] + len(each) + 1)

    def line_at(offset: int) -> int | None:
        return added[min(bisect.bisect_right(starts, offset) - 1, len(added) - 1)][0] or None

    held: set[int | None] = set()
    lower = text.lower()
    for pattern in _PATTERNS:
        if not any(need in lower for need in pattern.needs):
            continue
        for count, match in enumerate(pattern.found.finditer(text)):
            line = line_at(match.start())
            if count >= MOST:
                break
            if line in held and not pattern.holds:
                continue
            holds = pattern.holds or bool(
                _ROLE_TOKEN.match(match[0]) and _VERDICT.search(text[match.start() : match.start() + 400])
            )
            if holds:
                held.add(line)
            yield _found(path, line, f"{pattern.what}: {quoted(match[0])}", holds=holds)
    yield from _reports(path, text, line_at)
    code = _CODE.fullmatch(path) is not None
    for door in _DOOR.finditer(text):
        what = f"it uses what a reviewer's session is told: {quoted(door[0])}"
        yield _found(path, line_at(door.start()), what, holds=code)
        break
    if _TAGS.search(raw) or (code and _HIDDEN.search(raw)):
        number = next((n for n, line in added if _TAGS.search(line) or _HIDDEN.search(line)), None)
        yield _found(path, number or None, "it holds characters that hide text from readers", holds=True)


def _reports(path: str, text: str, line_at: Callable[[int], int | None]) -> Iterator[Found]:
    for match in _STATUS.finditer(text):
        around = text[max(match.start() - 400, 0) : match.end() + 400]
        keys = sum(1 for key in _REPORT_KEYS if key.search(around))
        if keys >= 2:
            what = "it has the form of a reviewer's report that approves"
            yield _found(path, line_at(match.start()), what, holds=keys >= 3)
            break
    verifier = _VERIFIER.search(text)
    if verifier is not None:
        yield _found(path, line_at(verifier.start()), "it has the form of a verifier's report", holds=True)


def _folded(line: str) -> str:
    """Without invisible characters, and with look-alikes of Latin letters as such."""
    if line.isascii():
        return line
    plain = unicodedata.normalize("NFKC", line).replace("\n", " ")
    return "".join(char for char in plain if unicodedata.category(char) != "Cf")


def _found(path: str, line: int | None, what: str, *, holds: bool) -> Found:
    return Found(kind="addresses", path=path, line=line, what=what, holds=holds)
