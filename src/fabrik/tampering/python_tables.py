"""Tables of cases in Python tests: rows may be added where every row is a test of its own."""

from __future__ import annotations

import ast
from collections.abc import Iterable

from fabrik.tampering.python_source import dotted, shape


def tables(body: Iterable[ast.stmt]) -> set[str]:
    """Names of a module that are used in `parametrize(…)` and nowhere else.

    A name that is used in an assertion, too (`assert x in ALLOWED`), is none: more rows would accept more.
    """
    inside: set[int] = set()
    used: set[str] = set()
    elsewhere: set[str] = set()
    for statement in body:
        for node in ast.walk(statement):
            if isinstance(node, ast.Call) and dotted(node).endswith(".parametrize"):
                names = [each for each in ast.walk(node) if isinstance(each, ast.Name)]
                inside |= {id(each) for each in names}
                used |= {each.id for each in names}
    for statement in body:
        for node in ast.walk(statement):
            if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Load) and id(node) not in inside:
                elsewhere.add(node.id)
    return used - elsewhere


def more_rows(base: ast.expr, after: ast.expr) -> bool:
    """Are all rows of a literal table still there, in order and unchanged?"""
    if shape(base) == shape(after):
        return True
    if isinstance(base, ast.Dict) and isinstance(after, ast.Dict):
        had, has = _items(base), _items(after)
        keys = [key for key, _ in has]
        if len(set(keys)) < len(keys):
            return False  # the last of two equal keys counts
        rest = iter(has)
        return all(item in rest for item in had)
    same = type(base) is type(after)
    if isinstance(base, (ast.List, ast.Tuple)) and isinstance(after, (ast.List, ast.Tuple)) and same:
        rows = iter(shape(each) for each in after.elts)
        return all(shape(each) in rows for each in base.elts)
    return False


def table_of(statement: ast.stmt) -> tuple[str, ast.expr] | None:
    """The name and the value of `NAME = …`."""
    if isinstance(statement, ast.Assign) and len(statement.targets) == 1:
        target: ast.expr = statement.targets[0]
    elif isinstance(statement, ast.AnnAssign):
        target = statement.target
    else:
        return None
    return (target.id, statement.value) if isinstance(target, ast.Name) and statement.value else None


def _items(node: ast.Dict) -> list[tuple[str, str]]:
    return [
        (shape(key) if key else "**", shape(value)) for key, value in zip(node.keys, node.values, strict=True)
    ]
