"""Ways in which Python tests are not run, or not believed when they fail."""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator

from fabrik.tampering.notes import Note
from fabrik.tampering.python_source import Function, dotted, said
from fabrik.tampering.text import named, quoted

_MARKERS = named("skip skipif skipIf skipUnless xfail expectedFailure")
_CALLS = named("skip xfail importorskip skipTest SkipTest Skipped exit")
_TEST_ROOTS = named("pytest unittest self t SkipTest skip xfail importorskip skipTest nose")


def is_skip_marker(node: ast.AST) -> bool:
    """A decorator or mark that skips, or expects failure."""
    return dotted(node).rsplit(".", 1)[-1] in _MARKERS


def holds_skip_marker(node: ast.AST) -> bool:
    return any(is_skip_marker(part) for part in ast.walk(node) if isinstance(part, (ast.Attribute, ast.Name)))


def is_skip_call(node: ast.AST) -> bool:
    """`pytest.skip(…)`, `self.skipTest(…)`, `SkipTest`."""
    name = dotted(node)
    root, _, last = name.partition(".")
    return name.rsplit(".", 1)[-1] in _CALLS and (root in _TEST_ROOTS) and bool(last or root in _CALLS)


def skips_inside(body: Iterable[ast.stmt]) -> Iterator[ast.AST]:
    for statement in body:
        for node in ast.walk(statement):
            if (isinstance(node, ast.Call) and is_skip_call(node)) or (
                isinstance(node, ast.Raise) and node.exc is not None and is_skip_call(node.exc)
            ):
                yield node


def new_skips(name: str, base: Function, after: Function) -> list[Note]:
    """Skips that an existing test got: markers, calls, an early return, a condition that is never true."""
    had = {ast.dump(marker) for marker in base.decorator_list}
    notes = [
        _note(marker.lineno, f"{quoted(name)} got the marker {quoted(said(marker))}")
        for marker in after.decorator_list
        if is_skip_marker(marker) and ast.dump(marker) not in had
    ]
    if not list(skips_inside(base.body)):
        for node in skips_inside(after.body):
            notes.append(_note(getattr(node, "lineno", after.lineno), f"{quoted(name)} skips itself now"))
            break
    if (early := _ends_early(after)) and not _ends_early(base):
        notes.append(_note(early, f"{quoted(name)} returns before its assertions"))
    if (dead := _never(after)) and not _never(base):
        notes.append(_note(dead, f"{quoted(name)} has a part that never runs"))
    if _is_generator(after) and not _is_generator(base):
        notes.append(_note(after.lineno, f"{quoted(name)} became a generator, which is not run as a test"))
    return notes


def _note(line: int, what: str) -> Note:
    return Note(kind="skipped", line=line, what=f"the test {what}")


def _ends_early(function: Function) -> int | None:
    """A return at the level of the body with more after it, or before any statement that can fail."""
    for statement in function.body:
        if isinstance(statement, (ast.Return, ast.Raise)) and statement is not function.body[-1]:
            return statement.lineno
        if isinstance(statement, ast.Return) and len(function.body) == 1:
            return statement.lineno
        if isinstance(statement, ast.If) and any(isinstance(inner, ast.Return) for inner in statement.body):
            return statement.lineno
    return None


def _never(function: Function) -> int | None:
    for node in ast.walk(function):
        if isinstance(node, (ast.If, ast.While)) and is_false(node.test):
            return node.lineno
    return None


def is_false(test: ast.expr) -> bool:
    """A condition that is false whatever happens."""
    if isinstance(test, ast.UnaryOp) and isinstance(test.op, ast.Not):
        return isinstance(test.operand, ast.Constant) and bool(test.operand.value)
    if isinstance(test, ast.BoolOp) and isinstance(test.op, ast.And):
        return any(is_false(value) for value in test.values)
    return isinstance(test, ast.Constant) and not test.value


def _is_generator(function: Function) -> bool:
    waiting: list[ast.AST] = list(function.body)
    while waiting:
        node = waiting.pop()
        if isinstance(node, (ast.Yield, ast.YieldFrom)):
            return True
        if not isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda, ast.ClassDef)):
            waiting.extend(ast.iter_child_nodes(node))
    return False
