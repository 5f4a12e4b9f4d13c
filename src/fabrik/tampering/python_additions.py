"""What may be added to a Python test file without touching what is already there."""

from __future__ import annotations

import ast
from collections.abc import Collection, Iterable
from dataclasses import dataclass

from fabrik.tampering.notes import Note
from fabrik.tampering.python_skips import holds_skip_marker, is_skip_call
from fabrik.tampering.python_source import (
    Function,
    bound,
    dotted,
    fixtures_asked,
    looked_up,
    said,
)
from fabrik.tampering.text import named, quoted

_RUN_BY_NAME = named(
    "setup_module teardown_module setup_function teardown_function setUpModule tearDownModule load_tests"
    " setup teardown __getattr__ __dir__"
)
# Methods that the runner calls, or by which a class says how it judges.
_METHODS = named(
    "setUp tearDown setUpClass tearDownClass asyncSetUp asyncTearDown setup_method teardown_method"
    " setup_class teardown_class setup teardown run debug fail id skipTest subTest doCleanups addCleanup"
    " failureException countTestCases defaultTestResult"
)
READ_BY_NAME = named(
    "pytestmark pytest_plugins collect_ignore collect_ignore_glob __test__ __unittest_skip__"
)
BUILTIN_FIXTURES = named(
    "tmp_path tmp_path_factory tmpdir tmpdir_factory monkeypatch capsys capfd capsysbinary capfdbinary"
    " caplog request recwarn pytestconfig cache record_property testdir pytester doctest_namespace"
    " event_loop mocker"
)
_ENDING = named("sys.exit os._exit os.abort exit quit os.kill pytest.exit")
_REACHING = named("exec eval setattr delattr __import__ compile globals vars")
_PURE = named(
    "re.compile frozenset set dict list tuple range len sorted sum min max str int float bool bytes"
    " bytearray object zip enumerate map filter textwrap.dedent dedent namedtuple timedelta datetime date"
    " uuid.uuid4 os.path.join os.path.dirname os.path.abspath os.path.realpath getLogger logging.getLogger"
    " os.environ.get os.getenv json.loads json.dumps"
)


@dataclass(frozen=True, kw_only=True)
class Taken:
    """Names that mean something to the tests of the base."""

    names: frozenset[str]  # bound or looked up at the level of the module
    fixtures: frozenset[str]  # asked for by argument


def taken_by(body: list[ast.stmt]) -> Taken:
    names = looked_up(body)
    for statement in body:
        names |= bound(statement)
    return Taken(names=frozenset(names), fixtures=frozenset(fixtures_asked(body)))


def on_addition(statement: ast.stmt, taken: Taken) -> list[Note]:
    """What to say of a statement added to a module. Nothing: it cannot touch the tests of the base."""
    if isinstance(statement, (ast.Import, ast.ImportFrom)):
        return _on_import(statement, taken)
    clash = sorted(bound(statement) & (taken.names | READ_BY_NAME))
    if clash and not (isinstance(statement, ast.Assign) and clash[0] in READ_BY_NAME):
        return [_changed(statement, f"the name {quoted(clash[0])}, which the tests use, is bound anew")]
    if isinstance(statement, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)) and (
        reaching := _on_reaching(statement, taken.names)
    ):
        return reaching
    if isinstance(statement, (ast.FunctionDef, ast.AsyncFunctionDef)):
        return _on_function(statement, taken)
    if isinstance(statement, ast.ClassDef):
        return [note for part in statement.body for note in _on_class_part(part)] + _on_calls(
            [*statement.decorator_list, *statement.bases, *statement.keywords]
        )
    if isinstance(statement, (ast.Assign, ast.AnnAssign)):
        return _on_assignment(statement)
    if isinstance(statement, ast.If) and _is_guard(statement):
        return []
    if isinstance(statement, ast.Expr):
        return _on_expression(statement)
    if isinstance(statement, (ast.Pass, ast.Assert)):
        return []
    if isinstance(statement, ast.Raise):
        return [Note(kind="skipped", line=statement.lineno, what="the module raises when it is loaded")]
    return [_runs(statement, said(statement))]


