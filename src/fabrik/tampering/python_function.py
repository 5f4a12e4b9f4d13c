"""Compares one Python function of a test file with its base."""

from __future__ import annotations

import ast

from fabrik.tampering.notes import Note
from fabrik.tampering.python_assertions import is_assertion, is_trivial, loosened
from fabrik.tampering.python_skips import is_skip_marker, new_skips, skips_inside
from fabrik.tampering.python_source import Function, dotted, said, shape
from fabrik.tampering.python_tables import more_rows
from fabrik.tampering.text import named, quoted

_REACHING = named("setattr delattr exec eval __import__ globals locals vars")
MAX_DECORATORS = 200  # of one function, that are compared one by one
_BREAKING = (
    ast.Return,
    ast.Yield,
    ast.YieldFrom,
    ast.Global,
    ast.Nonlocal,
    ast.Raise,
    ast.NamedExpr,
    ast.Break,
    ast.Continue,
)


def compare_functions(base: Function, after: Function) -> tuple[bool, list[Note]]:
    """Was something added that cannot hurt, and the remarks on what can."""
    notes = new_skips(base.name, base, after)
    marks = _decorators(base, after)
    if shape(base.args) != shape(after.args):
        marks.append(_changed(after, f"{quoted(base.name)} takes other arguments"))
    grown = body_grows(base.body, after.body)
    if not grown:
        less = loosened(base.name, base, after)
        notes += less or ([] if notes else [_changed(after, f"the body of {quoted(base.name)} was changed")])
    return True, notes + marks


def body_grows(base: list[ast.stmt], after: list[ast.stmt]) -> bool:
    """Is all of the base there in order, with assertions added, or more at the end?"""
    position = 0
    last = -1
    keys = [shape(each) for each in base]
    for number, statement in enumerate(after):
        if position < len(keys) and shape(statement) == keys[position]:
            position += 1
            last = number
        elif position < len(keys) and not _only_asserts(statement):
            return False
    if position < len(keys):
        return False
    return all(_is_harmless(statement) for statement in after[last + 1 :])


def _only_asserts(statement: ast.stmt) -> bool:
    node = statement.value if isinstance(statement, ast.Expr) else statement
    if not isinstance(node, (ast.Assert, ast.Call)) or not is_assertion(node) or is_trivial(node):
        return False
    return _is_harmless(statement)


def _is_harmless(statement: ast.stmt) -> bool:
    """After the last statement of the base: it can only make the test fail more often."""
    if list(skips_inside([statement])):
        return False
    return not any(
        isinstance(node, _BREAKING) or (isinstance(node, ast.Call) and dotted(node) in _REACHING)
        for node in ast.walk(statement)
    )


def _decorators(base: Function, after: Function) -> list[Note]:
    notes = []
    if len(base.decorator_list) + len(after.decorator_list) > MAX_DECORATORS:
        same = shape(base.decorator_list) == shape(after.decorator_list)
        return [] if same else [_changed(after, f"the decorators of {quoted(base.name)} were changed")]
    left = [each for each in after.decorator_list if not is_skip_marker(each)]
    for decorator in base.decorator_list:
        if is_skip_marker(decorator):
            continue  # whoever takes a skip away makes the tests stricter
        found = next((each for each in left if _grows(decorator, each)), None)
        if found is None:
            what = f"{quoted(base.name)} lost {quoted('@' + said(decorator))}, or it was changed"
            notes.append(Note(kind="loosened", line=after.lineno, what=what))
        else:
            left.remove(found)
    for decorator in left:
        what = f"{quoted(base.name)} got {quoted('@' + said(decorator))}"
        notes.append(_changed(after, what))
    return notes


def _grows(base: ast.expr, after: ast.expr) -> bool:
    """The same decorator, or a `parametrize` with more cases."""
    if shape(base) == shape(after):
        return True
    if not (isinstance(base, ast.Call) and isinstance(after, ast.Call)):
        return False
    if shape(base.func) != shape(after.func) or not dotted(base).endswith(".parametrize"):
        return False
    if len(base.args) != len(after.args) or shape(base.keywords) != shape(after.keywords):
        return False
    return all(more_rows(one, other) for one, other in zip(base.args, after.args, strict=True))


def _changed(node: Function, what: str) -> Note:
    return Note(kind="changed", line=node.lineno, what=what)
