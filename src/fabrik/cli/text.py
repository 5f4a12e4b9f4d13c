"""Text that others wrote (agents, models, logs, specs), made safe to print on a terminal. Pure."""

from __future__ import annotations

import re

# CSI, OSC/DCS/APC/PM/SOS strings, two-byte escapes; their 8-bit forms are caught as control characters below.
_SEQUENCES = re.compile(r"\x1b(?:\[[0-?]*[ -/]*[@-~]|[\]PX^_][^\x07\x1b]*(?:\x07|\x1b\\)?|[ -/]*[0-~])?")
# C0 and C1 controls without \t and \n, and the characters that reorder what a reader sees.
_CONTROLS = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\u200e\u200f\u202a-\u202e\u2028\u2029\u2066-\u2069\ufeff]"
)


def neutralise(text: str) -> str:
    """The text without escape sequences, control characters (but tab and newline) and lone surrogates."""
    text = _SEQUENCES.sub("", text.replace("\r\n", "\n"))
    return _CONTROLS.sub("", text.replace("\r", "\n")).encode("utf-8", "replace").decode("utf-8")


def one_line(text: str, width: int = 200) -> str:
    """The text neutralised, on one line, cut to `width` characters with an ellipsis."""
    line = " ".join(neutralise(text[: width * 20]).split())
    return line if len(line) <= width else line[: max(0, width - 1)] + "…"


def indent(text: str, by: str = "  ") -> str:
    """Every line of the text moved to the right."""
    return "\n".join(by + line if line else line for line in text.splitlines())
