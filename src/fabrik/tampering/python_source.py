"""Python sources as trees, without what has no effect. Hostile sources give None, never an error."""

from __future__ import annotations

import ast
import warnings
from collections.abc import Iterable, Iterator

from fabrik.tampering.model import FileVersion
from fabrik.tampering.text import effort, is_regular

MAX_PYTHON = 900_000  # effort for a source that is parsed (`text.effort`): about 600 kB
Function = ast.FunctionDef | ast.AsyncFunctionDef
Definition = ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef


def parsed(version: FileVersion | None) -> ast.Module | None:
    """The tree of a source, without docstrings and annotations of functions. None: it cannot be read."""
    if version is None or not is_regular(version) or effort(version.content) > MAX_PYTHON:
        return None
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # invalid escapes are the author's business
            tree = ast.parse(version.content)
        _strip(tree)
        ast.dump(tree)  # too deep for this is too deep for everything that follows
    except (SyntaxError, ValueError, RecursionError, MemoryError, OverflowError, LookupError):
        return None
    return tree


def _strip(tree: ast.Module) -> None:
    for node in ast.walk(tree):
        if isinstance(node, (ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)):
            first = node.body[0] if node.body else None
            if isinstance(first, ast.Expr) and isinstance(first.value, ast.Constant):
                node.body = node.body[1:]
            if node.body and all(isinstance(statement, ast.Pass) for statement in node.body):
                node.body = []
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
            node.returns = None
            for arg in arguments(node):
                arg.annotation = None


def arguments(node: Function) -> list[ast.arg]:
    every = [*node.args.posonlyargs, *node.args.args, *node.args.kwonlyargs]
    return every + [arg for arg in (node.args.vararg, node.args.kwarg) if arg is not None]


def shape(node: ast.AST | Iterable[ast.AST]) -> str:
    """What a node says, wherever it stands."""
    if isinstance(node, ast.AST):
        return ast.dump(node)
    return "\n".join(ast.dump(each) for each in node)


def dotted(node: ast.AST) -> str:
    """`pytest.mark.skip` of the expression (also when it is called); "" when it is something else."""
    parts: list[str] = []
    while True:
        if isinstance(node, ast.Call):
            node = node.func
        elif isinstance(node, ast.Attribute):
            parts.append(node.attr)
            node = node.value
        elif isinstance(node, ast.Name):
            parts.append(node.id)
            return ".".join(reversed(parts))
        else:
            return ""


def said(node: ast.AST) -> str:
    """The node as source text."""
    try:
        return ast.unparse(node)
    except (RecursionError, ValueError):
        return type(node).__name__


def bound(statement: ast.stmt) -> set[str]:
    """Names that a top-level statement binds in its module."""
    if isinstance(statement, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
        return {statement.name}
    names: set[str] = set()
    for node in _here(statement):
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
            names.add(node.name)
        elif isinstance(node, (ast.Import, ast.ImportFrom)):
            names |= {(alias.asname or alias.name).split(".")[0] for alias in node.names}
        elif isinstance(node, ast.Name) and not isinstance(node.ctx, ast.Load):
            names.add(node.id)
        elif isinstance(node, ast.ExceptHandler) and node.name:
            names.add(node.name)
    return names


def _here(statement: ast.AST) -> Iterator[ast.AST]:
    """The nodes of a statement that belong to its own scope."""
    waiting = [statement]
    while waiting:
        node = waiting.pop()
        yield node
        if not isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef, ast.Lambda)):
            waiting.extend(ast.iter_child_nodes(node))


def looked_up(body: Iterable[ast.stmt]) -> set[str]:
    """Names that the statements may look up in their module: what they load and do not bind themselves."""
    names: set[str] = set()
    for statement in body:
        if isinstance(statement, ast.ClassDef):
            names |= looked_up(statement.body)
            rest: list[ast.AST] = [*statement.bases, *statement.keywords, *statement.decorator_list]
            names |= {node.id for part in rest for node in ast.walk(part) if isinstance(node, ast.Name)}
            continue
        loads: set[str] = set()
        stores: set[str] = set()
        for node in ast.walk(statement):
            if isinstance(node, ast.Name):
                (loads if isinstance(node.ctx, ast.Load) else stores).add(node.id)
            elif isinstance(node, ast.arg):
                stores.add(node.arg)
                loads.discard(node.arg)
        own = isinstance(statement, (ast.FunctionDef, ast.AsyncFunctionDef))
        names |= loads - stores if own else loads
    return names


def fixtures_asked(body: Iterable[ast.stmt]) -> set[str]:
    """Names of all arguments of functions: pytest gives them by name."""
    return {node.arg for statement in body for node in ast.walk(statement) if isinstance(node, ast.arg)}
