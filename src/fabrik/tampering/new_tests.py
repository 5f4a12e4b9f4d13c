"""New test files, which may reach into the tests of the base, and the checks that can do without them.

Where the base has tests of the same kind, a check that names no new test file has to pass without them: what
the base had is judged by what the base had. Only languages whose runners find tests by themselves count: a
compiled test is named in a build file. Files for tests that are no tests (data, helpers) stay: without a
test that uses them nothing runs them.
"""

from __future__ import annotations

import json
import posixpath
import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from fnmatch import fnmatchcase

from fabrik.tampering.checked import checked
from fabrik.tampering.make_rules import read_makefile
from fabrik.tampering.model import ChangedFile, FileVersion
from fabrik.tampering.moves import moves_of
from fabrik.tampering.protected import Protection
from fabrik.tampering.shell import Started, programs, resolve
from fabrik.tampering.text import added_lines, named, text_of

_KINDS = {
    **dict.fromkeys(("py",), "python"),
    **dict.fromkeys(("js", "mjs", "cjs", "jsx", "ts", "mts", "cts", "tsx"), "node"),
    **{end: end for end in ("rb", "php", "go", "lua", "exs", "t")},
    **dict.fromkeys(("sh", "bats"), "shell"),
}
_TEST_NAME = re.compile(
    r"tests?\.\w+|test.*\.(?:py|rb|sh|lua|[cm]?[jt]sx?)|.*[._-](?:test|tests|spec|cy|e2e)\.\w+|.*\.(?:bats|t)"
    r"|.*Tests?\.php"
)
_SOME_TEST = re.compile(rb"def +(?:test|runTest)|\b(?:it|test|describe|assert\w*|expect)\b")
_GENERAL = named("test tests spec specs index main all run")
_CHOOSES = re.compile(r"(?:^|\s)(?:-k|-m\s+[\"']|-g|-run|--grep|--filter|--testNamePattern|-t(?=\s+[\"']))")
_MEASURES = re.compile(r"--cov\b|\bcov\b|coverage|fail[-_]under|\bnyc\b|\bc8\b", re.I)
_THRESHOLD = re.compile(rb"--cov-fail-under|^\s*fail_under\s*=|coverageThreshold", re.M)
_SETTINGS = named("pyproject.toml setup.cfg pytest.ini tox.ini .coveragerc package.json")
_DECIDERS = named("grep egrep fgrep rg diff cmp git stat test [")  # their status judges what they look at
_PRINTERS = named("ls find cat wc head tail awk sed")  # what they print judges, where it is looked at


@dataclass(frozen=True, kw_only=True)
class NewTests:
    """What is taken away so that the tests of the base are alone."""

    remove: tuple[str, ...] = ()  # new test files, in order
    put_back: Mapping[str, FileVersion] = field(
        default_factory=dict
    )  # tests of the base that got to use them


def new_tests(changes: Sequence[ChangedFile], protection: Protection) -> NewTests:
    """The new test files of a change that are of a kind that the base has. Pure; never raises."""
    kinds = {kind for path in protection.base_paths if (kind := _kind(path, protection)) is not None}
    moves = moves_of(changes, protection)
    moved = {moves.target(each.path) for each in changes if each.before is not None and each.after is None}
    remove = sorted(
        each.path
        for each in changes
        if each.before is None
        and each.after is not None
        and each.path not in moved
        and _kind(each.path, protection) in kinds
        and not protection.allowed(each.path)
    )
    return NewTests(remove=tuple(remove), put_back=_using(changes, remove, protection) if remove else {})


def does_without(command: str, new: Sequence[str], protection: Protection, base: Mapping[str, bytes]) -> bool:
    """Does a check run tests of the base, or none, whether or not the new test files are there?

    base: contents of files of the base, as far as they are known.
    """
    if _CHOOSES.search(command) or any(names(command, path, protection.base_paths) for path in new):
        return False
    started = programs(command)
    if any(_reads(each, new) for each in started):
        return False
    checks = checked([command], protection.base_paths)
    texts = [command, *(_recipes(checks.scripts, checks.targets, base) or [""])]
    if any(_MEASURES.search(text) for text in texts) or _has_threshold(base):
        return False
    if checks.targets - {""} and not checks.targets <= _targets(checks.scripts, base) | {""}:
        return False  # a target that the candidate brings
    scripts = {path for path in checks.scripts if _kind(path, protection) is None}
    scope = _scope(started, scripts, protection.base_paths)
    packages = "unittest" in command and scope == {""}
    kinds = {_kind(path, protection) for path in new}
    return any(
        _kind(path, protection) in kinds
        and any(_below(path, folder) for folder in scope)
        and (path not in base or _SOME_TEST.search(base[path]))
        and not (packages and not _in_packages(path, protection.base_paths))
        for path in protection.base_paths
    )