def on_method(statement: ast.stmt, mentioned: frozenset[str], outer: frozenset[str]) -> list[Note]:
    """What to say of a statement that was added to an existing test class.

    mentioned: names and attributes that the class of the base speaks of. outer: names of its module.
    """
    names = bound(statement)
    clash = sorted(
        name
        for name in names
        if name in mentioned or name in _METHODS | READ_BY_NAME or name.startswith(("__", "assert"))
    )
    if clash:
        what = f"{quoted(clash[0])} was added to an existing test class"
        if clash[0] in READ_BY_NAME:
            return [Note(kind="skipped", line=statement.lineno, what=what)]
        return [Note(kind="hook" if clash[0] in _METHODS else "changed", line=statement.lineno, what=what)]
    if isinstance(statement, (ast.FunctionDef, ast.AsyncFunctionDef)):
        if reaching := _on_reaching(statement, outer):
            return reaching
        if is_autouse(statement):
            what = f"{quoted(statement.name)} runs around every test of its class"
            return [Note(kind="hook", line=statement.lineno, what=what)]
        return _on_calls(statement.decorator_list)
    if isinstance(statement, (ast.Assign, ast.AnnAssign, ast.ClassDef)):
        return _on_calls([statement])
    return [_changed(statement, "a statement was added to the body of an existing test class")]


def is_fixture(function: Function) -> bool:
    return any(dotted(each).rsplit(".", 1)[-1] == "fixture" for each in function.decorator_list)


def is_autouse(function: Function) -> bool:
    return any(
        keyword.arg in ("autouse", None)
        and not (isinstance(keyword.value, ast.Constant) and not keyword.value.value)
        for each in function.decorator_list
        if isinstance(each, ast.Call) and dotted(each).rsplit(".", 1)[-1] == "fixture"
        for keyword in each.keywords
    )


def fixture_names(function: Function) -> set[str]:
    names = {function.name}
    for each in function.decorator_list:
        for keyword in each.keywords if isinstance(each, ast.Call) else ():
            if keyword.arg == "name" and isinstance(keyword.value, ast.Constant):
                names.add(str(keyword.value.value))
    return names


def _on_import(statement: ast.Import | ast.ImportFrom, taken: Taken) -> list[Note]:
    if isinstance(statement, ast.ImportFrom) and statement.module == "__future__":
        return []
    for alias in statement.names:
        name = (alias.asname or alias.name).split(".")[0]
        plain = isinstance(statement, ast.Import) and alias.asname is None and "." in alias.name
        if name == "*":
            return [_runs(statement, said(statement))]
        if name in taken.names and not plain:
            return [_changed(statement, f"{quoted(said(statement))} gives the tests another {quoted(name)}")]
    return []


def _on_function(function: Function, taken: Taken) -> list[Note]:
    if function.name in _RUN_BY_NAME or function.name.startswith("pytest_"):
        what = f"{quoted(function.name)} is run by the test runner itself"
        return [Note(kind="hook", line=function.lineno, what=what)]
    if is_fixture(function):
        if is_autouse(function):
            what = f"the fixture {quoted(function.name)} runs around every test (autouse)"
            return [Note(kind="hook", line=function.lineno, what=what)]
        clash = sorted(fixture_names(function) & (taken.fixtures | BUILTIN_FIXTURES))
        if clash:
            what = f"the fixture {quoted(clash[0])} takes the place of the one that tests ask for"
            return [Note(kind="hook", line=function.lineno, what=what)]
    defaults = [*function.args.defaults, *(each for each in function.args.kw_defaults if each)]
    return _on_calls([*function.decorator_list, *defaults], decorating=True)


