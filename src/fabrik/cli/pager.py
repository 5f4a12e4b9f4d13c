"""Whether the pager shows colours: `less` does so only when it is told, and shows raw escapes otherwise."""

from __future__ import annotations

import re
import shlex
from collections.abc import Mapping
from pathlib import PurePath

LESS = "FRX"  # where $LESS says nothing, as git has it: short pages are not held, colours are shown

_RAW = ("--raw-control-chars", "--RAW-CONTROL-CHARS")
_TAKES_TEXT = re.compile(r"[koOpPtTD\"]")  # options of less(1) that take the rest of the word


def pager_settings(environ: Mapping[str, str]) -> tuple[dict[str, str], bool]:
    """Variables to set for the pager, and whether colours may be sent to it.

    Whoever has set $LESS without -R has decided: such a page goes without colours. Another pager is taken to
    show them.
    """
    try:
        command = shlex.split(environ.get("PAGER", "")) or ["less"]
    except ValueError:
        return {}, False
    if PurePath(command[0]).name != "less":
        return {}, True
    said = environ.get("LESS", "")
    if not said.strip():
        return {"LESS": LESS}, True
    return {}, any(_raw(word) for word in [*re.split(r"[\s$]+", said), *command[1:]])


def _raw(word: str) -> bool:
    if word.startswith("--"):
        return word in _RAW
    return any(letter in _TAKES_TEXT.split(word)[0] for letter in "rR")
