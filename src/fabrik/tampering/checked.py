"""Which files of the base are check scripts: what the spec's checks start as programs in order to judge.

A check may also start or read the product (`python tally.py < in`, `grep foo src/x.py`). The rule that is
right for both: a file of the base that a check *starts as a program* is a check script when it is placed or
named like one. Placed: in a folder called checks, ci, tests, verify, … or, for shell scripts, scripts,
tools, hack, … Named: one of its words is check, test, verify, lint, ci, … and nobody looks at what it
prints or feeds it, since a program whose output is compared is the thing under test. Source folders (src,
lib, app, …) are always the product. A file that is only read (`test -f x`, `grep`, `cat`) is none, except
the expectation in `diff` and `cmp`. What this rule misses, a project adds by its globs.
"""

from __future__ import annotations

import posixpath
import re
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from itertools import pairwise

from fabrik.tampering.shell import Started, programs, resolve
from fabrik.tampering.text import named

JUDGING_WORDS = named(
    "accept acceptance audit check checkall checks ci conformance coverage e2e gate integration lint"
    " precommit qa regression runtest runtests selftest smoke spec specs suite test testall testing tests"
    " typecheck validate validation verification verify"
)
_JUDGING_FOLDERS = named(
    "acceptance check checks ci .ci conformance e2e lint qa smoke test tests testing verification verify"
)
_TOOL_FOLDERS = named("script scripts .scripts tool tools hack dev devtools")
_SOURCES = named("src lib app apps pkg internal cmd source sources")
_EXPECTED_WORDS = named("expect expected golden want wanted reference baseline fixture answer answers")
SHELLS = named("sh bash dash zsh ksh ash fish . source")
_INTERPRETER = re.compile(
    r"(?:python|pypy|node|nodejs|ruby|perl|php|lua|deno|bun|tsx|ts-node|pwsh|Rscript)[\d.]*"
)
_TEST_RUNNERS = named("pytest py.test jest vitest mocha ava tap rspec bats phpunit unittest playwright")
_MAKES = {
    "make": ("GNUmakefile", "makefile", "Makefile"),
    "gmake": ("GNUmakefile", "makefile", "Makefile"),
    "just": ("justfile", "Justfile", ".justfile"),
}
_NODE = frozenset({"npm", "pnpm", "yarn", "bun"})
_RUNS = {
    "tox": ("tox.ini", "tox.toml", "setup.cfg", "pyproject.toml"),
    "nox": ("noxfile.py",),
    "task": ("Taskfile.yml", "Taskfile.yaml"),
    "rake": ("Rakefile",),
    "invoke": ("tasks.py",),
    "inv": ("tasks.py",),
    "composer": ("composer.json",),
    "deno": ("deno.json", "deno.jsonc"),
    "pre-commit": (".pre-commit-config.yaml",),
}


@dataclass(frozen=True, kw_only=True)
class Checked:
    """What the commands of the checks say about the files of the base."""

    scripts: frozenset[str]  # files of the base that are check scripts
    folders: frozenset[str]  # folders of check scripts: everything in them belongs to the check
    targets: frozenset[str]  # of make or just, and names of package scripts, that the checks use
    programs: frozenset[str]  # base names of all programs that the checks start
    places: frozenset[str]  # directories that the checks put on Python's path
    runs_others: bool  # a check starts programs that its text does not name (make, npm, a script)


def checked(commands: Sequence[str], base: Collection[str]) -> Checked:
    """Read the shell texts of the checks. Pure; never raises."""
    known = base if isinstance(base, (set, frozenset)) else frozenset(base)
    scripts: set[str] = set()
    folders: set[str] = set()
    targets: set[str] = set()
    names: set[str] = set()
    places: set[str] = set()
    for command in commands:
        for started in programs(command):
            name = posixpath.basename(started.words[0])
            names |= {name, *_module_name(started)}
            targets |= _targets(name, started.words)
            places |= {resolve(place, path) for place in started.places for path in started.paths}
            for path, shell in _files(name, started, known):
                if shell is None or is_check_script(path, in_shell=shell, used=started.used):
                    scripts.add(path)
                    if shell is not None and _in_judging_folder(path):
                        folders.add(posixpath.dirname(path))
                if path.endswith(".py"):
                    places.add(posixpath.dirname(path))
    others = bool(scripts) or bool(names & (_NODE | _MAKES.keys() | _RUNS.keys()))
    return Checked(
        scripts=frozenset(scripts),
        folders=frozenset(folders),
        targets=frozenset(targets),
        programs=frozenset(names),
        places=frozenset(places),
        runs_others=others,
    )


