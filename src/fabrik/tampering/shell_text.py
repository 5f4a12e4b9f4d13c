"""Shell scripts made fit for `shell.programs`: without comments and here-documents."""

from __future__ import annotations

import posixpath
import re
import shlex

from fabrik.tampering.shell import Started, programs, resolve
from fabrik.tampering.text import MAX_LINE

MAX_LINES = 5_000  # of one script
_HERE = re.compile(r"<<-?\s*([\"']?)([A-Za-z_]\w*)\1")
_OWN_FOLDER = re.compile(r"(?:\$\{?\w[^/]*|SUBSTITUTED)/")  # "$DIR/x", "$(dirname "$0")/x"


def bare(text: str) -> str:
    """The text without comments and here-documents."""
    kept: list[str] = []
    end = ""
    for raw in text.split("\n")[:MAX_LINES]:
        line = raw[:MAX_LINE]
        if end:
            end = "" if line.strip() == end else end
            continue
        line = _without_comment(line)
        here = _HERE.search(line)
        if here and "<<<" not in line:
            end = here[2]
            line = line[: here.start()] + line[here.end() :]
        kept.append(line)
    return "\n".join(kept)


def started(text: str) -> list[Started]:
    """Every program that a script starts; where a quote is not closed, line by line."""
    try:
        shlex.split(text)
    except ValueError:
        return [each for line in text.split("\n") for each in programs(line)]
    return programs(text)


def candidates(word: str, places: tuple[str, ...], folder: str) -> list[str]:
    """The paths that a word of a script may mean. folder: where the script lies."""
    own = _OWN_FOLDER.match(word)
    if own:
        rest = word[own.end() :]
        return [resolve(folder, rest), resolve("", rest)]
    return [resolve(place, word) for place in dict.fromkeys((*places, folder))]


def folder_of(path: str) -> str:
    return posixpath.dirname(path)


def _without_comment(line: str) -> str:
    if line.lstrip().startswith("#"):
        return ""
    for match in re.finditer(r"\s#", line):
        before = line[: match.start()]
        if before.count('"') % 2 == 0 and before.count("'") % 2 == 0:
            return before
    return line
