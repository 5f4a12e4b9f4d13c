"""Where commands write: colour and a live last line on a terminal, plain lines everywhere else."""

from __future__ import annotations

import os
import sys
from typing import Literal, TextIO

Tone = Literal["plain", "good", "bad", "warn", "dim", "strong", "code"]

_SGR: dict[Tone, str] = {"good": "32", "bad": "31", "warn": "33", "dim": "2", "strong": "1", "code": "36"}
_SPINNER = "⠋⠙⠹⠸⠼⠴⠦⠧⠇⠏"


class Screen:
    """One output stream. Text given to it is already neutralised."""

    def __init__(self, stream: TextIO | None = None) -> None:
        self._stream = stream if stream is not None else sys.stdout
        tty = self._stream.isatty() and os.environ.get("TERM") != "dumb"
        self.live = tty
        # https://no-color.org: any non-empty value means no colour.
        self.colour = tty and not os.environ.get("NO_COLOR")
        self._frame = 0
        self._drawn = False

    @property
    def width(self) -> int:
        """Columns of the terminal; 100 where there is none."""
        # shutil.get_terminal_size would do; importing shutil takes longer than all else on this page.
        try:
            return os.get_terminal_size(self._stream.fileno()).columns or 100 if self.live else 100
        except (OSError, ValueError):
            return 100

    @property
    def height(self) -> int:
        """Lines of the terminal; 40 where there is none."""
        try:
            return os.get_terminal_size(self._stream.fileno()).lines or 40 if self.live else 40
        except (OSError, ValueError):
            return 40

    def paint(self, text: str, tone: Tone = "plain") -> str:
        """The text in a colour, where colour is wanted."""
        code = _SGR.get(tone)
        return f"\x1b[{code}m{text}\x1b[0m" if self.colour and code and text else text

    def line(self, text: str = "", tone: Tone = "plain") -> None:
        """Write a line; the live line gives way to it."""
        self.clear()
        self._stream.write(self.paint(text, tone) + "\n")
        self._stream.flush()

    def status(self, text: str) -> None:
        """Draw the live line anew: on a terminal only, never wider than it."""
        if not self.live:
            return
        self._frame = (self._frame + 1) % len(_SPINNER)
        line = f"{_SPINNER[self._frame]} {text}"[: self.width - 1]
        self._stream.write(f"\r{self.paint(line, 'dim')}\x1b[K")
        self._stream.flush()
        self._drawn = True

    def clear(self) -> None:
        """Take the live line away."""
        if self._drawn:
            self._stream.write("\r\x1b[K")
            self._stream.flush()
            self._drawn = False
