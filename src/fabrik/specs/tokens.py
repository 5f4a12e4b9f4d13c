"""How many tokens a text costs in a prompt, about. Pure.

Every model counts in its own way, so this is an estimate by a rule that anybody can follow: a word of letters
costs one token for each six letters begun, a number one for each three digits begun, any other visible
character one, a letter outside of ASCII one for each two; a line's end costs one, more empty lines nothing,
white space inside a line nothing, and an indentation one for each eight columns begun.
"""

from __future__ import annotations

import re

_PIECES = re.compile(
    r"(?P<word>[A-Za-z]+)|(?P<number>\d+)|(?P<lines>\n+)(?P<indent>[ \t]*)|(?P<space>[^\S\n]+)|"
    r"(?P<letters>[^\W\d_A-Za-z]+)|(?P<other>.)",
    re.DOTALL,
)


def estimate(text: str) -> int:
    """The tokens of a text, about."""
    total = 0
    for piece in _PIECES.finditer(text):
        length = piece.end() - piece.start()
        match piece.lastgroup:
            case "word":
                total += -(-length // 6)
            case "number":
                total += -(-length // 3)
            case "lines" | "indent":
                total += 1 - (-len((piece["indent"] or "").expandtabs(4)) // 8)
            case "letters":
                total += -(-length // 2)
            case "other":
                total += 1
    return total
