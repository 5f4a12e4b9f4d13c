"""Compares a Python file of tests with its base: is it the same, merely extended, or changed?"""

from __future__ import annotations

import ast
import bisect
from collections.abc import Collection, Iterable

from fabrik.tampering.model import FileVersion
from fabrik.tampering.notes import SAME, Compared, Note, standing_of
from fabrik.tampering.python_additions import READ_BY_NAME, on_addition, on_method, taken_by
from fabrik.tampering.python_function import compare_functions
from fabrik.tampering.python_skips import holds_skip_marker, is_skip_call, is_skip_marker
from fabrik.tampering.python_source import Definition, Function, bound, looked_up, parsed, said, shape
from fabrik.tampering.python_tables import more_rows, table_of, tables
from fabrik.tampering.text import quoted

MOST_TABLES = 200  # of one file whose rows are compared
MOST = 10  # remarks on one file
_DEFINITIONS = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)


def compare_python(
    before: FileVersion, after: FileVersion, *, elsewhere: Collection[str] = frozenset()
) -> Compared | None:
    """Compare two versions. None: one of them is no Python that can be read.

    elsewhere: the bodies (`body_of`) of tests in other changed test files: what is gone may have moved there.
    """
    base, candidate = parsed(before), parsed(after)
    if base is None or candidate is None:
        return None
    if shape(base) == shape(candidate):
        return SAME
    try:
        notes, added = _Comparison(base, candidate, elsewhere).run()
    except RecursionError:
        return None
    return Compared(standing=standing_of(notes, added=added), notes=tuple(notes[:MOST]))


def is_test_name(name: str) -> bool:
    """Is a function or class of this name collected by pytest or unittest?"""
    return name.startswith(("test", "Test"))


def body_of(function: Function) -> str:
    """What a test does, whatever its name."""
    return shape([function.args, *function.body])


def bodies_in(tree: ast.Module) -> set[str]:
    """The bodies of all tests that a runner collects from a module and does not skip."""
    if _is_switched_off(tree.body):
        return set()
    classes = [
        node.body
        for node in tree.body
        if isinstance(node, ast.ClassDef)
        and (is_test_name(node.name) or node.bases)
        and not _is_switched_off(node.body)
        and not any(map(is_skip_marker, node.decorator_list))
    ]
    return {
        body_of(function)
        for body in [tree.body, *classes]
        for function in body
        if isinstance(function, (ast.FunctionDef, ast.AsyncFunctionDef))
        and is_test_name(function.name)
        and not any(map(is_skip_marker, function.decorator_list))
    }


def _is_switched_off(body: Iterable[ast.stmt]) -> bool:
    """Is a module or class skipped, or taken out of the collection, as a whole?"""
    for statement in body:
        if isinstance(statement, (ast.Assign, ast.AnnAssign)) and statement.value is not None:
            names = bound(statement)
            if "__test__" in names or ("pytestmark" in names and holds_skip_marker(statement.value)):
                return True
        elif isinstance(statement, ast.Expr) and is_skip_call(statement.value):
            return True
    return False


