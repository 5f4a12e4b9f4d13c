"""Where in a Python source a node stands: in which functions, only as a program, only in a forked child."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import dataclass, replace

from fabrik.tampering.python_source import dotted

_FORKS = frozenset({"os.fork", "os.forkpty", "pty.fork"})


@dataclass(frozen=True, kw_only=True)
class Place:
    """What is true wherever a node is run."""

    functions: tuple[str, ...] = ()  # names of those around it, the outermost first; of a lambda ""
    program: bool = False  # only when the file is run as a program (`if __name__ == "__main__"`)
    child: bool = False  # only in a process that this file forked
    call: ast.Call | None = None  # the call whose function the node is

    @property
    def on_import(self) -> bool:
        """It runs when the module is loaded."""
        return not self.functions and not self.program


def places(tree: ast.Module, names: dict[str, str]) -> Iterator[tuple[ast.AST, Place]]:
    """Every node of a source with its place. names: what imported names stand for (`origins`)."""
    forked = _forked(tree, names)
    waiting: list[tuple[ast.AST, Place]] = [(tree, Place())]
    while waiting:
        node, place = waiting.pop()
        yield node, place
        inner = replace(place, call=None)
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda)):
            name = "" if isinstance(node, ast.Lambda) else node.name
            inner = replace(inner, functions=(*place.functions, name))
        below: list[tuple[ast.AST, Place]] = []
        for field, value in ast.iter_fields(node):
            here = _of_branch(node, field, inner, forked, names)
            if isinstance(value, ast.AST):
                if isinstance(node, ast.Call) and field == "func":
                    here = replace(here, call=node)
                below.append((value, here))
            elif isinstance(value, list):
                for each in value:
                    if not isinstance(each, ast.AST):
                        continue
                    below.append((each, here))
                    if isinstance(each, ast.If) and _leaves_to_child(each, forked, names):
                        here = replace(here, child=True)
        waiting.extend(reversed(below))


def origins(tree: ast.Module) -> dict[str, str]:
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


def origin(node: ast.AST, names: dict[str, str]) -> str:
    """The full name of what an expression refers to; "" when its root was not imported."""
    name = dotted(node)
    root, dot, rest = name.partition(".")
    return names.get(root, root if root == "__builtins__" else "") + dot + rest


def is_main_guard(test: ast.expr) -> bool:
    """`__name__ == "__main__"`."""
    if not isinstance(test, ast.Compare) or not isinstance(test.ops[0], ast.Eq):
        return False
    sides = (test.left, test.comparators[0])
    return any(dotted(each) == "__name__" for each in sides) and any(
        isinstance(each, ast.Constant) and each.value == "__main__" for each in sides
    )


def _of_branch(node: ast.AST, field: str, place: Place, forked: set[str], names: dict[str, str]) -> Place:
    if isinstance(node, (ast.If, ast.IfExp)):
        if field == "body" and is_main_guard(node.test):
            return replace(place, program=True)
        if (field == "body" and _is_child(node.test, forked, names) is True) or (
            field == "orelse" and _is_child(node.test, forked, names) is False
        ):
            return replace(place, child=True)
    return place


def _leaves_to_child(node: ast.If, forked: set[str], names: dict[str, str]) -> bool:
    """`if pid: … return`: what follows is the child's."""
    return (
        not node.orelse
        and _is_child(node.test, forked, names) is False
        and isinstance(node.body[-1], (ast.Return, ast.Raise))
    )


def _is_child(test: ast.expr, forked: set[str], names: dict[str, str]) -> bool | None:
    """True: the test is true in a forked child only; False: in the parent only."""
    if isinstance(test, ast.UnaryOp) and isinstance(test.op, ast.Not):
        return True if _is_fork(test.operand, forked, names) else None
    if isinstance(test, ast.Compare) and _is_fork(test.left, forked, names):
        right = test.comparators[0]
        if isinstance(right, ast.Constant) and right.value == 0:
            if isinstance(test.ops[0], ast.Eq):
                return True
            if isinstance(test.ops[0], (ast.Gt, ast.NotEq)):
                return False
        return None
    return False if _is_fork(test, forked, names) else None


def _is_fork(node: ast.expr, forked: set[str], names: dict[str, str]) -> bool:
    if isinstance(node, ast.NamedExpr):
        node = node.value
    if isinstance(node, ast.Name):
        return node.id in forked
    return isinstance(node, ast.Call) and origin(node.func, names) in _FORKS


def _forked(tree: ast.Module, names: dict[str, str]) -> set[str]:
    """Names that hold the result of a fork, and nothing else in this file."""
    forked: set[str] = set()
    others: set[str] = set()
    for node in ast.walk(tree):
        if isinstance(node, (ast.Assign, ast.NamedExpr)):
            targets = node.targets if isinstance(node, ast.Assign) else [node.target]
            called = isinstance(node.value, ast.Call) and origin(node.value.func, names) in _FORKS
            for target in targets:
                first = target.elts[0] if isinstance(target, ast.Tuple) and target.elts else target
                if isinstance(first, ast.Name):
                    (forked if called else others).add(first.id)
    return forked - others
