"""Python code that reaches into test tools, or asks whether it is being tested."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator, Sequence

from fabrik.tampering.model import ChangedFile
from fabrik.tampering.notes import Found
from fabrik.tampering.protected import Protection
from fabrik.tampering.python_source import dotted, parsed, said
from fabrik.tampering.shadows import STANDARD, TEST_TOOLS
from fabrik.tampering.text import effort, named, quoted

BUDGET = 6_000_000  # effort for Python that is read
_RIGGED = named("pytest _pytest unittest builtins __builtins__ pluggy nose hypothesis doctest")
_SET_BY_PYTEST = ("PYTEST_CURRENT_TEST", "PYTEST_VERSION")
# A file without any of these is not parsed.
_WORTH_A_LOOK = re.compile(
    rb"pytest|unittest|builtins|sys\.modules|os\._exit|atexit|PYTEST|hypothesis|doctest|nose|pluggy"
)


def rigs(changes: Sequence[ChangedFile], protection: Protection) -> Iterator[Found]:
    """Remarks on code of the candidate that the base has not."""
    left = BUDGET
    for change in changes:
        after = change.after
        if (
            after is None
            or not change.path.endswith(".py")
            or not _WORTH_A_LOOK.search(after.content[:400_000])
        ):
            continue
        left -= effort(after.content)
        tree = parsed(after) if left > 0 else None
        if tree is None:
            continue
        base = parsed(change.before)
        had = {what for _, what, _ in _in(base, test=False)} if base is not None else set()
        test = protection.why(change.path) in ("test", "hook")
        for line, what, holds in _in(tree, test=test):
            if what not in had:
                yield Found(kind="hook", path=change.path, line=line, what=what, holds=holds)


def _in(tree: ast.Module, *, test: bool) -> Iterator[tuple[int, str, bool]]:
    names = _origins(tree)
    for node in ast.walk(tree):
        if isinstance(node, (ast.Assign, ast.AugAssign, ast.AnnAssign, ast.Delete)):
            targets = [node.target] if isinstance(node, (ast.AugAssign, ast.AnnAssign)) else node.targets
            for target in targets:
                yield from _on_target(target, names)
        elif isinstance(node, ast.Call):
            yield from _on_call(node, names, test=test)
        asked = _looked_up(node)
        if not test and isinstance(asked, ast.Constant) and asked.value in _SET_BY_PYTEST:
            yield (
                asked.lineno,
                f"the product asks whether it is being tested: {quoted(str(asked.value))}",
                True,
            )
        if not test and isinstance(node, ast.Compare) and _asks_for_runner(node, names):
            yield node.lineno, f"the product asks whether it is being tested: {quoted(said(node))}", True


def _looked_up(node: ast.AST) -> ast.AST | None:
    """The key of `environ.get(key)`, `environ[key]`, `key in environ`, `getenv(key)`, and the like."""
    if isinstance(node, ast.Call):
        return node.args[0] if node.args else None
    if isinstance(node, ast.Subscript):
        return node.slice
    return node.left if isinstance(node, ast.Compare) else None


def _on_target(target: ast.expr, names: dict[str, str]) -> Iterator[tuple[int, str, bool]]:
    if isinstance(target, ast.Attribute):
        origin = _origin(target, names)
        if (
            origin.split(".")[0] in _RIGGED
            and origin.count(".") >= 1
            and not origin.startswith("unittest.mock")
        ):
            yield (
                target.lineno,
                f"it changes a test tool or the language itself: {quoted(said(target))}",
                True,
            )
    elif isinstance(target, ast.Subscript):
        origin = _origin(target.value, names)
        if origin == "sys.modules":
            key = target.slice.value if isinstance(target.slice, ast.Constant) else None
            root = str(key).split(".")[0]
            if isinstance(key, str) and (root in TEST_TOOLS or root in STANDARD):
                yield target.lineno, f"it puts another module in place of {quoted(key)}", True
        elif origin.startswith("builtins.__dict__") or origin == "__builtins__":
            yield target.lineno, f"it changes the language itself: {quoted(said(target))}", True


def _on_call(node: ast.Call, names: dict[str, str], *, test: bool) -> Iterator[tuple[int, str, bool]]:
    name = dotted(node)
    if name in ("setattr", "delattr") and node.args:
        origin = _origin(node.args[0], names)
        if origin.split(".")[0] in _RIGGED and not origin.startswith("unittest.mock"):
            yield node.lineno, f"it changes a test tool or the language itself: {quoted(said(node))}", True
    origin = _origin(node.func, names)
    if (
        origin == "os._exit"
        and node.args
        and isinstance(node.args[0], ast.Constant)
        and node.args[0].value == 0
    ):
        yield node.lineno, "it ends the process as if all were well (os._exit(0))", test
    if origin == "atexit.register" and any(_origin(each, names) == "os._exit" for each in node.args):
        yield node.lineno, "it decides how the process ends (atexit, os._exit)", True


def _asks_for_runner(node: ast.Compare, names: dict[str, str]) -> bool:
    left = node.left.value if isinstance(node.left, ast.Constant) else None
    return (
        left in ("pytest", "_pytest", "unittest")
        and isinstance(node.ops[0], (ast.In, ast.NotIn))
        and _origin(node.comparators[0], names) in ("sys.modules", "sys.argv")
    )


def _origins(tree: ast.Module) -> dict[str, str]:
    """What the imported names of a module stand for: `TestCase` → `unittest.TestCase`."""
    names: dict[str, str] = {}
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            for alias in node.names:
                names[alias.asname or alias.name.split(".")[0]] = (
                    alias.name if alias.asname else alias.name.split(".")[0]
                )
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            for alias in node.names:
                names[alias.asname or alias.name] = f"{node.module}.{alias.name}"
    return names


def _origin(node: ast.AST, names: dict[str, str]) -> str:
    name = dotted(node)
    root, dot, rest = name.partition(".")
    return names.get(root, root if root == "__builtins__" else "") + dot + rest
