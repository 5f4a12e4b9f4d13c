"""Reads the JSON lines of a CLI without ever failing on them: whatever the bytes, a value or nothing."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from typing import Any

LONGEST_TEXT = 20_000  # characters of one Said; the whole is in the transcript
LONGEST_LINE = 300  # characters of a one-line text: a command, a path, a detail
LARGEST_COUNT = 2**53  # beyond it a count is junk

# What tells a human most about a tool call, in this order: the names that the CLIs use for their arguments.
TELLING = (
    "command", "cmd", "file_path", "filePath", "path", "absolute_path", "pattern", "query", "url",
    "description", "prompt",
)  # fmt: skip


def read(line: bytes) -> Mapping[str, Any]:
    """The JSON object in a line; an empty one for everything else."""
    if not line.lstrip(b" \t\r\xef\xbb\xbf").startswith(b"{"):
        return {}
    try:
        value = json.loads(line.decode("utf-8", "replace"))
    except (ValueError, RecursionError):  # not JSON, an endless number, nested beyond reason
        return {}
    return value if isinstance(value, dict) else {}


def mapping(value: object) -> Mapping[str, Any]:
    """The value if it is an object, else an empty one."""
    return value if isinstance(value, dict) else {}


def mappings(value: object) -> Sequence[Mapping[str, Any]]:
    """The objects in a list, else none."""
    return [item for item in value if isinstance(item, dict)] if isinstance(value, list) else []


def text(value: object) -> str:
    """A text as a human may see it: no control characters (a terminal would obey them), bounded."""
    if not isinstance(value, str):
        return ""
    if len(value) > LONGEST_TEXT:  # the end stays: what an agent says last is what it came to
        value = f"{value[: LONGEST_TEXT // 2]}\n…\n{value[3 - LONGEST_TEXT // 2 :]}"
    kept = value.encode("utf-8", "replace").decode("utf-8", "replace")
    return "".join(char for char in kept if char in "\n\t" or char.isprintable())


def one_line(value: object) -> str:
    """A short text on one line."""
    words = " ".join(text(value).split())
    return words if len(words) <= LONGEST_LINE else words[: LONGEST_LINE - 1] + "…"


def provider_words(value: object) -> str:
    """An error's text on one line, with the message alone where the provider's JSON is in it."""
    words = text(value)
    head, brace, _ = words.partition("{")
    if not brace:
        return one_line(words)
    try:
        body, _ = json.JSONDecoder().raw_decode(words[len(head) :])
    except (ValueError, RecursionError):
        return one_line(words)
    error = mapping(mapping(body).get("error")) or mapping(body)
    message = one_line(error.get("message"))
    return one_line(f"{head}{message}") if message else one_line(words)


def count(value: object) -> int | None:
    """A number of tokens, or None for what cannot be one."""
    if isinstance(value, bool) or not isinstance(value, int):
        return None
    return value if 0 <= value <= LARGEST_COUNT else None


def number(value: object) -> float | None:
    """A finite, non-negative number, or None."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    if not 0 <= value <= LARGEST_COUNT:  # false for NaN, too
        return None
    return float(value) if math.isfinite(value) else None


def less(total: int | None, *parts: int | None) -> int | None:
    """A count without its parts; None when something is unknown or they do not fit together."""
    if total is None or any(part is None for part in parts):
        return None
    rest = total - sum(part for part in parts if part is not None)
    return rest if rest >= 0 else None


def summary(arguments: object) -> str:
    """One line that tells a human what a tool was called with."""
    values = mapping(arguments)
    for name in TELLING:
        value = values.get(name)
        if isinstance(value, list):
            value = " ".join(item for item in value if isinstance(item, str))
        if line := one_line(value):
            return line
    return ""
