"""Running text on a screen: wrapped at words, with something before its first line and before the others."""

from __future__ import annotations

import textwrap

from fabrik.cli.screen import Screen, Tone
from fabrik.cli.text import neutralise

WIDEST = 96  # columns of running text that are still easy to read
NARROWEST = 30


def paragraphs(
    screen: Screen, text: str, tone: Tone = "plain", *, by: str = "", then: str | None = None
) -> None:
    """Write the text. by: before its first line; then: before the others, by default the same."""
    rest = by if then is None else then
    width = max(NARROWEST, min(WIDEST, screen.width - 1))
    lead = by
    for paragraph in neutralise(text).splitlines():
        wrapped = textwrap.wrap(
            paragraph,
            width,
            initial_indent=lead,
            subsequent_indent=rest,
            break_long_words=False,
            break_on_hyphens=False,
        )
        for line in wrapped or [""]:
            screen.line(line, tone)
        lead = rest
