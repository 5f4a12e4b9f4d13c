"""Sources of languages other than Python as lines of tokens, without comments; linear in the text.

Comments that tools obey (`//go:build`, `// @ts-ignore`, `/* eslint-disable */`) stay.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from fabrik.tampering.text import named

LINE = "\n"
MAX_SOURCE = 600_000  # characters of a source that is taken apart
_CURLY = named(
    "js jsx ts tsx mjs cjs mts cts vue go rs java kt kts groovy scala cs swift c cc cpp cxx h hpp php"
    " dart zig snap proto css scss"
)
_PLAIN = re.compile(r"[ \t\r\f\v]+|[A-Za-z0-9_$\x80-\U0010ffff]+|\n|[^ \t\r\f\v\nA-Za-z0-9_$\x80-\U0010ffff]")
_OBEYED = re.compile(
    r"\W*(?:eslint|@ts-|ts-|istanbul|c8 |go:|\+build|nolint|noqa|pragma|type:|mypy:|pylint|ruff|@jest|@vitest"
    r"|prettier-|biome-|deno-|rubocop|shellcheck|phpcs|coverage|@skip|@group|clang-|NOLINT)",
    re.I,
)
_JUMPS = named("return break continue throw yield")  # a line break after these ends the statement
_CHARACTER = re.compile(r"'(?:\\[^\n]{1,10}|[^'\\\n])'")


@dataclass(frozen=True, kw_only=True)
class Line:
    """One line of a source that says something."""

    number: int
    tokens: tuple[str, ...]
    net: int  # brackets opened minus brackets closed
    low: int  # the lowest depth within the line, relative to its start; at most 0

    @property
    def text(self) -> str:
        tokens = self.tokens
        while tokens and tokens[-1] in (";", ","):
            tokens = tokens[:-1]
        return " ".join(tokens)


def is_curly(path: str) -> bool:
    """A language with brackets for blocks and `//` for comments."""
    return path.rsplit(".", 1)[-1].lower() in _CURLY


def curly_lines(text: str, *, rust: bool = False) -> list[Line]:
    """The lines of a bracket language. `rust`: a lone `'` starts a lifetime and no text."""
    lines: list[Line] = []
    tokens: list[str] = []
    number = 1
    for token, breaks in _tokens(text, rust=rust):
        if token == LINE:
            lines += [_line(number, part) for part in _single_imports(tokens)]
            tokens = []
        elif token:
            tokens.append(token)
        number += breaks
    lines += [_line(number, part) for part in _single_imports(tokens)]
    return lines


def flat(lines: list[Line]) -> list[str]:
    """All tokens in one row, as far as line breaks and trailing commas mean nothing."""
    out: list[str] = []
    for line in lines:
        for token in line.tokens:
            if token in (")", "]", "}") and out and out[-1] in (",", ";"):
                out.pop()
            out.append(token)
        if out and out[-1] == ";":
            out.pop()
        if (out and out[-1] in _JUMPS) or line.tokens[0] == "#":
            out.append("\n")
    return out


def hash_lines(text: str) -> list[tuple[int, str]]:
    """The lines of a language with `#` comments, indentation kept; without blank lines and comment lines."""
    kept = []
    for number, line in enumerate(text.split("\n"), 1):
        bare = line.strip()
        if bare and (not bare.startswith("#") or bare.startswith("#!") or _OBEYED.match(bare)):
            kept.append((number, line.rstrip()))
    return kept


def _single_imports(tokens: list[str]) -> list[list[str]]:
    """`import { a, b } from "x"` as one line for each name, so that a name more is a line more."""
    if not tokens:
        return []
    imports = tokens[0] in ("import", "use") or (tokens[0] == "const" and "require" in tokens)
    if not imports or tokens.count("{") != 1 or tokens.count("}") != 1 or len(tokens) > 1000:
        return [tokens]
    start, end = tokens.index("{"), tokens.index("}")
    parts: list[list[str]] = [[]]
    for part in tokens[start + 1 : end]:
        if part == ",":
            parts.append([])
        else:
            parts[-1].append(part)
    return [[*tokens[: start + 1], *part, *tokens[end:]] for part in parts if part] or [tokens]


def _line(number: int, tokens: list[str]) -> Line:
    depth = low = 0
    for token in tokens:
        if token in ("(", "[", "{"):
            depth += 1
        elif token in (")", "]", "}"):
            depth -= 1
            low = min(low, depth)
    return Line(number=number, tokens=tuple(tokens), net=depth, low=low)


def _tokens(text: str, *, rust: bool) -> list[tuple[str, int]]:
    """Tokens, each with the line breaks within it."""
    out: list[tuple[str, int]] = []
    position = 0
    open_until: dict[str, int] = {}  # a quote that was not closed: up to where it is a plain character
    while position < len(text):
        char = text[position]
        if char == "/" and text.startswith("//", position):
            end = text.find("\n", position)
            end = len(text) if end < 0 else end
            _keep_comment(out, text[position:end])
            position = end
            continue
        if char == "/" and text.startswith("/*", position):
            end = text.find("*/", position + 2)
            end = len(text) if end < 0 else end + 2
            comment = text[position:end]
            _keep_comment(out, comment)
            out.append(("", comment.count("\n")))
            position = end
            continue
        if char in "\"'`" and position >= open_until.get(char, 0):
            closed = _text_end(text, position, rust=rust and char == "'")
            if closed is not None:
                out.append((_one_style(text[position:closed]), text.count("\n", position, closed)))
                position = closed
                continue
            stop = text.find("\n", position) if char != "`" else -1
            open_until[char] = position + 1 if rust else len(text) if stop < 0 else stop
        match = _PLAIN.match(text, position)
        assert match is not None  # noqa: S101 (the classes are complementary)
        token = match.group()
        position = match.end()
        if token == LINE:
            out.append(("\n", 1))
        elif not token.isspace():
            out.append((token, 0))
    return out


def _keep_comment(out: list[tuple[str, int]], comment: str) -> None:
    if _OBEYED.match(comment[:200]):
        out.append((" ".join(comment[:1000].split()), 0))


def _text_end(text: str, start: int, *, rust: bool) -> int | None:
    """Where a text in quotes ends; None when it does not on its line."""
    if rust:
        match = _CHARACTER.match(text, start)
        return match.end() if match else None
    quote = text[start]
    position = start + 1
    while position < len(text):
        char = text[position]
        if char == "\\":
            position += 2
        elif char == quote:
            return position + 1
        elif char == "\n" and quote != "`":
            return None
        else:
            position += 1
    return None


def _one_style(text: str) -> str:
    inner = text[1:-1]
    return text if text[0] == "`" or any(each in inner for each in "\"'\\") else f'"{inner}"'
