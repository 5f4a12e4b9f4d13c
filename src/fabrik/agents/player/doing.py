"""The small things that the verbs are made of: texts, files and commands."""

from __future__ import annotations

import base64
import subprocess
from pathlib import Path
from typing import Any


class StepFailed(Exception):
    """A step could not be done. `details` are for the error event."""

    def __init__(self, message: str, **details: Any) -> None:
        super().__init__(message)
        self.details = details


def joined(text: str | list[str]) -> str:
    """A text as it is; a list is its lines, each with its newline."""
    return text if isinstance(text, str) else "".join(line + "\n" for line in text)


def encoded(text: str | list[str], from_base64: bool = False) -> bytes:
    """A text as bytes. Raises ValueError for base64 that is none."""
    if from_base64:
        return base64.b64decode("".join(joined(text).split()), validate=True)
    return joined(text).encode("utf-8", "surrogatepass")


def parented(path: str) -> Path:
    """The path, with its folders made. Raises OSError."""
    place = Path(path)
    place.parent.mkdir(parents=True, exist_ok=True)
    return place


def arguments(command: str | list[str]) -> list[str]:
    """A list is the program and its arguments; a text is for /bin/sh."""
    return command if isinstance(command, list) else ["/bin/sh", "-c", command]


def start(command: str | list[str]) -> tuple[int, str]:
    """The exit status and the output of a command. Raises OSError."""
    done = subprocess.run(arguments(command), stdin=subprocess.DEVNULL, capture_output=True, check=False)
    return done.returncode, (done.stdout + done.stderr).decode("utf-8", "replace")


def must(command: list[str]) -> str:
    """The output of a command. Raises StepFailed when it fails, and OSError."""
    status, output = start(command)
    if status:
        raise StepFailed(f"{command[0]} ended with {status}: {output.strip()[-300:]}")
    return output
