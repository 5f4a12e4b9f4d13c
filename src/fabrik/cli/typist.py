"""Reads what a person types: with line editing on a terminal, line by line from a pipe.

An answer is one line. One that ends with a backslash goes on in the next; what stands between two lines of
three quotation marks is one answer; on a terminal, text that is pasted stays together.
"""

from __future__ import annotations

import asyncio
import contextlib
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

BLOCK = '"""'
PROMPT, MORE = "> ", ". "


@contextmanager
def typist() -> Iterator[Typist]:
    """Who reads, for as long as the block runs. The terminal is left as it was found."""
    if not (sys.stdin.isatty() and sys.stdout.isatty()):
        yield Typist(_from_pipe)
        return
    import termios

    with contextlib.suppress(ImportError):
        import readline  # makes `input` a line editor

        readline.parse_and_bind("set enable-bracketed-paste on")  # what is pasted is one answer
        readline.set_completer(lambda _text, _state: None)
    before = termios.tcgetattr(sys.stdin)
    try:
        yield Typist(input)
    finally:
        # A line editor that is still waiting, because Ctrl-C ended the command, has changed it.
        termios.tcsetattr(sys.stdin, termios.TCSADRAIN, before)


def _from_pipe(prompt: str) -> str:
    """Like `input`, without a prompt; what is read is shown, so that the output reads like the interview."""
    line = sys.stdin.readline()
    if not line:
        raise EOFError
    sys.stdout.write(f"{prompt}{line.rstrip(chr(10))}\n")
    sys.stdout.flush()
    return line.rstrip("\r\n")


class Typist:
    """Reads answers, one at a time."""

    def __init__(self, read_line: Callable[[str], str]) -> None:
        """read_line: shows a prompt and gives a line; raises EOFError at the end of the input."""
        self._read_line = read_line

    async def answer(self) -> str | None:
        """One answer; None at the end of the input. What is typed before a cancellation is lost."""
        first = await self._line(PROMPT)
        if first is None:
            return None
        if first.strip() == BLOCK:
            return await self._block()
        lines = [first]
        while lines[-1].endswith("\\"):
            lines[-1] = lines[-1][:-1].rstrip()
            following = await self._line(MORE)
            if following is None:
                break
            lines.append(following)
        return "\n".join(lines)

    async def _block(self) -> str | None:
        lines: list[str] = []
        while (line := await self._line(MORE)) is not None:
            if line.strip() == BLOCK:
                return "\n".join(lines)
            lines.append(line)
        return None  # it was never closed: who leaves in the middle has not answered

    async def _line(self, prompt: str) -> str | None:
        loop = asyncio.get_running_loop()
        waiting: asyncio.Future[str | None] = loop.create_future()

        def settle(line: str | None, error: BaseException | None) -> None:
            if waiting.done():
                return
            if error is not None:
                waiting.set_exception(error)
            else:
                waiting.set_result(line)

        def read() -> None:
            line: str | None = None
            failure: BaseException | None = None
            try:
                line = self._read_line(prompt)
            except EOFError:
                pass
            except Exception as error:  # noqa: BLE001 - it belongs to whoever waits
                failure = error
            with contextlib.suppress(RuntimeError):  # the loop has gone: nobody waits any more
                loop.call_soon_threadsafe(settle, line, failure)

        # A daemon, because nothing ends a read from a terminal: the command must be able to end without it.
        threading.Thread(target=read, name="typing", daemon=True).start()
        return await waiting
