"""Where the commands of a page are run: a directory, an environment and a shell that remembers both.

What a page says to this in comments, which nobody is shown, before a block:

    <!-- prepare: NAME -->     a function of preparations.py is called first
    <!-- file: PATH -->        the block is not run but written to this file
    <!-- status: N -->         the exit status of the last command, or (N N N) of the last ones; else 0
    <!-- not run: REASON -->   the block is not run, for this reason

Every agent that a command names is played by the scripted agent, or by a small program of a preparation:
`--agent claude` is run as `--agent scripted --agent-script FILE`. Nothing else of a command is changed.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

PATIENCE = 240  # seconds for one command
_AGENT = re.compile(r"--((?:review-|verify-)?)agent[ =](?:claude|codex|gemini|opencode|pi)\b")
_KEPT = ("PATH", "LANG", "LC_ALL", "TERM", "TMPDIR", "SSL_CERT_FILE")

# The variables and the directory that one command leaves are those of the next one.
_SHELL = """
[ -e "$2" ] && . "$2"
set -a
trap '{ export -p; printf "cd %q\\n" "$PWD"; } >"$2"' EXIT
eval "$1"
"""


@dataclass
class Stage:
    """One page's place to run commands in."""

    directory: Path
    script: Path | None = None  # of the scripted agent; or a program, which then plays the agents
    close: list[Callable[[], None]] = field(default_factory=list)  # what ends with the page

    @property
    def project(self) -> Path:
        """Where the shell is at the beginning, and where preparations put a project that has no place."""
        return self.directory / "work"

    def __post_init__(self) -> None:
        for name in ("work", "home", "run"):
            (self.directory / name).mkdir(exist_ok=True)
        (self.directory / "home" / ".gitconfig").write_text(
            "[user]\n  name = Ada\n  email = ada@example.org\n[init]\n  defaultBranch = main\n"
        )

    def run(self, command: str) -> tuple[int, str]:
        """Run a command as it stands in a page; its exit status, and what it wrote to both streams."""
        done = subprocess.run(
            ["bash", "-c", _SHELL, "manual", self.played(command), str(self.directory / "shell")],
            cwd=self.project,
            env=self._environment(),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            timeout=PATIENCE,
        )
        return done.returncode, done.stdout.decode("utf-8", "replace")

    def where(self) -> Path:
        """The directory that the shell is in."""
        return Path(self.run("pwd")[1].strip())

    def played(self, command: str) -> str:
        """The command with the scripted agent in place of those that it names."""
        if not _AGENT.search(command):
            return command
        assert self.script is not None, f"nothing says who plays the agent of: {command}"
        kind, option = ("scripted", "script") if self.script.suffix == ".json" else ("command", "command")
        return _AGENT.sub(rf"--\1agent {kind} --\1agent-{option} {self.script}", command)

    def _environment(self) -> dict[str, str]:
        kept = {name: os.environ[name] for name in _KEPT if name in os.environ}
        return {
            **kept,
            "PATH": f"{Path(sys.executable).parent}:{kept.get('PATH', os.defpath)}",
            "HOME": str(self.directory / "home"),
            "XDG_RUNTIME_DIR": str(self.directory / "run"),
            "PAGER": "cat",
        }


def typed(block: str, language: str) -> list[tuple[str, list[str]]]:
    """The commands of a block, each with the lines of output below it (none in a block of commands only)."""
    lines = block.rstrip("\n").split("\n")
    if language != "console":
        joined = "\n".join(lines).replace("\\\n", " ")
        return [(line, []) for line in joined.split("\n") if line.strip() and not line.startswith("#")]
    found: list[tuple[str, list[str]]] = []
    continued = False
    for line in lines:
        if line.startswith("$ "):
            found.append((line[2:], []))
        elif not found:
            raise ValueError(f"output without a command: {line}")
        elif continued or (line.startswith("> ") and not found[-1][1]):
            found[-1] = (f"{found[-1][0]}\n{line.removeprefix('> ')}", [])
        else:
            found[-1][1].append(line)
        continued = not found[-1][1] and line.endswith("\\")
    return found


def fits(expected: list[str], actual: str) -> bool:
    """Does the output have these lines? `…` stands for anything in a line, and alone for any lines."""
    if not expected:
        return True
    parts = []
    for line in expected:
        if line.strip() == "…":
            parts.append(r"(?:[^\n]*\n)*?")
            continue
        pieces = (r"\s+".join(map(re.escape, piece.split(" "))) for piece in line.rstrip().split("…"))
        # Columns move with what stands in them: runs of spaces are all the same.
        parts.append(re.sub(r"(?:\\s\+)+", r"[ ]+", "[^\n]*".join(pieces)) + r"[ ]*\n")
    return re.fullmatch("".join(parts) + r"\s*", actual.rstrip() + "\n") is not None
