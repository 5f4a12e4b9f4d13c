"""The words that the rules look for, out of words.toml: read once, when a review asks for them."""

from __future__ import annotations

import re
import tomllib
from functools import cache
from importlib import resources
from typing import Any


@cache
def _document() -> dict[str, Any]:
    text = (resources.files("fabrik.specs.reviewing") / "words.toml").read_text(encoding="utf-8")
    return tomllib.loads(text)


def entries(name: str) -> tuple[str, ...]:
    """The entries of one list."""
    return tuple(_document()["lists"][name])


def source(name: str) -> str:
    """A list as one regular expression, to be part of another."""
    return "(?:" + "|".join(entries(name)) + ")"


def words(name: str) -> re.Pattern[str]:
    """A list as one regular expression for whole words, without case."""
    return _whole(entries(name))


def advised(name: str) -> tuple[tuple[re.Pattern[str], str], ...]:
    """The groups of one kind: a regular expression, and what to write instead."""
    return tuple((_whole(group["words"]), group["instead"]) for group in _document()[name])


def _whole(parts: tuple[str, ...] | list[str]) -> re.Pattern[str]:
    return re.compile(r"(?<!\w)(?:" + "|".join(parts) + r")(?!\w)", re.IGNORECASE)
