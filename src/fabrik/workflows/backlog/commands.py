"""The commands of a spec as checks: where they run, and what they are called. Pure.

Specs may be written as seen from the workspace root, where RDD's agents begin: `cd repo-a && …`. A check runs
in a clone of the repository alone, so such commands get a directory above it, where it stands by its name.
"""

from __future__ import annotations

import re
import shlex
from pathlib import PurePosixPath

_BASH = ("[[", "source ", "<(", "pipefail", "$'", "shopt", "<<<")


def check_name(script: str, number: int) -> str:
    """What a check is called: its command, where it is one short line."""
    lines = _lines(script)
    return lines[0].strip() if len(lines) == 1 and len(lines[0]) <= 60 else f"verification {number}"


def goes_into(script: str, directory: str) -> bool:
    """Whether a command changes into this directory, or one below it: `cd repo-a`, `git -C ./repo-a/x`."""
    path = re.escape(directory)
    into = rf"(?:(?<![\w./-])(?:cd|pushd)\s+(?:--\s+)?|(?<!\S)-C\s*)[\"']?(?:\./)?{path}(?=[/\s;&|)\"']|$)"
    return bool(directory) and any(re.search(into, line) for line in _lines(script))


def check_command(script: str, *, workdir: str, above: str = "") -> str:
    """A block of commands as a check, ended by the first that fails.

    workdir: the directory inside the repository where it begins, "" for its top. above: the path by which the
    repository is known where the command begins; "": it begins in the repository.
    """
    lines = _lines(script)
    bash = any(word in script for word in _BASH)
    plain = len(lines) == 1 and not bash
    command = lines[0].strip() if plain else f"bash -ec {shlex.quote(script)}"
    if above:
        return f"{_from_above(above)}{command}"
    return f"cd {shlex.quote(workdir)} && {command}" if workdir else command


def shown(run: str) -> str:
    """A check's command for people: without the making of the directory above."""
    first, newline, rest = run.partition("\n")
    return rest if newline and first.startswith(_MAKE) else run


_MAKE = "above=$(mktemp -d) && "


def _from_above(path: str) -> str:
    parent = PurePosixPath(path).parent.as_posix()
    make = f'mkdir -p "$above"/{shlex.quote(parent)} && ' if parent != "." else ""
    return f'{_MAKE}{make}ln -s "$(pwd -P)" "$above"/{shlex.quote(path)} && cd "$above" || exit 1\n'


def _lines(script: str) -> list[str]:
    return [line for line in script.splitlines() if line.strip() and not line.lstrip().startswith("#")]
