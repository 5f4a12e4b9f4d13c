"""Words that leave open what was meant: vague ones, conditions on the work itself, open questions. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterable

from fabrik.specs.reviewing import lexicon
from fabrik.specs.reviewing.finding import NOTABLE, SERIOUS, SLIGHT, Finding, of
from fabrik.specs.reviewing.outline import Outline, Said
from fabrik.specs.reviewing.words import NUMBER, is_exact, without_quotes

_HARD, _SOFT = lexicon.advised("hard"), lexicon.advised("soft")
_SPEED, _MEASURE, _MAYBE = lexicon.words("speed"), lexicon.words("measure"), lexicon.words("maybe")
_LEANING = re.compile(
    r"^(?:consider|try to|ideally|optionally|investigate|look into|explore|think about|aim to)\b",
    re.IGNORECASE,
)
_OPEN_END = re.compile(r"\b(?:and so (?:on|forth)|etc\.?|and the like)\W*$", re.IGNORECASE)
# A word of speed before a noun, in a sentence whose outcome is exact, describes the noun.
_DESCRIBING = re.compile(r"\b(?:an?|the) (?:quick|fast|rapid) [a-z]", re.IGNORECASE)
_OUTCOME = re.compile(
    r"\b(?:status|exits?|returns?|prints?|shows?|answers?|gets?)\b[^.;]{0,20}?(?:\b\d{1,3}\b|`|\"|“)",
    re.IGNORECASE,
)
_CHOICE = re.compile(r"\bthen maybe\b|\botherwise (?:do|try|fall back to) whatever\b", re.IGNORECASE)


def vague(spec: Outline) -> list[Finding]:
    """Words that everybody agrees with, because everybody may read something else into them."""
    judged = any("judge" in check.run for check in spec.checks)
    found: list[Finding] = []
    for said in () if judged else spec.criteria:
        found += _vague(said, SERIOUS, SLIGHT + 1)
    for said in spec.requirements:
        found += _vague(said, NOTABLE, SLIGHT - 1)
    found += [finding for said in _titled(spec) for finding in _vague(said, SLIGHT, 0)]
    return found


def _titled(spec: Outline) -> Iterable[Said]:
    return [*([spec.title] if spec.title else []), *spec.goals]


def _vague(said: Said, hard: int, soft: int) -> list[Finding]:
    bare = without_quotes(said.text)
    if match := _OPEN_END.search(bare):
        instead = "list all of them: an agent cannot guess the rest"
        return [of(said, "vague-words", f"“{match[0].strip(' ,.')}”: it has no end", instead, hard)]
    if is_exact(said.text):
        return []
    for patterns, points, why in (
        (_HARD, hard, "two people would check different things here"),
        (_SOFT, soft, "it does not say what exactly"),
    ):
        for pattern, instead in patterns:
            if points and (match := pattern.search(bare)):
                words = match[0].strip(" ,.")
                return [of(said, "vague-words", f"“{words}”: {why}", instead, points)]
    return []


def speed(spec: Outline) -> list[Finding]:
    """Performance without a number."""
    found = []
    for group, points in (
        (spec.criteria, SERIOUS),
        (spec.requirements, NOTABLE),
        (_titled(spec), SLIGHT),
    ):
        for said in group:
            match = _SPEED.search(without_quotes(said.text))
            if match and not _MEASURE.search(said.text) and not _describes(said.text, match[0]):
                why = f"“{match[0]}” cannot be measured"
                instead = (
                    "give a number, its unit, and on what: under 200 ms for 10,000 notes, on the CI machine"
                )
                found.append(of(said, "unmeasurable-performance", why, instead, points))
    return found


def _describes(text: str, word: str) -> bool:
    """A responsive layout with widths, a real-time clock, a quick brown fox: no promise of speed."""
    if _DESCRIBING.search(text) and _OUTCOME.search(text) and len(_SPEED.findall(text)) == 1:
        return True
    return word.casefold().startswith(("responsive", "real")) and bool(NUMBER.search(text))


def conditional(spec: Outline) -> list[Finding]:
    """Conditions on what the agent may find or feel like, instead of on what users do."""
    found = []
    tasks = [Said(text=f"{task.do}\n{task.verify}", line=task.line) for task in spec.tasks]
    for group, points, hedged in (
        (spec.criteria, SERIOUS, SERIOUS),
        ([*spec.requirements, *tasks], SERIOUS, NOTABLE),
        ([*spec.goals, *spec.assumptions, *spec.prose], SLIGHT, SLIGHT),
    ):
        for said in group:
            bare = without_quotes(said.text)
            match = _MAYBE.search(bare) or _CHOICE.search(bare)
            leaning = _LEANING.match(bare)
            if match or leaning:
                words = match[0] if match else leaning[0] if leaning else ""
                why = f"“{words.strip()}” leaves the decision to the agent, and nobody can check a maybe"
                instead = "decide now; or write a spec of its own whose result is the answer"
                tried = leaning and leaning[0].casefold() == "try to"  # what a user tries may be an input
                cost = points if match else min(hedged, NOTABLE) if tried else hedged
                found.append(of(said, "conditional-steps", why, instead, cost))
    return found
