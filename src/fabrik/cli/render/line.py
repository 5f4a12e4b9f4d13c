"""One line of a run's story, before it is coloured and written."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from fabrik.cli.screen import Tone
from fabrik.cli.text import one_line

Data = Mapping[str, Any]


@dataclass(frozen=True, kw_only=True)
class Line:
    """What is said of one event. All text is neutralised."""

    mark: str  # one character: what kind of news it is
    text: str
    tone: Tone = "plain"
    detail: tuple[str, ...] = ()  # further lines, indented below
    telling: bool = True  # False: routine; left out where something more telling was said of its step


Renderer = Callable[[Data, str], Line]  # of an event's data, and the key of its step


def text_of(data: Data, key: str, width: int = 200) -> str:
    """A text of an event's data, neutralised and on one line; empty where there is none."""
    value = data.get(key)
    return "" if value is None else one_line(str(value), width)


def bullet(text: str, **parts: object) -> str:
    """A text followed by the parts that are not empty: "session ended · 12 s · $0.03"."""
    return " · ".join([text, *(str(part) for part in parts.values() if part not in (None, ""))])


def clip(lines: Iterable[str], keep: int) -> tuple[str, ...]:
    """The last `keep` lines, and a word about those left out."""
    kept = [line.rstrip() for line in lines]
    left_out = len(kept) - keep
    return tuple(kept if left_out <= 0 else [f"[… {left_out} lines before]", *kept[left_out:]])