def names(command: str, path: str, base: Collection[str]) -> bool:
    """Does a command speak of a new file: its path, name or module, a new folder it is in, or a pattern?"""
    stem = posixpath.splitext(path)[0]
    words = {path, posixpath.basename(path), stem, stem.replace("/", ".")}
    if posixpath.basename(stem) not in _GENERAL:
        words.add(posixpath.basename(stem))
    parts = path.split("/")[:-1]
    folders = ["/".join(parts[:count]) for count in range(1, len(parts) + 1)]
    for folder in folders:
        if not any(_below(each, folder) for each in base):
            words |= {folder, folder.replace("/", ".")}
    if any(re.search(rf"(?<![\w-]){re.escape(word)}(?![\w-])", command) for word in words):
        return True
    globs = [posixpath.basename(each) for each in re.findall(r"[\w./*?\[\]-]*[*?][\w./*?\[\]-]*", command)]
    name = posixpath.basename(path)
    return any(
        fnmatchcase(name, glob) and not any(fnmatchcase(posixpath.basename(each), glob) for each in base)
        for glob in globs
    )


def _kind(path: str, protection: Protection) -> str | None:
    """What runs a test file; None: it is none that is run by itself."""
    name = posixpath.basename(path)
    kind = _KINDS.get(name.rpartition(".")[2])
    if kind is None or not _TEST_NAME.fullmatch(name) or protection.why(path) not in ("test", "check"):
        return None
    return kind


def _using(
    changes: Sequence[ChangedFile], new: Sequence[str], protection: Protection
) -> dict[str, FileVersion]:
    """Tests of the base that were extended to speak of new ones."""
    stems = {posixpath.basename(path).split(".")[0] for path in new}
    speaks = re.compile(r"(?<!\w)(?:" + "|".join(map(re.escape, sorted(stems))) + r")(?!\w)")
    return {
        each.path: each.before
        for each in changes
        if each.before is not None
        and each.after is not None
        and protection.why(each.path) in ("test", "hook")
        and not protection.allowed(each.path)
        and any(speaks.search(line) for _, line in added_lines(text_of(each.before), text_of(each.after)))
    }


def _reads(started: Started, new: Sequence[str]) -> bool:
    """Does a program only look at files, new tests among them?"""
    name = posixpath.basename(started.words[0])
    if name not in _DECIDERS and not (name in _PRINTERS and started.used):
        return False
    folders = {resolve(place, word) for place in started.places for word in started.words[1:]}
    return any(
        folder == "." or _below(path, folder) or fnmatchcase(path, folder)
        for folder in folders
        for path in new
    )


def _scope(started: Sequence[Started], scripts: Collection[str], base: Collection[str]) -> set[str]:
    """The folders and files of the base that a command names; the root where it names none."""
    folders = {"/".join(path.split("/")[:count]) for path in base for count in range(1, path.count("/") + 1)}
    found = set[str]()
    places = {place for each in started for place in each.places[:1]}
    for each in started:
        for word in each.words[1:]:
            plain = word.split("::")[0].rpartition("=")[2]
            for place in each.places:
                module = resolve(place, plain.replace(".", "/"))
                paths = (resolve(place, plain), module, f"{module}.py")
                found |= {path for path in paths if (path in folders or path in base) and path not in scripts}
    return found or places or {""}


def _recipes(scripts: Collection[str], targets: Collection[str], base: Mapping[str, bytes]) -> list[str]:
    """What the scripts say that a check starts: of a Makefile or package.json, the part that it uses."""
    found = []
    for path in scripts:
        text = base.get(path, b"").decode("utf-8", errors="replace")
        known = _parts(path, text)
        if known is None:
            found.append(text)
            continue
        waiting, seen = list(targets), set[str]()
        while waiting:
            target = waiting.pop()
            if target in known and target not in seen:
                seen.add(target)
                found.append(known[target])
                waiting += re.findall(r"[\w:.-]+", known[target])
    return found


def _targets(scripts: Collection[str], base: Mapping[str, bytes]) -> set[str]:
    found = set[str]()
    for path in scripts:
        parts = _parts(path, base.get(path, b"").decode("utf-8", errors="replace"))
        found |= set(parts or ())
    return found


def _parts(path: str, text: str) -> dict[str, str] | None:
    """Recipes by target, scripts by name. None: the file is run as a whole."""
    name = posixpath.basename(path)
    if name in ("Makefile", "makefile", "GNUmakefile", "justfile", "Justfile", ".justfile"):
        made = read_makefile(text)
        parts = {target: "\n".join(lines) for target, lines in made.rules.items()}
        return {**parts, "": parts.get(made.first, "")}
    if name == "package.json":
        try:
            scripts = json.loads(text).get("scripts")
        except (ValueError, AttributeError, RecursionError):
            return {}
        return {key: str(value) for key, value in scripts.items()} if isinstance(scripts, dict) else {}
    return None


def _has_threshold(base: Mapping[str, bytes]) -> bool:
    """Do settings of the base ask for a coverage that may need the new tests?"""
    return any(
        posixpath.basename(path) in _SETTINGS and _THRESHOLD.search(content) for path, content in base.items()
    )


def _below(path: str, folder: str) -> bool:
    return not folder or path == folder or path.startswith(folder + "/")


def _in_packages(path: str, base: Collection[str]) -> bool:
    parts = path.split("/")[:-1]
    return all("/".join([*parts[:count], "__init__.py"]) in base for count in range(1, len(parts) + 1))
