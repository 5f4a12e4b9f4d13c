"""Finds an agent's programs on the host, and says what of the host a sandbox must show for them to start.

This is the one file here that looks at the machine. What is below SYSTEM is visible in every sandbox. For the
rest as little as possible is shown, and never a home directory as a whole:

    a native program          the directory that it is really in
    a program from npm        the outermost node_modules around it
    a script                  besides, the bin and lib directories of the interpreter in its first line
    a link to one of these    the directory of the link by which the program has its name
"""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from fabrik.agents.agent import Agent
from fabrik.errors import EnvironmentProblem, UsageError

SYSTEM = tuple(Path(name) for name in ("/usr", "/bin", "/sbin", "/lib", "/lib64"))
FIRST_LINE = 256  # bytes: the kernel reads no more of a script's first line
MOST_LINKS = 40  # as the kernel
# "#!/usr/bin/env node", "#!/usr/bin/env -S node --flag": the program that env is to look up.
BY_ENV = re.compile(r"\S*/env\s+(?:-\S+\s+|\w+=\S*\s+)*(\S+)")
FILE_OPTIONS = {
    "command": "--agent-command",
    "script": "--agent-script",
}  # options that are paths on the host


@dataclass(frozen=True, kw_only=True)
class Located:
    """What a sandbox must show, at the same paths as on the host."""

    read_only: Sequence[Path] = ()  # to bind read-only
    path: Sequence[str] = ()  # directories for PATH, in front
    programs: Mapping[str, Path] = field(default_factory=dict)  # name → where its start file really is


def locate(programs: Sequence[str], install_hint: str = "", search: str | None = None) -> Located:
    """Look programs up on PATH (or on `search`, written like PATH).

    Raises EnvironmentProblem with the hint when one is missing, and when showing it would show a whole home.
    """
    finder = _Finder(search)
    for name in programs:
        found = finder.find(name)
        if found is None:
            raise EnvironmentProblem(f"{name} is not installed, or not on PATH", todo=install_hint)
        finder.programs[name] = finder.show(found)
    return finder.located()


def locate_agent(agent: Agent, options: Mapping[str, str], search: str | None = None) -> Located:
    """All that an agent needs of the host: its programs, and the files that its options name.

    Raises EnvironmentProblem as `locate` does, UsageError when a named file is missing or cannot be used.
    """
    located = locate(agent.programs, agent.install_hint, search)
    finder = _Finder(search)
    for option, flag in FILE_OPTIONS.items():
        if not (given := options.get(option)):
            continue
        path = Path(given)
        if not path.is_absolute() or not path.is_file():
            raise UsageError(f"{given} is not a file", where=flag, todo="give the absolute path of a file")
        if option == "command" and not os.access(path, os.X_OK):
            raise UsageError(f"{given} is not executable", where=flag, todo=f"chmod +x {given}")
        finder.file(path, runs=option == "command")
    return Located(
        read_only=_without_doubles([*located.read_only, *finder.read_only]),
        path=_unique([*located.path, *finder.path]),
        programs=located.programs,
    )


def installed(agents: Sequence[Agent], search: str | None = None) -> Sequence[str]:
    """The names of the agents whose programs are all on PATH, in the order given."""
    finder = _Finder(search)
    return [agent.name for agent in agents if all(finder.find(name) for name in agent.programs)]


class _Finder:
    """Collects what must be shown."""

    def __init__(self, search: str | None) -> None:
        self._search = search
        self._private = {Path.home().resolve(), *Path.home().resolve().parents}
        self.read_only: list[Path] = []
        self.path: list[str] = []
        self.programs: dict[str, Path] = {}

    def located(self) -> Located:
        return Located(
            read_only=_without_doubles(self.read_only), path=_unique(self.path), programs=self.programs
        )

    def find(self, name: str) -> Path | None:
        found = shutil.which(name, path=self._search)
        return Path(found).absolute() if found else None

    def show(self, found: Path) -> Path:
        """Make a program visible, by its name and with its interpreter; gives its real path."""
        chain = _links(found)
        real = chain[-1]
        named = max(place for place, link in enumerate(chain) if link.name == found.name)
        for link in chain[named:-1]:
            self._directory(link.parent)
        if not _of_system(chain[named]):
            self.path.append(str(chain[named].parent))
        if not _of_system(real):
            self._directory(_node_modules(real) or real.parent)
        self._interpreter(real)
        return real

    def file(self, path: Path, *, runs: bool) -> None:
        """Make one file visible at the very path that was given."""
        if not _of_system(path):
            self.read_only.append(path)
        if runs:
            self._interpreter(path)

    def _interpreter(self, program: Path) -> None:
        name = _shebang(program)
        found = self.find(name) if name else None
        if found is None:
            return  # a native program; or the start says what is missing, better than we can from here
        real = _links(found)[-1]
        if _of_system(real):
            return
        if name and Path(name).is_absolute():
            self.read_only.append(found)  # the first line has just this path, links or not
        if real.name == found.name:
            self.path.append(str(real.parent))
            self._directory(real.parent)
        else:
            self.show(found)
        library = real.parent.parent / "lib"
        if real.parent.name == "bin" and library.is_dir() and not _of_system(library):
            self._directory(library)

    def _directory(self, directory: Path) -> None:
        if _of_system(directory):
            return
        if directory in self._private:
            raise EnvironmentProblem(
                "an agent's program lies in a folder that no sandbox may show",
                where=str(directory),
                todo="move it into a folder of its own, such as ~/.local/bin",
            )
        self.read_only.append(directory)


def _links(path: Path) -> list[Path]:
    """A path and what its links lead to, one after the other; every parent directory is a real one."""
    chain = [path.parent.resolve() / path.name]
    while chain[-1].is_symlink() and len(chain) < MOST_LINKS:
        target = chain[-1].parent / chain[-1].readlink()
        chain.append(target.parent.resolve() / target.name)
    return chain


def _of_system(path: Path) -> bool:
    return any(path.is_relative_to(root) for root in SYSTEM)


def _node_modules(path: Path) -> Path | None:
    """The outermost node_modules above a path: packages find each other in it."""
    above = [parent for parent in path.parents if parent.name == "node_modules"]
    return above[-1] if above else None


def _shebang(program: Path) -> str | None:
    """The interpreter that a script names: a path, or a name for PATH; None for what is no script."""
    try:
        with program.open("rb") as file:
            first = file.read(FIRST_LINE).split(b"\n")[0]
    except OSError:
        return None
    if not first.startswith(b"#!"):
        return None
    line = first[2:].decode("utf-8", "replace").strip()
    by_env = BY_ENV.match(line)
    return by_env[1] if by_env else next(iter(line.split()), None)


def _unique(items: Sequence[str]) -> Sequence[str]:
    return tuple(dict.fromkeys(items))


def _without_doubles(paths: Sequence[Path]) -> Sequence[Path]:
    """Without what another one of them shows already."""
    unique = dict.fromkeys(paths)
    return tuple(path for path in unique if not any(parent in unique for parent in path.parents))
