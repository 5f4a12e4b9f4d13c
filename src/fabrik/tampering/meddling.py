"""Product code in Python that changes what `import` finds, or names the tests of the base."""

from __future__ import annotations

import ast
import posixpath
import re
from collections.abc import Collection, Iterator

from fabrik.tampering.endings import Said
from fabrik.tampering.python_places import origin
from fabrik.tampering.python_source import dotted, said
from fabrik.tampering.shadows import TEST_TOOLS
from fabrik.tampering.text import named, quoted

_TEST_FILE = re.compile(r"(?:test_.*|.*_test|tests)\.py")
_SOURCES = named("src lib python")
_FINDERS = named("sys.meta_path sys.path_hooks")
_CHANGES = named("insert append extend pop remove clear update setdefault")


def test_names(base_paths: Collection[str]) -> frozenset[str]:
    """The test files of the base, as paths and as modules."""
    paths = [each for each in base_paths if _TEST_FILE.fullmatch(posixpath.basename(each))]
    modules = [each.removesuffix(".py").replace("/", ".") for each in paths]
    return frozenset([*paths, *(each for each in modules if "." in each)])


def meddling(tree: ast.Module, names: dict[str, str], path: str, tests: frozenset[str]) -> Iterator[Said]:
    """What meddles with modules, as (line, sentence, whether it holds)."""
    recipe = any(
        isinstance(node, ast.Call) and dotted(node.func).endswith("module_from_spec")
        for node in ast.walk(tree)
    )
    folders = path.split("/")[:-1]
    own = next(
        (each for each in folders if each not in _SOURCES), posixpath.basename(path).removesuffix(".py")
    )
    for node in ast.walk(tree):
        key: ast.expr | None = None
        if isinstance(node, (ast.Assign, ast.Delete)):
            for target in node.targets:
                full = origin(target, names)
                if isinstance(target, ast.Subscript) and origin(target.value, names) == "sys.modules":
                    key = target.slice
                elif full in _FINDERS or (
                    isinstance(target, ast.Subscript) and origin(target.value, names) in _FINDERS
                ):
                    yield target.lineno, f"it changes how modules are found: {quoted(said(target))}", True
        elif isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
            of, last = origin(node.func.value, names), node.func.attr
            if of in _FINDERS and last in _CHANGES:
                yield node.lineno, f"it changes how modules are found: {quoted(said(node))}", True
            elif of == "sys.modules" and last in _CHANGES and node.args:
                key = node.args[0]
            elif of == "sys.modules" and last == "get" and node.args and _is_tool(node.args[0]):
                yield node.lineno, f"the product looks for a test tool: {quoted(said(node))}", True
        elif (
            isinstance(node, ast.Subscript)
            and isinstance(node.ctx, ast.Load)
            and _is_tool(node.slice)
            and origin(node.value, names) == "sys.modules"
        ):
            yield node.lineno, f"the product looks for a test tool: {quoted(said(node))}", True
        if key is not None and not _is_own(key, own, recipe=recipe):
            yield key.lineno, f"it changes the modules of others: {quoted(said(node))}", True
        yield from _names_tests(node, tests)


def _is_own(key: ast.expr, own: str, *, recipe: bool) -> bool:
    """`__name__`, a module of the same package, or the recipe of importlib for loading a file."""
    if isinstance(key, ast.Constant):
        return str(key.value).split(".")[0] == own
    return recipe or any(isinstance(each, ast.Name) and each.id == "__name__" for each in ast.walk(key))


def _is_tool(key: ast.expr) -> bool:
    return isinstance(key, ast.Constant) and str(key.value).split(".")[0] in TEST_TOOLS


def _names_tests(node: ast.AST, tests: frozenset[str]) -> Iterator[Said]:
    words: list[str] = []
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        words = [node.value.removeprefix("./")]
    elif isinstance(node, ast.Import):
        words = [alias.name for alias in node.names]
    elif isinstance(node, ast.ImportFrom) and node.module:
        words = [node.module, *(f"{node.module}.{alias.name}" for alias in node.names)]
    for each in words:
        if each in tests:
            yield getattr(node, "lineno", 1), f"the product names a test of the project: {quoted(each)}", True
