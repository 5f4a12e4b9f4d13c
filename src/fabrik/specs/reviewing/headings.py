"""Which part of a spec a heading announces, in whatever words. Pure."""

from __future__ import annotations

import re
from typing import Literal

Part = Literal[
    "goals",
    "overview",
    "non_goals",
    "criteria",
    "requirements",
    "verification",
    "tasks",
    "steps",
    "questions",
    "depends",
    "assume",
    "allowed",
    "prose",
]

_ORNAMENT = re.compile(r"^[\W\d_]+|[\W_]+$")
_BRACKETS = re.compile(r"\s*\([^)]*\)")

# The first that matches counts.
_WORDS: tuple[tuple[Part, str], ...] = (
    # Other languages than English write these most often.
    ("non_goals", r"^(?:nicht-?ziele|abgrenzung|hors (?:périmètre|sujet)|fuera de alcance|não[- ]objetivos)"),
    ("criteria", r"akzeptanz|abnahme|critères|criterios|critérios"),
    ("verification", r"^(?:über)?prüfung|^vérif"),
    ("tasks", r"^aufgaben|^tâches|^tareas"),
    ("assume", r"^annahmen|^hypothèses|^supuestos"),
    ("goals", r"^ziele?\b|^objectifs?\b|^objetivos?\b|^obiettivi"),
    ("overview", r"^jobs?\b|^jtbd|^what is (?:wrong|missing)"),
    (
        "non_goals",
        r"non[- ]?goals?\b|out of scope|not in scope|excluded|exclusions|will not|won't|anti-?goals",
    ),
    (
        "questions",
        r"\b(open|unresolved|outstanding)\b|^questions|unknowns|to be (decided|defined|discussed)|"
        r"^tb[dc]",
    ),
    ("allowed", r"^may change|^required reading|^references?\b|^prior art|^links|^see also"),
    (
        "criteria",
        r"accept|\bcriteria\b|definition of done|^dod$|\bdone\b|success|expected|what must hold|"
        r"^outcomes?\b|scenarios?|invariants|must (hold|stay|not change)|how we know|^it works when",
    ),
    (
        "verification",
        r"^verif|^checks?\b|test plan|how to (test|check|verify)|^test(s|ing)?\b|^validation|^proof",
    ),
    ("tasks", r"^tasks\b|^todos?\b|work items|^milestones|^work breakdown"),
    ("steps", r"^task\b|^steps\b|(implementation|work) (plan|steps)|^plan\b|^approach\b|^procedure"),
    ("depends", r"depend|^prerequisites|^requires\b|^blocked by"),
    ("assume", r"^assum"),
    ("goals", r"^goals?\b|^objectives?\b|^aims?\b"),
    (
        "overview",
        r"^(purpose|motivation|why|job|jtbd|problem|overview|summary|background|context|introduction|"
        r"intro|"
        r"user stor|description|topic|about|what happens now|current|scope|idea|vision|the slice|"
        r"audience)",
    ),
    (
        "requirements",
        r"require|behaviou?r|^api\b|functional|features?\b|capabilit|^rules\b|constraint|observab|"
        r"interface|"
        r"^inputs?\b|^outputs?\b|error|edge cases|limits|^endpoints?|^format|^contract|what it does|"
        r"usage",
    ),
)
_PARTS = tuple((part, re.compile(pattern)) for part, pattern in _WORDS)


def part_of(title: str) -> Part | None:
    """The part of a spec that a heading announces; None for any other heading."""
    low = _ORNAMENT.sub("", _BRACKETS.sub("", title.casefold())).strip()
    return next((part for part, pattern in _PARTS if pattern.search(low)), None)
