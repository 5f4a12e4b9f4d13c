"""Answers as they are typed: one line, several lines, blocks, and the end of the input."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator

import pytest

from fabrik.cli.typist import MORE, PROMPT, Typist


def answers(*lines: str) -> list[str | None]:
    """All answers that these lines are, to the end of the input."""
    prompts: list[str] = []
    left: Iterator[str] = iter(lines)

    def read_line(prompt: str) -> str:
        prompts.append(prompt)
        try:
            return next(left)
        except StopIteration:
            raise EOFError from None

    async def read() -> list[str | None]:
        typist = Typist(read_line)
        found: list[str | None] = []
        while not found or found[-1] is not None:
            found.append(await typist.answer())
        return found

    found = asyncio.run(read())
    assert set(prompts) <= {PROMPT, MORE} and prompts[0] == PROMPT
    return found


def test_a_line_is_an_answer() -> None:
    assert answers("one", "", "two") == ["one", "", "two", None]
    assert answers() == [None]


def test_a_line_that_goes_on() -> None:
    assert answers("one \\", "two\\", "three", "four") == ["one\ntwo\nthree", "four", None]
    assert answers("one\\") == ["one", None]


def test_a_block_is_one_answer() -> None:
    assert answers('"""', "one \\", "", "two", '"""', "three") == ["one \\\n\ntwo", "three", None]


def test_a_block_that_is_never_closed_is_no_answer() -> None:
    assert answers('"""', "one") == [None]


def test_what_cannot_be_read_is_told() -> None:
    def broken(_: str) -> str:
        raise UnicodeDecodeError("utf-8", b"\xff", 0, 1, "invalid start byte")

    with pytest.raises(UnicodeDecodeError):
        asyncio.run(Typist(broken).answer())
