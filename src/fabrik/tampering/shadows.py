"""New modules and programs that take the place of those that tests and checks use."""

from __future__ import annotations

import ast
import posixpath
import re
import sys
from collections.abc import Iterator, Sequence

from fabrik.tampering.model import ChangedFile
from fabrik.tampering.notes import Found
from fabrik.tampering.protected import Protection
from fabrik.tampering.python_source import parsed
from fabrik.tampering.text import effort, named, quoted

TEST_TOOLS = named(
    "pytest _pytest unittest hypothesis mock nose nose2 pluggy coverage tox nox doctest iniconfig"
    " exceptiongroup pytest_cov pytest_asyncio pytest_mock pytest_timeout xdist anyio freezegun responses"
    " requests_mock factory faker mypy ruff pylint flake8 black isort pyflakes pycodestyle behave robot"
    " testtools pexpect fabrik"
)
_WIDELY_USED = named(
    "numpy pandas requests httpx aiohttp flask django fastapi starlette sqlalchemy pydantic attr attrs"
    " click yaml toml tomli jinja2 werkzeug scipy torch sklearn matplotlib PIL boto3 redis psycopg2"
    " setuptools pkg_resources six dateutil packaging rich typer uvicorn"
)
# `test` is a usual folder; a module that nobody imports shadows nothing.
STANDARD = frozenset(sys.stdlib_module_names) - named(
    "test tests this antigravity idlelib turtledemo __main__"
)
_IMPORTABLE = named(". src lib tests test python")
_ENDS = re.compile(r"\.(?:py|pyc|pyd|so|(?:cpython|abi3)[\w.\-]*\.so)")
_NODE_TOOLS = named(
    "jest mocha vitest jasmine ava tap chai sinon karma cypress eslint typescript prettier nyc c8 tsx"
    " ts-node ts-jest expect .bin @jest @playwright playwright @testing-library"
)
_MAKE_FIRST = {"GNUmakefile": ("makefile", "Makefile"), "makefile": ("Makefile",), "justfile": ("Justfile",)}
_PATHS_CHANGED = re.compile(rb"sys\.path|PYTHONPATH|pythonpath")
_JUDGING_TARGETS = named("test tests check checks lint verify ci typecheck e2e coverage")

IMPORTS = 2_000_000  # effort for changed tests whose imports are looked at


def shadows(changes: Sequence[ChangedFile], protection: Protection) -> Iterator[Found]:
    """New files that are found before the real ones."""
    new = [each for each in changes if each.before is None and each.after is not None]
    imported = _imported(changes, protection)
    named_paths = _named_paths(changes)
    packages: set[str] = set()
    node: dict[str, list[str]] = {}
    for change in new:
        path = change.path
        folder, name = posixpath.split(path)
        stem = name.split(".")[0]
        whole = name == "__init__.py" or (name.startswith("__init__.") and bool(_ENDS.fullmatch(name[8:])))
        if whole and folder:
            folder, stem = posixpath.split(folder)
            if posixpath.join(folder, stem) in packages:
                continue
            packages.add(posixpath.join(folder, stem))
        link = change.after is not None and change.after.mode == "120000" and name == stem
        module = whole or link or bool(_ENDS.fullmatch(name[len(stem) :]))
        if module and _is_importable(folder, protection, named_paths):
            what = _taken(stem, imported)
            if what and not _had(folder, stem, protection):
                yield _shadow(path, what)
        if name.endswith(".pyc") and change.after is not None and _is_unchecked(change.after.content):
            yield _shadow(path, "compiled Python that is used in place of its source, whatever that says")
        if "node_modules/" in path:
            tool = path.split("node_modules/", 1)[1].split("/")[0]
            if tool in _NODE_TOOLS:
                node.setdefault(tool, []).append(path)
        if name in _MAKE_FIRST and any(
            posixpath.join(folder, other) in protection.base_paths for other in _MAKE_FIRST[name]
        ):
            yield _shadow(path, f"{quoted(name)} is read in place of the one that the base has")
        if path in _JUDGING_TARGETS & protection.checks.targets and "make" in protection.checks.programs:
            yield _shadow(path, f"`make {path}` finds a file of that name and does nothing")
    for tool, paths in sorted(node.items()):
        what = f"the installed {quoted(tool)} is part of the change ({len(paths)} files)"
        yield Found(kind="shadow", path=paths[0], line=None, what=what, holds=True, remove=len(paths) == 1)


def _shadow(path: str, what: str) -> Found:
    return Found(kind="shadow", path=path, line=None, what=what, holds=True, remove=True)


def _taken(name: str, imported: frozenset[str]) -> str:
    if name in TEST_TOOLS:
        return f"it is imported in place of the test tool {quoted(name)}"
    if name in STANDARD:
        return f"it is imported in place of the standard library's {quoted(name)}"
    if name in imported:
        return f"it is imported in place of the package {quoted(name)}, which tests use"
    return ""


def _is_importable(folder: str, protection: Protection, named_paths: frozenset[str]) -> bool:
    if not folder or folder in protection.checks.places:
        return True
    if posixpath.join(folder, "__init__.py") in protection.base_paths:
        return False  # its modules are found by the name of the package
    # pytest puts the folder of a test that is in no package on the path.
    parts = folder.split("/")
    return folder in _IMPORTABLE or bool({"tests", "test"} & set(parts)) or parts[-1] in named_paths


def _named_paths(changes: Sequence[ChangedFile]) -> frozenset[str]:
    """Words of the lines that change where Python looks for modules."""
    found: set[bytes] = set()
    for change in changes:
        content = change.after.content[:200_000] if change.after is not None else b""
        if _PATHS_CHANGED.search(content):
            for line in content.split(b"\n"):
                if _PATHS_CHANGED.search(line):
                    found |= set(re.findall(rb"\w+", line[:1000]))
    return frozenset(word.decode("utf-8", errors="replace") for word in found)


def _had(folder: str, name: str, protection: Protection) -> bool:
    """Did the base have this module already, as a file or as a package?"""
    module = posixpath.join(folder, name)
    return f"{module}.py" in protection.base_paths or f"{module}/__init__.py" in protection.base_paths


def _imported(changes: Sequence[ChangedFile], protection: Protection) -> frozenset[str]:
    """Packages of others that the tests of the base import, as far as they are known from changed tests.

    What the base has itself (a folder or a module at an importable place) is the product's own.
    """
    found: set[str] = set()
    left = IMPORTS
    for change in changes:
        if change.before is None or protection.why(change.path) not in ("test", "hook"):
            continue
        left -= effort(change.before.content)
        tree = parsed(change.before) if left > 0 and change.path.endswith(".py") else None
        for node in ast.walk(tree) if tree is not None else ():
            if isinstance(node, ast.Import):
                found |= {alias.name.split(".")[0] for alias in node.names}
            elif isinstance(node, ast.ImportFrom) and not node.level:
                found.add((node.module or "").split(".")[0])
    return frozenset(found & _WIDELY_USED)


def _is_unchecked(content: bytes) -> bool:
    """A .pyc whose flags say: by hash, and never compared with the source (PEP 552)."""
    return len(content) >= 8 and int.from_bytes(content[4:8], "little") == 1
