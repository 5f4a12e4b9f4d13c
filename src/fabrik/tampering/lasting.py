"""New tests in Python that replace things of other modules for good, so that other tests see them, too."""

from __future__ import annotations

import ast
import posixpath
from collections.abc import Collection, Iterator

from fabrik.tampering.endings import Said
from fabrik.tampering.python_places import origin, places
from fabrik.tampering.python_source import dotted, said
from fabrik.tampering.text import named, quoted

_SOURCES = named("src lib python")
_RESTORED = named(
    "addCleanup addAsyncCleanup addClassCleanup addModuleCleanup tearDown tearDownClass teardown_method stop"
    " stopall teardown_module teardown_function tearDownModule asyncTearDown addfinalizer teardown_class"
)
_CODE = named("__code__ __class__ __bases__ __defaults__ __kwdefaults__")
_PATCHES = ("unittest.mock.patch", "mock.patch")


def lasting(
    tree: ast.Module, names: dict[str, str], path: str, base_paths: Collection[str]
) -> Iterator[Said]:
    """What a new test file replaces, as (line, sentence, whether it holds)."""
    project = _Project(tree, names, path, base_paths)
    restores = any(
        (isinstance(node, ast.Attribute) and node.attr in _RESTORED)
        or (isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)) and node.name in _RESTORED)
        or isinstance(node, ast.Yield)
        or (isinstance(node, ast.Try) and node.finalbody)
        for node in ast.walk(tree)
    )
    for node, place in places(tree, names):
        if place.program or (place.functions and restores):
            continue
        if isinstance(node, (ast.Assign, ast.Delete)):
            value = node.value if isinstance(node, ast.Assign) else None
            for target in node.targets:
                if (isinstance(target, ast.Attribute) and project.replaces(target, value)) or (
                    isinstance(target, ast.Subscript) and project.replaces_entry(target)
                ):
                    yield target.lineno, f"{_REPLACED}: {quoted(said(target))}", True
        elif isinstance(node, ast.Call):
            name = dotted(node.func)
            if name in ("setattr", "delattr", "type.__setattr__", "type.__delattr__") and node.args:
                if project.owns(node.args[0]):
                    yield node.lineno, f"{_REPLACED}: {quoted(said(node))}", True
            elif isinstance(node.func, ast.Attribute) and node.func.attr == "start" and not restores:
                inner = node.func.value
                if isinstance(inner, ast.Call) and origin(inner.func, names).startswith(_PATCHES):
                    yield node.lineno, f"{_REPLACED}: {quoted(said(node))}", True


_REPLACED = "a new test file replaces something for all other tests"


class _Project:
    """What of a test file's names are modules and classes of the project."""

    def __init__(
        self, tree: ast.Module, names: dict[str, str], path: str, base_paths: Collection[str]
    ) -> None:
        folders = posixpath.dirname(path).split("/")
        self._roots = {_root(each) for each in base_paths if each.endswith(".py")} | set(folders) - {""}
        self._modules = {
            each.removesuffix(".py").removesuffix("/__init__").replace("/", ".")
            for each in base_paths
            if each.endswith(".py")
        }
        self._modules |= {
            each.split(".", 1)[1] for each in self._modules if each.split(".")[0] in _SOURCES and "." in each
        }
        self._beside = {
            posixpath.basename(each).removesuffix(".py")
            for each in base_paths
            if posixpath.dirname(each) == posixpath.dirname(path)
        }
        self._names = {name: full for name, full in names.items() if self._is_ours(full)}
        for node in ast.walk(tree):  # from . import test_words
            if isinstance(node, ast.ImportFrom) and node.level:
                for alias in node.names:
                    self._names[alias.asname or alias.name] = f"{node.module or ''}.{alias.name}".strip(".")
        for node in ast.walk(tree):  # W = words.Words; for each in (words.Words, words.Others)
            if isinstance(node, ast.Assign):
                self._name(node.targets[0], [node.value])
            elif isinstance(node, ast.For) and isinstance(node.iter, (ast.Tuple, ast.List)):
                self._name(node.target, node.iter.elts)

    def _name(self, target: ast.expr, values: list[ast.expr]) -> None:
        owned = [each for each in values if self.owns(each)]
        if owned and isinstance(target, ast.Name):
            self._names[target.id] = self._full(owned[0])

    def _is_ours(self, full: str) -> bool:
        root = full.split(".")[0]
        return root in self._roots or root in self._beside

    def _full(self, node: ast.AST) -> str:
        root, dot, rest = dotted(node).partition(".")
        return self._names[root] + dot + rest if root in self._names else ""

    def owns(self, node: ast.AST) -> bool:
        """Is it a module or a class of the project (or something within one)?"""
        if isinstance(node, ast.Call) and dotted(node.func) in ("vars", "getattr") and node.args:
            return self.owns(node.args[0])
        if isinstance(node, ast.Call):
            return False
        return self._is_lasting(self._full(node))

    def _is_lasting(self, full: str) -> bool:
        last = full.rsplit(".", 1)[-1]
        return bool(full) and (
            full in self._modules or last in self._beside or (last[:1].isupper() and not last.isupper())
        )

    def replaces(self, target: ast.Attribute, value: ast.expr | None) -> bool:
        """`words.count = …`; settings (upper case, or a plain value) are left alone."""
        if target.attr in _CODE:
            return bool(self._full(target.value))
        return self.owns(target.value) and not target.attr.isupper() and not isinstance(value, ast.Constant)

    def replaces_entry(self, target: ast.Subscript) -> bool:
        """`vars(words)["count"] = …`, `words.__dict__[…]`, `sys.modules["shop.words"] = …`."""
        whole = target.value
        if dotted(whole) in ("sys.modules", "modules"):
            key = target.slice
            return isinstance(key, ast.Constant) and self._is_ours(str(key.value))
        if isinstance(whole, ast.Call) and dotted(whole.func) == "vars":
            return self.owns(whole)
        return isinstance(whole, ast.Attribute) and whole.attr == "__dict__" and self.owns(whole.value)


def _root(path: str) -> str:
    parts = path.split("/")
    parts = parts[1:] if parts[0] in _SOURCES and len(parts) > 1 else parts
    return parts[0].removesuffix(".py")
