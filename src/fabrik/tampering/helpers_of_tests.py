"""Modules outside of the tests that only tests use: what they assert with judges as they do.

A module that anything but a test imports is the product. So is one that only tests import, as everything in
a young library is: it counts as a helper when its root-level name or its outermost folder says so (helpers,
asserts, fixtures, factories, …), or when all modules of its outermost folder only make assertions for tests
(`self.assertEqual(…)`, `raise AssertionError`, unittest or pytest imported). Folders of sources never do.
"""

from __future__ import annotations

import ast
import posixpath
import re
from collections.abc import Callable, Iterator, Mapping

from fabrik.tampering.checked import words_of
from fabrik.tampering.model import FileVersion
from fabrik.tampering.python_source import parsed
from fabrik.tampering.reached import PRODUCT_FOLDERS
from fabrik.tampering.text import effort, named

MODULES = (".py", ".js", ".mjs", ".cjs", ".jsx", ".ts", ".mts", ".cts", ".tsx")
BUDGET = 8_000_000  # effort for sources that are searched for imports
_HELPING = named(
    "assert asserts assertion assertions helper helpers expectations matchers fixture fixtures factory"
    " factories testing testutil testutils testkit testlib testsupport testhelpers harness mocks fakes stubs"
    " conftest"
)
_ASSERTS = re.compile(
    rb"\.assert[A-Z]\w*\(|raise AssertionError|^\s*(?:import|from) (?:unittest|pytest)\b"
    rb"|\bassert\.\w+\(|require\(['\"](?:node:)?assert['\"]\)",
    re.M,
)
_NODE = re.compile(r"(?:\bfrom\s*|\bimport\s*\(?\s*|\brequire\(\s*)['\"](\.{1,2}/[^'\"\n]{1,300})['\"]")
_NODE_ENDS = ("", ".js", ".mjs", ".cjs", ".ts", ".jsx", ".tsx", "/index.js", "/index.ts", "/index.mjs")


def helpers_of_tests(contents: Mapping[str, bytes], is_judge: Callable[[str], bool]) -> frozenset[str]:
    """The helpers among the modules of the base. contents: of all its modules, or nothing is found out well.

    is_judge: whether a path is protected already. Pure; never raises.
    """
    users: dict[str, set[str]] = {}
    left = BUDGET
    for path, content in contents.items():
        left -= effort(content)
        if left < 0:
            return frozenset()
        for used in _imports(path, content, contents):
            if used != path:
                users.setdefault(used, set()).add(path)
    judges = {path for path in contents if is_judge(path)}
    found: set[str] = set()
    while True:
        more = {
            path
            for path, by in users.items()
            if path not in judges | found and by <= judges | found and _helps(path, contents)
        }
        if not more:
            return frozenset(found)
        found |= more


def _helps(path: str, contents: Mapping[str, bytes]) -> bool:
    top, _, inner = path.partition("/")
    if top in PRODUCT_FOLDERS and inner:
        return False
    if (words_of(top) if not inner else {top.lower(), *words_of(top)}) & _HELPING:
        return True
    beside = [each for each in contents if each.startswith(top + "/")] if inner else [path]
    return all(_ASSERTS.search(contents[each]) or not contents[each].strip() for each in beside)


def _imports(path: str, content: bytes, known: Mapping[str, bytes]) -> Iterator[str]:
    if path.endswith(".py"):
        tree = parsed(FileVersion(content=content, mode="100644"))
        for node in ast.walk(tree) if tree is not None else ():
            for module, folder in _modules(node, posixpath.dirname(path)):
                yield from _python(module, folder, known)
    else:
        for match in _NODE.finditer(content.decode("utf-8", errors="replace")):
            wanted = posixpath.normpath(posixpath.join(posixpath.dirname(path), match[1]))
            yield from (wanted + end for end in _NODE_ENDS if wanted + end in known)


def _modules(node: ast.AST, folder: str) -> Iterator[tuple[str, str | None]]:
    """Modules that a statement may load, each with the folder it is relative to; None: to the path."""
    if isinstance(node, ast.Import):
        yield from ((alias.name, None) for alias in node.names)
    elif isinstance(node, ast.ImportFrom):
        at: str | None = None
        if node.level:
            parts = folder.split("/") if folder else []
            at = "/".join(parts[: max(len(parts) - node.level + 1, 0)])
        module = node.module or ""
        yield module, at
        yield from ((f"{module}.{alias.name}".lstrip("."), at) for alias in node.names)


def _python(module: str, folder: str | None, known: Mapping[str, bytes]) -> Iterator[str]:
    parts = [part for part in module.split(".") if part]
    for place in ("", "src", "lib", "tests", "test") if folder is None else (folder,):
        for count in range(1, len(parts) + 1):
            stem = posixpath.join(place, *parts[:count])
            yield from (path for path in (f"{stem}.py", f"{stem}/__init__.py") if path in known)
