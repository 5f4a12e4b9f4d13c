"""Reads a file that somebody wrote, as text. Whatever it is, the answer is text or one clear problem."""

from __future__ import annotations

import codecs
from pathlib import Path

from fabrik.problems import Problem

MAX_BYTES = 1 << 20  # of a spec or a todo: a larger one fits into no prompt


def read_bytes(path: Path, limit: int = MAX_BYTES) -> bytes | Problem:
    """The content of a regular file of at most `limit` bytes, or what is wrong with it."""
    file = str(path)
    try:
        if path.is_dir():
            return Problem(file=file, what="is a directory", todo="name a file in it")
        if not path.exists():
            return Problem(file=file, what="there is no such file", todo="check the path")
        if not path.is_file():
            return Problem(file=file, what="is not a regular file")
        with path.open("rb") as stream:
            data = stream.read(limit + 1)
    except OSError as error:
        return Problem(file=file, what=f"cannot be read: {error.strerror or error}")
    except ValueError as error:  # a path with a NUL character
        return Problem(file=file, what=f"is no path: {error}")
    if len(data) > limit:
        return Problem(file=file, what=f"is larger than {limit >> 10} KiB")
    return data


def decode(data: bytes, file: str) -> str | Problem:
    """The text of UTF-8 bytes, with unix line ends, or what is wrong with them."""
    if data.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return Problem(file=file, what="is UTF-16", todo="save it as UTF-8 without a byte order mark")
    if data.startswith(codecs.BOM_UTF8):
        return Problem(
            file=file, what="starts with a byte order mark", todo="save it as UTF-8 without a byte order mark"
        )
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        return Problem(file=file, where=f"line {line}", what="is not UTF-8", todo="save it as UTF-8")
    if not text.strip():
        return Problem(file=file, what="is empty")
    if "\0" in text:
        line = text.count("\n", 0, text.index("\0")) + 1
        return Problem(file=file, where=f"line {line}", what="contains a NUL character", todo="remove it")
    return text.replace("\r\n", "\n").replace("\r", "\n")
