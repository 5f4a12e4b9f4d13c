"""What Python tests assert, and whether a changed test asserts less."""

from __future__ import annotations

import ast
from collections import Counter
from collections.abc import Iterator

from fabrik.tampering.notes import Note
from fabrik.tampering.python_source import Function, dotted, said
from fabrik.tampering.text import named, quoted

_EXPECTING = named("raises warns deprecated_call assertRaises assertRaisesRegex assertWarns assertLogs fail")
_SWALLOWING = named("suppress")
MOST = 5  # remarks on one test


def is_assertion(node: ast.AST) -> bool:
    """`assert`, `self.assertEqual(…)`, `mock.assert_called_with(…)`, `pytest.raises(…)`."""
    if isinstance(node, ast.Assert):
        return True
    if not isinstance(node, ast.Call):
        return False
    last = dotted(node).rsplit(".", 1)[-1]
    return last.startswith("assert") or last in _EXPECTING


def assertions(function: ast.AST) -> Iterator[ast.Assert | ast.Call]:
    for node in ast.walk(function):
        if isinstance(node, (ast.Assert, ast.Call)) and is_assertion(node):
            yield node


def loosened(name: str, base: Function, after: Function) -> list[Note]:
    """Assertions of the base that are gone or changed, and those that cannot fail any more."""
    notes = []
    left = Counter(ast.dump(node) for node in assertions(after))
    for node in assertions(base):
        key = ast.dump(node)
        left[key] -= 1
        if left[key] < 0:
            what = f"an assertion of {quoted(name)} is gone or was changed: {quoted(said(node))}"
            notes.append(Note(kind="loosened", line=after.lineno, what=what))
    trivial = {ast.dump(node) for node in assertions(base) if is_trivial(node)}
    for node in assertions(after):
        if is_trivial(node) and ast.dump(node) not in trivial:
            what = f"an assertion of {quoted(name)} is always true: {quoted(said(node))}"
            notes.append(Note(kind="loosened", line=node.lineno, what=what))
    had = sum(1 for _ in _swallowed(base))
    for place in list(_swallowed(after))[had:]:
        what = f"failures of assertions in {quoted(name)} are caught"
        notes.append(Note(kind="loosened", line=getattr(place, "lineno", after.lineno), what=what))
    return notes[:MOST]


def is_trivial(node: ast.Assert | ast.Call) -> bool:
    """An assertion that is true whatever the product does."""
    if isinstance(node, ast.Assert):
        return _always(node.test)
    last = dotted(node).rsplit(".", 1)[-1]
    if last in ("assertTrue", "assertIsNotNone", "assert_"):
        return bool(node.args) and _always(node.args[0])
    if last in ("assertEqual", "assertIs", "assertEquals") and len(node.args) >= 2:
        return ast.dump(node.args[0]) == ast.dump(node.args[1])
    return False


def _always(test: ast.expr) -> bool:
    if isinstance(test, ast.Constant):
        return bool(test.value)
    if isinstance(test, (ast.Tuple, ast.List)):
        return bool(test.elts)  # assert (x, "message")
    if isinstance(test, ast.BoolOp) and isinstance(test.op, ast.Or):
        return any(_always(value) for value in test.values)
    if isinstance(test, ast.Compare) and len(test.ops) == 1 and isinstance(test.ops[0], (ast.Eq, ast.Is)):
        return ast.dump(test.left) == ast.dump(test.comparators[0])
    return False


def _swallowed(function: Function) -> Iterator[ast.AST]:
    """Places that hold assertions and catch what they raise."""
    for node in ast.walk(function):
        if isinstance(node, ast.Try) and any(_catches(handler) for handler in node.handlers):
            if any(is_assertion(inner) for statement in node.body for inner in ast.walk(statement)):
                yield node
        elif isinstance(node, (ast.With, ast.AsyncWith)) and any(
            dotted(item.context_expr).rsplit(".", 1)[-1] in _SWALLOWING for item in node.items
        ):
            yield node


def _catches(handler: ast.ExceptHandler) -> bool:
    types = [handler.type] if not isinstance(handler.type, ast.Tuple) else list(handler.type.elts)
    wide = {"", "AssertionError", "Exception", "BaseException"}
    caught = any(each is None or dotted(each).rsplit(".", 1)[-1] in wide for each in types)
    return caught and not any(isinstance(node, ast.Raise) for node in ast.walk(handler))
