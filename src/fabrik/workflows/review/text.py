"""Text of agents and of changes as it may be read: nothing in it hides or reorders the rest."""

from __future__ import annotations

import json
import re

# What is not seen: control characters but tab and line feed, marks of format and direction, fillers that are
# letters, selectors of variants beyond those of emoji, separators, surrogates (Unicode 15, categories Cc, Cf,
# Cs, Zl, Zp and the default-ignorable ones among Lo and Mn).
_CONTROLS = "\x00-\x08\x0b-\x1f\x7f-\x9f"
_MARKS = (
    "\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b\u200e\u200f\u2028-\u202e\u2060-\u206f"
    "\u3164\ufeff\uffa0\ufff0-\ufffb\U0001bca0-\U0001bca3\U0001d173-\U0001d17a\U000e0000-\U000e0fff"
)
_JOINERS = "\u200c\u200d"  # without these some scripts and emoji fall apart
_UNWANTED = re.compile(f"[{_CONTROLS}{_MARKS}]")
_HIDDEN = re.compile(f"[{_CONTROLS}{_MARKS}{_JOINERS}\ud800-\udfff]")
_BREAKS = re.compile("\r\n|[\r\x85\u2028\u2029]")
_BLANK = re.compile(f"[\\s{_JOINERS}]*")


def plain(text: str) -> str:
    """The text without what is not seen or cannot be stored: control characters, bidi marks, surrogates."""
    kept = _UNWANTED.sub("", _BREAKS.sub("\n", text)).encode("utf-8", "replace").decode("utf-8")
    return "" if _BLANK.fullmatch(kept) else kept.strip()


def visible(text: str) -> str:
    """The text with a name such as <U+202E> in place of each character that would not be seen.

    Line ends of CR LF stay out of it where all lines have them: those are the file's own way.
    """
    if "\r" in text and not re.search(r"^(?!--- |\+\+\+ )[-+ ](.*[^\r\n])?\n", text, re.MULTILINE):
        text = text.replace("\r\n", "\n")
    return _HIDDEN.sub(lambda found: f"<U+{ord(found[0]):04X}>", text)


def readable(path: str) -> str:
    """The path as it is when it is harmless; else quoted as JSON, with everything unusual escaped."""
    harmless = path.isprintable() and path == path.strip() and not set(path) & set('"\\`')
    return path if path and harmless and not _HIDDEN.search(path) else json.dumps(path)