def is_check_script(path: str, *, in_shell: bool, used: bool) -> bool:
    """Is a file that a check starts as a program named or placed like a check? See the module's text."""
    folders = path.split("/")[:-1]
    if folders and folders[0] in _SOURCES:
        return False
    if _in_judging_folder(path):
        return True
    if in_shell and any(folder in _TOOL_FOLDERS for folder in folders):
        return True
    return not used and bool(words_of(path) & JUDGING_WORDS)


def words_of(path: str) -> set[str]:
    """The words of a file's name, in lower case and without numbers: `runTests2.sh` has run and tests."""
    stem = posixpath.basename(path).rsplit(".", 1)[0] or posixpath.basename(path)
    words = re.split(r"[^A-Za-z0-9]+|(?<=[a-z0-9])(?=[A-Z])", stem)
    return {word.lower().rstrip("0123456789") or word for word in words if word} | (
        {word.lower() for word in words if word}
    )


def _in_judging_folder(path: str) -> bool:
    return any(folder in _JUDGING_FOLDERS for folder in path.split("/")[:-1])


def _files(name: str, started: Started, base: Collection[str]) -> list[tuple[str, bool | None]]:
    """Files of the base that a program names, each with whether it is started as a shell script.

    None: it is part of the check whatever its name.
    """
    args = started.words[1:]
    found: list[tuple[str, bool | None]] = []

    def look(word: str, shell: bool | None) -> None:
        for place in started.places:
            path = resolve(place, word.split("::")[0])
            if path in base:
                found.append((path, shell))
                return

    if name in SHELLS or _INTERPRETER.fullmatch(name):
        module = _module(args)
        first = next((word for word in args if not word.startswith("-")), None)
        if module is not None:
            stem = module.replace(".", "/")
            for path in (f"{stem}.py", f"{stem}/__main__.py", f"src/{stem}.py", f"src/{stem}/__main__.py"):
                look(path, False)
        elif first is not None and not _is_code(args):
            look(first, name in SHELLS)
    elif "/" in started.words[0]:
        word = started.words[0]
        look(word, word.endswith((".sh", ".bash")) or "." not in posixpath.basename(word))
    elif name in ("diff", "cmp", "comm"):
        for word in args:
            if words_of(word) & _EXPECTED_WORDS or set(word.split("/")[:-1]) & _EXPECTED_WORDS:
                look(word, None)
    for file in _run_files(name, args):
        look(file, None)
    if {name, *_module_name(started)} & _TEST_RUNNERS and "--doctest-modules" not in args:
        for word in args:
            if not word.startswith("-"):
                look(word, None)
    return found


def _run_files(name: str, args: tuple[str, ...]) -> tuple[str, ...]:
    package: tuple[str, ...] = ("package.json",) if name in _NODE else ()
    files = _MAKES.get(name) or _RUNS.get(name) or package
    options = {"-f", "--file", "--makefile", "--justfile"} if name in _MAKES else set()
    named = [after for word, after in pairwise(args) if word in options]
    inside = [after for word, after in pairwise(args) if word in ("-C", "--prefix")]
    return (*files, *named, *(f"{folder}/{file}" for folder in inside for file in files))


def _targets(name: str, words: tuple[str, ...]) -> set[str]:
    plain = [word for word in words[1:] if not word.startswith("-") and "=" not in word]
    if name in _MAKES:
        return set(plain) or {""}  # the empty name: the first target
    if name in _NODE or name in ("composer", "deno"):
        if plain[:1] and plain[0] in ("run", "run-script", "task"):
            return set(plain[1:2])
        return {"test" if plain[0] in ("t", "tst") else plain[0]} if plain else set()
    return set()


def _module(args: tuple[str, ...]) -> str | None:
    return next((after for word, after in pairwise(args) if word == "-m"), None)


def _module_name(started: Started) -> set[str]:
    """Programs that another one starts for them: `python -m pytest`, `python -m coverage run -m pytest`."""
    words = started.words
    return {after for word, after in pairwise(words) if word == "-m"}


def _is_code(args: tuple[str, ...]) -> bool:
    return any(word in ("-c", "-e", "-") for word in args)
