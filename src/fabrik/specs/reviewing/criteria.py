"""Acceptance criteria: there are some, each can be observed, none says how, and odd cases are there. Pure."""

from __future__ import annotations

import re

from fabrik.specs.reviewing import lexicon
from fabrik.specs.reviewing.finding import GRAVE, NOTABLE, SERIOUS, SLIGHT, Finding, of
from fabrik.specs.reviewing.outline import Outline, Said
from fabrik.specs.reviewing.words import is_exact, observables, stems, without_quotes

MANY_CRITERIA = 12
TOO_MANY_CRITERIA = 15
MANY_TASKS = 10
TOO_MANY_TASKS = 12

_EMPTY_PRAISE = re.compile(
    r"\b(?:works?|functions?|is (?:\w+ )?(?:complete|finished|done|implemented|supported|working|tested|"
    r"available|ready|fixed|"
    r"improved|optimi[sz]ed)|are (?:\w+ )?(?:implemented|supported|tested|handled|covered|fixed|improved|"
    r"met|satisfied|happy)|"
    r"no bugs|bug[- ]free|everything|users? (?:are|is|feel|love|like|enjoy|understand)s?\b[^.]*(?:happy|"
    r"satisfied|confident|it)?)\b\s*"
    r"(?:on|for|in|and|with|across)?[^.,;:]{0,40}\.?$",
    re.IGNORECASE,
)
# "is marked red": a state that somebody put something into.
_STATE = re.compile(
    r"\b(?:is|are|was|gets?|becomes?|be|been|being) (?:\w+ )?\w+(?:ed|en|wn|nt|ught)\b", re.IGNORECASE
)
_ELSEWHERE = re.compile(
    r"^(?:please )?(?:see|cf\.?|refer to|as in|same as in) (?:the |our |also )?(?:ticket|issue|story|jira|"
    r"figma|design|wiki|slack|thread|e-?mail|mail|meeting|chat|confluence|notion|\[?[A-Z]{2,}-\d+|#\d+)\b|"
    r"^(?:the )?same (?:as|like) (?:before|today|now|always|last time|above|usual)\W*$|"
    r"\bas (?:discussed|agreed|talked about|we said|mentioned)\b|"
    r"\b(?:as )?per (?:our|the|yesterday's) (?:discussion|meeting|call|chat|agreement)\b|"
    r"^(?:all |the )?(?:user |api )?(?:docs?|documentation|readme|change ?log|manual|tests?) (?:is|are|"
    r"gets?|has been|have been) (?:\w+ly )?(?:updated|written|adapted|extended|added|adjusted|improved)\W*$",
    re.IGNORECASE,
)
_TECHNIQUE = lexicon.source("technique")
_PRESCRIBED = (
    re.compile(
        rf"^(?:please |we |you )?(?:must |should |will )?(?:use|using|implement|introduce|create|add|"
        rf"write|extract|refactor|"
        rf"subclass|inherit|wrap|import|install|build|define|replace|convert|move|store|make|put|employ|"
        rf"leverage|utili[sz]e)\b"
        rf"(?:[^.;]{{0,80}}?)\b{_TECHNIQUE}\b",
        re.IGNORECASE,
    ),
    re.compile(
        rf"\b(?:is|are|be|gets?) (?:implemented|built|written|done|coded|stored|cached|extracted|moved|"
        rf"refactored|wrapped|parsed|realised|"
        rf"realized)\b (?:\w+ ){{0,2}}?(?:with|using|by|as|via|in|into|"
        rf"through)\b[^.;]{{0,60}}\b{_TECHNIQUE}\b",
        re.IGNORECASE,
    ),
    re.compile(
        rf"\b(?:uses?|using|via|by means of|relies on|based on|inherits from|extends|subclasses|"
        rf"implements)\b (?:an? |the |our )?"
        rf"(?:[\w`.-]+ ){{0,3}}?{_TECHNIQUE}\b",
        re.IGNORECASE,
    ),
    re.compile(
        r"\b(?:the|a|an) (?:\w+ ){0,2}(?:class|function|method|helper|module|variable|loop) (?:`?\w+`? "
        r")?(?:is|should be|must be) "
        r"(?:called|named|renamed|split|extracted|private|static|abstract|recursive|refactored|moved)\b",
        re.IGNORECASE,
    ),
)
_ODD = lexicon.words("odd")
_BOUNDS = re.compile(r"[≤≥<>]")


def no_criteria(spec: Outline) -> list[Finding]:
    """Without criteria nobody can say when it is done."""
    if spec.criteria:
        return []
    line = spec.title.line if spec.title else 1
    why = "it has no acceptance criteria: nothing says when it is done"
    instead = (
        "add `## Acceptance Criteria` (JSON: `accept`): facts that are true when it is done, and not today"
    )
    return [of(Said(text="", line=line), "no-criteria", why, instead, GRAVE)]