def _on_reaching(definition: ast.stmt, taken: Collection[str]) -> list[Note]:
    """What a new test does to names and modules that the tests of the base use, when it runs before them."""
    for node in ast.walk(definition):
        if isinstance(node, (ast.Global, ast.Nonlocal)) and set(node.names) & set(taken):
            name = sorted(set(node.names) & set(taken))[0]
            return [
                _changed(node, f"the name {quoted(name)}, which the tests use, is bound anew by a new test")
            ]
        if isinstance(node, ast.Attribute) and isinstance(node.ctx, (ast.Store, ast.Del)):
            root = dotted(node).split(".")[0]
            if root in taken:
                what = f"a new test sets {quoted(said(node))}, which other tests may see"
                return [Note(kind="hook", line=node.lineno, what=what, holds=False)]
    return []


def _on_class_part(part: ast.stmt) -> list[Note]:
    if isinstance(part, (ast.FunctionDef, ast.AsyncFunctionDef)):
        return _on_calls(part.decorator_list, decorating=True)
    if isinstance(part, (ast.Assign, ast.AnnAssign, ast.ClassDef)):
        return _on_calls([part])
    return [] if isinstance(part, ast.Pass) else [_runs(part, said(part))]


def _on_assignment(statement: ast.Assign | ast.AnnAssign) -> list[Note]:
    targets = statement.targets if isinstance(statement, ast.Assign) else [statement.target]
    value = statement.value
    for target in targets:
        if isinstance(target, ast.Name) and target.id in READ_BY_NAME:
            skips = target.id != "pytestmark" or (value is not None and holds_skip_marker(value))
            what = f"{quoted(said(statement))} is read by the test runner"
            return [Note(kind="skipped" if skips else "changed", line=statement.lineno, what=what)]
        if isinstance(target, ast.Name) and target.id.startswith("__"):
            return [_changed(statement, f"{quoted(target.id)} is set")]
        if isinstance(target, (ast.Attribute, ast.Subscript)):
            if dotted(getattr(target, "value", target)).split(".")[0] == "os":
                return [_runs(statement, said(statement))]  # os.environ["X"] = …
            return [_changed(statement, f"{quoted(said(target))} of something else is set")]
    return [] if value is None else _on_calls([value])


def _on_expression(statement: ast.Expr) -> list[Note]:
    value = statement.value
    if not isinstance(value, ast.Call):
        return [] if isinstance(value, ast.Constant) else [_runs(statement, said(statement))]
    if is_skip_call(value):
        what = f"the whole module is skipped: {quoted(said(value))}"
        return [Note(kind="skipped", line=statement.lineno, what=what)]
    return [_runs(statement, said(statement))] if not (found := _on_calls([value], bare=True)) else found


def _on_calls(nodes: Iterable[ast.AST], *, decorating: bool = False, bare: bool = False) -> list[Note]:
    """Calls that happen when the module is loaded, within the given nodes."""
    for node in nodes:
        for call in ast.walk(node):
            if not isinstance(call, ast.Call):
                continue
            name = dotted(call)
            last = name.rsplit(".", 1)[-1]
            if name in _ENDING or name in _REACHING:
                what = f"{quoted(said(call))} runs when the file is loaded"
                return [Note(kind="hook", line=call.lineno, what=what)]
            pure = decorating or name in _PURE or last[:1].isupper() or name.startswith(("pytest.", "Path."))
            if not pure and not bare and isinstance(call.func, (ast.Name, ast.Attribute)) and name:
                return [_runs(call, said(call))]
    return []


def _is_guard(statement: ast.If) -> bool:
    """`if __name__ == "__main__":` and `if TYPE_CHECKING:`, without an else."""
    test = statement.test
    if statement.orelse:
        return False
    if isinstance(test, ast.Compare) and len(test.ops) == 1 and isinstance(test.ops[0], ast.Eq):
        right = test.comparators[0]
        return (
            dotted(test.left) == "__name__" and isinstance(right, ast.Constant) and right.value == "__main__"
        )
    return dotted(test) in ("TYPE_CHECKING", "typing.TYPE_CHECKING")


def _runs(node: ast.stmt | ast.expr, what: str) -> Note:
    text = f"what was added runs when the file is loaded: {quoted(what)}"
    return Note(kind="hook", line=node.lineno, what=text, holds=False)


def _changed(node: ast.stmt, what: str) -> Note:
    return Note(kind="changed", line=node.lineno, what=what)
