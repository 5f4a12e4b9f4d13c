"""Reads what is to be judged: files, standard input, and what Python code hands over."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import cast

from fabrik.errors import UsageError
from fabrik.judging.artifacts import MOST_READ, artifact_of, names_a_picture
from fabrik.judging.model import Artifact

STDIN = "-"

Given = str | bytes | Path
"""A text, the content of a picture or a text, or the path of a file. A string of one line that ends like the
name of a picture is a path, too: a test that judged the name instead of the picture would prove nothing."""


def file(path: Path) -> Artifact:
    """The artifact in a file. Raises UsageError."""
    try:
        with path.open("rb") as stream:
            return artifact_of(str(path), stream.read(MOST_READ))
    except OSError as error:
        raise UsageError(f"cannot be read: {error.strerror}", where=str(path)) from error


def stdin() -> Artifact:
    """The artifact on standard input. Raises UsageError."""
    if sys.stdin is None or sys.stdin.isatty():
        raise UsageError(
            "standard input is a terminal", where=STDIN, todo="pipe something in: echo hello | fabrik judge …"
        )
    return artifact_of("standard input", sys.stdin.buffer.read(MOST_READ))


def handed_over(given: Given | Sequence[Given]) -> tuple[Artifact, ...]:
    """The artifacts of one question, as Python code names them. Raises UsageError."""
    if isinstance(given, str | bytes | Path) or not hasattr(given, "__iter__"):
        return (_one(cast("Given", given), "the text"),)
    return tuple(_one(one, f"part {number}") for number, one in enumerate(given, 1))


def _one(given: Given, name: str) -> Artifact:
    if isinstance(given, Path):
        return file(given)
    if isinstance(given, bytes):
        return artifact_of(name, given)
    if not isinstance(given, str):  # untyped callers
        raise UsageError(
            f"cannot be judged: {type(given).__name__}", where=name, todo="give a text, bytes or a path"
        )
    if names_a_picture(given):
        return file(Path(given))
    return artifact_of(name, given.encode("utf-8", "replace"))