def uncheckable(spec: Outline) -> list[Finding]:
    """Criteria without any outcome that somebody could look at."""
    if any("judge" in check.run for check in spec.checks):
        return []
    found = []
    why = "it names nothing that could be observed: no input, no output, no state"
    instead = "say what one does and what one then sees: `tally --median` of 1 2 3 4 prints 2.5"
    for said in spec.criteria:
        if _ELSEWHERE.search(said.text):
            elsewhere = "what must hold is said somewhere else, or nowhere: whoever builds this cannot see it"
            found.append(of(said, "uncheckable-criterion", elsewhere, "write it down here", SERIOUS))
            continue
        bare = without_quotes(said.text)
        left = _trimmed(bare)
        praise = left != bare and (observables(left) == 0 or len(left.split()) <= 4)
        if is_exact(said.text) or (not praise and (observables(said.text) or _STATE.search(bare))):
            continue
        # A long sentence without a word that we know may still say something; a short one does not.
        points = SERIOUS if praise or len(bare.split()) <= 7 else NOTABLE
        found.append(of(said, "uncheckable-criterion", why, instead, points))
    return found


def _trimmed(text: str) -> str:
    return _EMPTY_PRAISE.sub("", text)


def prescribed(spec: Outline) -> list[Finding]:
    """How instead of what."""
    found = []
    for said in spec.criteria:
        bare = without_quotes(said.text)
        for number, pattern in enumerate(_PRESCRIBED):
            if pattern.search(bare):
                # A criterion that goes on to say what is observed is only half a prescription.
                points = (
                    NOTABLE
                    if number >= 2 or re.search(r"\bso that\b|\breturns?\b|\bshows?\b", bare)
                    else SERIOUS
                )
                why = "it says how to build it, not what must be true: another way would do as well"
                instead = "say what can be observed from outside; a constraint belongs to the requirements"
                found.append(of(said, "how-not-what", why, instead, points))
                break
    if len(found) > 1 and len(found) * 2 >= len(spec.criteria):
        return [
            of(Said(text=one.words, line=one.line), one.rule, one.why, one.instead, SERIOUS) for one in found
        ]
    return found


def repeated(spec: Outline) -> list[Finding]:
    """Criteria that are there twice."""
    found = []
    seen: list[tuple[str, frozenset[str], Said]] = []
    for said in spec.criteria:
        text = re.sub(r"\W+", " ", said.text).strip().casefold()
        own = stems(said.text)
        for other_text, other, first in seen:
            numbers = set(re.findall(r"\d+", text)) == set(re.findall(r"\d+", other_text))
            near = len(own) >= 3 and own == other and numbers and _same_shape(said.text, first.text)
            if text == other_text or near:
                why = f"it says the same as line {first.line}"
                points = SERIOUS if text == other_text else NOTABLE
                found.append(of(said, "repeated-criterion", why, "keep one of them", points))
                break
        seen.append((text, own, said))
    return found


def _same_shape(one: str, other: str) -> bool:
    """Neither negates the other, and both quote the same."""
    negated = re.compile(r"\b(?:not|no|never|without|only)\b|n't\b", re.IGNORECASE)
    quoted = re.compile(r"`[^`]+`|\"[^\"]+\"")
    return len(negated.findall(one)) == len(negated.findall(other)) and set(quoted.findall(one)) == set(
        quoted.findall(other)
    )


def edge_cases(spec: Outline, *, english: bool) -> list[Finding]:
    """No word about what happens when something is wrong, empty, too large or there already."""
    if not english or not spec.criteria:
        return []
    if any(
        _ODD.search(said.text) or _BOUNDS.search(said.text) for said in (*spec.criteria, *spec.requirements)
    ):
        return []
    why = "only the good case is described: nothing about errors, empty input, limits or repetition"
    instead = "add what happens with invalid, empty, missing, too large or repeated input"
    return [of(Said(text="", line=spec.criteria[0].line), "missing-edge-cases", why, instead, SERIOUS)]


def size(spec: Outline) -> list[Finding]:
    """More than one reviewable change."""
    found = []
    for many, some, most, noun, line in (
        (len(spec.criteria), MANY_CRITERIA, TOO_MANY_CRITERIA, "acceptance criteria", _line(spec.criteria)),
        (
            len([task for task in spec.tasks if task.binding]),
            MANY_TASKS,
            TOO_MANY_TASKS,
            "tasks",
            spec.tasks[0].line if spec.tasks else 1,
        ),
    ):
        if many > some:
            why = f"{many} {noun} are more than one change that somebody can verify"
            instead = f"split it into specs of at most {some}, and order them with `dependsOn`"
            points = SERIOUS if many > most else SLIGHT
            found.append(of(Said(text="", line=line), "too-big", why, instead, points))
    return found


def _line(said: list[Said]) -> int:
    return said[0].line if said else 1
