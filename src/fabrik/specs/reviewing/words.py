"""What the rules know about English: stems, signs of something observable, signs of exactness. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterable

from fabrik.specs.reviewing import lexicon

# A row of signs is entered once, and no search runs over the next sign of its kind: hostile texts are read in
# linear time.
CODE = re.compile(r"(?<!`)(`++)(.+?)(?<!`)\1(?!`)", re.DOTALL)
QUOTE = re.compile(r"\"[^\"\n]+\"|“[^“”\n]+”|«[^«»\n]+»|(?<!\w)'[^'\n]+'(?!\w)|„[^„“”\n]+[“”]")
NUMBER = re.compile(r"(?<![\w.])[<>≤≥~]?\d[\d.,]*")
_LINK = re.compile(r"\[([^\[\]]+)\]\([^()]*\)|https?://\S+")
_WORD = re.compile(r"[^\W\d_]+(?:'[a-z]+)?|\d+", re.UNICODE)
_CAMEL = re.compile(r"(?<=[a-z0-9])(?=[A-Z])")

# Words without which there is no English text, and which other languages do not have.
_ENGLISH = frozenset(lexicon.entries("english"))

STOP = _ENGLISH | frozenset(lexicon.entries("common"))

_SUFFIXES = (
    *["izations", "ization", "ations", "ation", "ments", "ment", "ities", "ness", "ingly", "edly"],
    *["ings", "ing", "ions", "ion", "ers", "ies", "ied", "ed", "es", "er", "ly", "s", "e", "y"],
)


def plain(text: str) -> str:
    """The text without the signs of links and code."""
    return CODE.sub(lambda match: match[2], _LINK.sub(lambda match: match[1] or " ", text))


def without_quotes(text: str) -> str:
    """The text without what it quotes: code, and words in quotation marks."""
    return QUOTE.sub(" … ", CODE.sub(" … ", text))


def stem(word: str) -> str:
    """The same for exports, exported, exporting; crude, and good enough to compare sentences."""
    for suffix in _SUFFIXES:
        if word.endswith(suffix) and len(word) - len(suffix) >= 3:
            word = word[: -len(suffix)]
            break
    if len(word) > 4 and word[-1] == word[-2] and word[-1] not in "ls":
        word = word[:-1]
    return word


def stems(text: str) -> frozenset[str]:
    """The stems of the words that carry a meaning."""
    words = _WORD.findall(_CAMEL.sub(" ", plain(text)).replace("_", " ").casefold())
    return frozenset(
        stem(word) for word in words if word not in STOP and (len(word) > 2 or not word.isascii())
    )


def is_english(texts: Iterable[str]) -> bool:
    """Whether the rules that look for English words may expect any."""
    words = [
        word for text in texts for word in _WORD.findall(without_quotes(text).casefold()) if word.isalpha()
    ]
    if not words:
        return True
    foreign = sum(not word.isascii() for word in words)
    known = sum(word in _ENGLISH for word in words)
    return known >= 0.07 * len(words) and foreign < 0.3 * len(words)


_SEEN = lexicon.entries("observed")
_OBSERVED = frozenset(_SEEN) | frozenset(stem(word) for word in _SEEN)
_CONDITION = re.compile(
    r"\b(?:when|whenever|if|unless|until|after|before|while|once|given|then|without|every|each|never|no|"
    r"not|"
    r"only|exactly|at least|at most|more than|fewer than|less than|up to|same|identical|unchanged|none|"
    r"both|"
    r"zero|twice|one|two|three|four|five|ten|per|shall|non-zero|true|false|absent|present)\b|n't\b",
    re.IGNORECASE,
)


def is_exact(text: str) -> bool:
    """Whether something beside the words makes them exact: a number, a quotation, code, an example."""
    return bool(
        CODE.search(text)
        or QUOTE.search(text)
        or NUMBER.search(text)
        or re.search(r"\be\.g\.|\bfor example\b|\bfor instance\b|[=≤≥→]|\bz\.\s?B\.|:\s+\w[^:]*,\s*\w", text)
    )


def observables(text: str) -> int:
    """How many signs there are that somebody could look and say yes or no."""
    bare = without_quotes(text)
    words = {stem(word) for word in _WORD.findall(bare.casefold())}
    return 2 * is_exact(text) + bool(words & _OBSERVED) + bool(_CONDITION.search(bare))