class _Comparison:
    def __init__(self, base: ast.Module, after: ast.Module, elsewhere: Collection[str]) -> None:
        self.base, self.after = base, after
        self.elsewhere = set(elsewhere) | bodies_in(after)
        self.taken = taken_by(base.body)
        self.notes: list[Note] = []
        self.added = False
        self.tables = tables(base.body)
        self.settled: set[str] = set()  # names whose new value is judged already
        self.named: dict[str, Function] | None = None  # by their bodies

    def run(self) -> tuple[list[Note], bool]:
        self._imports()
        inserted = self._sequence(_rest(self.base.body), _rest(self.after.body))
        for statement in inserted:
            self.added = True
            if (
                bound(statement)
                and bound(statement) <= self.settled
                and not isinstance(statement, _DEFINITIONS)
            ):
                continue
            self.notes += on_addition(statement, self.taken)
        return self.notes, self.added

    def _imports(self) -> None:
        had, has = _aliases(self.base.body), _aliases(self.after.body)
        used = looked_up(self.after.body) | _exported(self.after.body)
        for key, statement in had.items():
            name = (key[3] or key[2]).split(".")[0]
            if key not in has and (name in used or name == "*"):
                what = f"the import of {quoted(name)} is gone or comes from elsewhere"
                self.notes.append(Note(kind="changed", line=statement.lineno, what=what))
        roots = {(key[3] or key[2]).split(".")[0] for key in had}
        for key, statement in has.items():
            if key in had:
                continue
            self.added = True
            single = _single(statement, key)
            # `import os.path` beside `import os` binds the same module.
            if not (isinstance(single, ast.Import) and key[3] is None and key[2].split(".")[0] in roots):
                self.notes += on_addition(single, self.taken)

    def _sequence(self, base: list[ast.stmt], after: list[ast.stmt]) -> list[ast.stmt]:
        """Find every statement of the base again; what is left over was added."""
        had, definitions = _last(base), _last(after)  # a later definition takes the place of an earlier one
        left: list[ast.stmt] = [
            each for each in after if isinstance(each, _DEFINITIONS) and definitions[each.name] is not each
        ]
        rest: list[ast.stmt] = [each for each in after if not isinstance(each, _DEFINITIONS)]
        places: dict[str, list[int]] = {}
        for number, statement in enumerate(rest):
            places.setdefault(shape(statement), []).append(number)
        position = 0
        for statement in base:
            if isinstance(statement, _DEFINITIONS):
                if had[statement.name] is statement:
                    self._definition(statement, definitions.pop(statement.name, None))
                continue
            numbers = places.get(shape(statement), [])
            at = bisect.bisect_left(numbers, position)
            if at == len(numbers):
                if not self._table_grows(statement, rest):
                    self._gone(statement, rest)
                continue
            found = numbers[at]
            left += rest[position:found]
            position = found + 1
        left += rest[position:]
        left.extend(definitions.values())
        return sorted(left, key=lambda each: each.lineno)

    def _table_grows(self, statement: ast.stmt, rest: list[ast.stmt]) -> bool:
        """Did a table of cases only get more rows?"""
        table = table_of(statement)
        if table is None or table[0] not in self.tables or len(self.settled) > MOST_TABLES:
            return False
        others = [found for each in rest if (found := table_of(each)) and found[0] == table[0]]
        if len(others) != 1 or not more_rows(table[1], others[0][1]):
            return False
        self.settled.add(table[0])
        return True

    def _gone(self, statement: ast.stmt, rest: list[ast.stmt]) -> None:
        if isinstance(statement, ast.Assign) and _is_mark(statement) and holds_skip_marker(statement.value):
            return  # whoever takes a skip away makes the tests stricter; another mark in its place was added
        if len(self.notes) >= MOST:
            return
        names = bound(statement)
        self.settled |= names - READ_BY_NAME
        again = next((each for each in rest if bound(each) & names), None)
        what = f"{quoted(said(statement))} is gone or was changed"
        line = again.lineno if again is not None else statement.lineno
        self.notes.append(Note(kind="changed", line=line, what=what))

    def _definition(self, base: Definition, after: Definition | None) -> None:
        if after is None:
            self._missing(base)
        elif shape(base) == shape(after):
            return
        elif isinstance(base, ast.ClassDef) and isinstance(after, ast.ClassDef):
            self._class(base, after)
        elif not isinstance(base, ast.ClassDef) and not isinstance(after, ast.ClassDef):
            if type(base) is not type(after):
                kind = "plain" if isinstance(base, ast.AsyncFunctionDef) else "async"
                what = f"{quoted(base.name)} became {kind}"
                self.notes.append(Note(kind="changed", line=after.lineno, what=what))
            extended, notes = compare_functions(base, after)
            self.notes += notes
            self.added = self.added or extended
        else:
            what = f"{quoted(base.name)} is another kind of definition now"
            self.notes.append(Note(kind="changed", line=after.lineno, what=what))

    def _class(self, base: ast.ClassDef, after: ast.ClassDef) -> None:
        if [shape(each) for each in (base.bases, base.keywords)] != [
            shape(each) for each in (after.bases, after.keywords)
        ]:
            what = f"the class {quoted(base.name)} has other bases"
            self.notes.append(Note(kind="changed", line=after.lineno, what=what))
        self.notes += class_markers(base, after)
        mentioned = _mentioned(base)
        inner = _Comparison(
            ast.Module(body=base.body, type_ignores=[]),
            ast.Module(body=after.body, type_ignores=[]),
            self.elsewhere,
        )
        for statement in inner._sequence(base.body, after.body):
            self.added = True
            self.notes += on_method(statement, mentioned, self.taken.names)
        self.notes += inner.notes
        self.added = self.added or inner.added

    def _missing(self, base: Definition) -> None:
        tests: list[ast.stmt] = [base] if not isinstance(base, ast.ClassDef) else base.body
        functions = [each for each in tests if isinstance(each, (ast.FunctionDef, ast.AsyncFunctionDef))]
        judging = [each for each in functions if is_test_name(each.name)]
        if judging and all(body_of(each) in self.elsewhere for each in judging):
            what = f"{quoted(base.name)} moved or got another name; what it does is unchanged"
            self.notes.append(Note(kind="changed", line=None, what=what, holds=False))
            return
        hidden = self._under_another_name(functions)
        if hidden is not None:
            what = f"the test {quoted(base.name)} is {quoted(hidden.name)} now, which is not collected"
            if isinstance(base, ast.ClassDef):
                what = f"the tests of {quoted(base.name)} are not collected any more"
            self.notes.append(Note(kind="skipped", line=hidden.lineno, what=what))
        elif is_test_name(base.name) or judging:
            self.notes.append(
                Note(kind="deleted", line=base.lineno, what=f"the test {quoted(base.name)} is gone")
            )
        else:
            what = f"{quoted(base.name)}, which tests may use, is gone"
            self.notes.append(Note(kind="changed", line=base.lineno, what=what))

    def _under_another_name(self, functions: list[Function]) -> Function | None:
        if self.named is None:
            nodes = [
                each
                for each in ast.walk(self.after)
                if isinstance(each, (ast.FunctionDef, ast.AsyncFunctionDef))
            ]
            self.named = {body_of(each): each for each in nodes}
        bodies = [body_of(each) for each in functions if is_test_name(each.name)]
        return next((self.named[body] for body in bodies if body in self.named), None)


