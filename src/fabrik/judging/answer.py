"""Reads what a judge answered. Nothing but a well-formed answer is a vote. Pure."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, field
from typing import Any

from fabrik.judging.model import Vote

TOOL = "verdict"
DESCRIPTION = "Say whether the work passes. Call it exactly once."
FEEDBACK = "What keeps the work from passing and what would make it pass. Empty only if it passes."
PASSES = "True only if the criteria are met as a whole."
MOST_FEEDBACK = 8_000  # characters that are kept

_SEQUENCES = re.compile(r"\x1b(?:\[[0-?]*[ -/]*[@-~]|[\]PX^_][^\x07\x1b]*(?:\x07|\x1b\\)?|[ -/]*[0-~])?")
_CONTROLS = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u200e\u200f\u202a-\u202e\u2066-\u2069\ufeff]")


class Malformed(Exception):
    """What came is no answer. Its text says why, in words that hold nothing of the answer."""


class Declined(Exception):
    """The model, or its provider, declined to answer; asking again does not help."""


@dataclass(frozen=True, kw_only=True)
class Said:
    """What a model said, without its vendor's format."""

    calls: tuple[tuple[str, Any], ...] = ()  # tool and arguments: an object, or JSON text of one
    text: str = ""
    unfinished: bool = False  # it was cut at a limit
    declined: bool = field(default=False)


def vote_of(said: Said) -> Vote:
    """The vote in what was said: one call of the tool, or a text that is nothing but its arguments as JSON.

    Raises Malformed, Declined.
    """
    if said.declined:
        raise Declined("the model declined to judge this")
    if said.unfinished:
        raise Malformed("it was cut off before its end")
    if len(said.calls) > 1:
        raise Malformed("it calls tools more than once")
    if said.calls:
        name, arguments = said.calls[0]
        if name != TOOL:
            raise Malformed(f"it calls another tool than `{TOOL}`")
        return _vote(loads(arguments) if isinstance(arguments, str) else arguments)
    if not said.text.strip():
        raise Malformed("it is empty")
    return _vote(loads(said.text))


def _vote(document: Any) -> Vote:
    if not isinstance(document, dict):
        raise Malformed("it is not a JSON object")
    if set(document) != {"pass", "feedback"}:
        raise Malformed("it has other fields than `pass` and `feedback`")
    passed, feedback = document["pass"], document["feedback"]
    if not isinstance(passed, bool):
        raise Malformed("`pass` is neither true nor false")
    if not isinstance(feedback, str):
        raise Malformed("`feedback` is not a text")
    feedback = clean(feedback)[:MOST_FEEDBACK]
    if not passed and not feedback:
        raise Malformed("it fails the work without feedback")
    return Vote(passed=passed, feedback=feedback)


def loads(text: str | bytes) -> Any:
    """JSON in which no field is said twice: the second would silently win. Raises Malformed."""
    try:
        return json.loads(text, object_pairs_hook=_once, parse_constant=_no_constant)
    except (ValueError, RecursionError):
        raise Malformed("it is not JSON") from None


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise Malformed("it says a field twice")
    return found


def _no_constant(name: str) -> Any:
    raise ValueError(name)


def clean(text: str) -> str:
    """A model's text without escape sequences and control characters, which a terminal would obey."""
    return _CONTROLS.sub("", _SEQUENCES.sub("", text.replace("\r\n", "\n")).replace("\r", "\n")).strip()
