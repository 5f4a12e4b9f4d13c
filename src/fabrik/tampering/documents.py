"""Settings files as nested mappings. What cannot be read gives None, never an error."""

from __future__ import annotations

import configparser
import json
import re
import tomllib
from collections.abc import Mapping
from typing import Any

from fabrik.tampering.model import FileVersion
from fabrik.tampering.text import text_of

MAX_DOCUMENT = 500_000  # characters that are parsed
# A text in quotes, or a comment, or a comma before a closing bracket.
_JSONC = re.compile(r'"(?:\\.|[^"\\\n])*+(?:"|(?=\\?(?:\n|\Z)))|//[^\n]*+|,(?=[ \t\r\n]{0,200}[}\]])')

# The reader of the standard library takes quadratic time for such keys.
_DEEP_KEY = re.compile(r"(?:[\w\-\"'][\w\-\"' \t]{0,60}\.[ \t]{0,5}){40}")


def toml(version: FileVersion | None) -> Mapping[str, Any] | None:
    text = _short(version)
    if text is None or _DEEP_KEY.search(text):
        return None
    try:
        return tomllib.loads(text.removeprefix("\ufeff").replace("\r\n", "\n"))
    except (tomllib.TOMLDecodeError, ValueError, RecursionError):
        return None


def jsonc(version: FileVersion | None) -> Mapping[str, Any] | None:
    """JSON, also with comments and trailing commas."""
    text = _short(version)
    if text is None:
        return None
    for attempt in (text, _JSONC.sub(lambda match: match[0] if match[0][0] == '"' else "", _no_blocks(text))):
        try:
            value = json.loads(attempt.removeprefix("\ufeff"))
        except (ValueError, RecursionError):
            continue
        return value if isinstance(value, dict) else None
    return None


def ini(version: FileVersion | None) -> Mapping[str, Any] | None:
    text = _short(version)
    if text is None:
        return None
    parser = configparser.ConfigParser(
        strict=False, interpolation=None, default_section="\0", allow_no_value=True
    )
    try:
        parser.read_string(text)
    except (configparser.Error, ValueError, AttributeError):
        return None
    return {section: dict(parser.items(section)) for section in parser.sections()}


def same_data(path: str, before: FileVersion, after: FileVersion) -> bool:
    """Do two versions of a data file say the same in another form?"""
    if path.endswith((".json", ".jsonc")):
        one, other = jsonc(before), jsonc(after)
    elif path.endswith(".toml"):
        one, other = toml(before), toml(after)
    else:
        return False
    try:
        return one is not None and json.dumps(one, default=str) == json.dumps(other, default=str)
    except RecursionError:
        return False


def _short(version: FileVersion | None) -> str | None:
    text = text_of(version)
    return text if text is not None and len(text) <= MAX_DOCUMENT else None


def _no_blocks(text: str) -> str:
    """Without `/* */` comments; a text that holds `/*` makes the document unreadable, and so changed."""
    out = []
    position = 0
    while (start := text.find("/*", position)) >= 0:
        end = text.find("*/", start + 2)
        out.append(text[position:start])
        if end < 0:
            return "".join(out)
        position = end + 2
    return "".join(out) + text[position:]