def _last(body: list[ast.stmt]) -> dict[str, Definition]:
    return {each.name: each for each in body if isinstance(each, _DEFINITIONS)}


def class_markers(base: ast.ClassDef, after: ast.ClassDef) -> list[Note]:
    """Decorators that an existing class got or lost."""
    return compare_functions(_as_function(base), _as_function(after))[1]


def _as_function(node: ast.ClassDef) -> ast.FunctionDef:
    nothing = ast.arguments(posonlyargs=[], args=[], kwonlyargs=[], kw_defaults=[], defaults=[])
    made = ast.FunctionDef(name=node.name, args=nothing, body=[], decorator_list=node.decorator_list)
    return ast.copy_location(made, node)


def _mentioned(node: ast.ClassDef) -> frozenset[str]:
    names = {each.attr for each in ast.walk(node) if isinstance(each, ast.Attribute)}
    return frozenset(names | {name for statement in node.body for name in bound(statement)})


_Alias = tuple[int, str, str, str | None]  # level, module, name, asname


def _aliases(body: Iterable[ast.stmt]) -> dict[_Alias, ast.Import | ast.ImportFrom]:
    found: dict[_Alias, ast.Import | ast.ImportFrom] = {}
    for statement in body:
        if isinstance(statement, ast.Import):
            for alias in statement.names:
                found.setdefault((-1, "", alias.name, alias.asname), statement)
        elif isinstance(statement, ast.ImportFrom):
            for alias in statement.names:
                found.setdefault(
                    (statement.level, statement.module or "", alias.name, alias.asname), statement
                )
    return found


def _single(statement: ast.Import | ast.ImportFrom, key: _Alias) -> ast.Import | ast.ImportFrom:
    alias = ast.alias(name=key[2], asname=key[3])
    made: ast.Import | ast.ImportFrom = (
        ast.Import(names=[alias])
        if isinstance(statement, ast.Import)
        else ast.ImportFrom(module=statement.module, names=[alias], level=statement.level)
    )
    return ast.copy_location(made, statement)


def _rest(body: Iterable[ast.stmt]) -> list[ast.stmt]:
    return [each for each in body if not isinstance(each, (ast.Import, ast.ImportFrom))]


def _exported(body: Iterable[ast.stmt]) -> set[str]:
    """Names in `__all__`: others may import them."""
    return {
        str(node.value)
        for statement in body
        if isinstance(statement, ast.Assign) and "__all__" in bound(statement)
        for node in ast.walk(statement)
        if isinstance(node, ast.Constant)
    }


def _is_mark(statement: ast.Assign) -> bool:
    return bound(statement) == {"pytestmark"}
