"""Files that an interpreter or a test runner runs by itself."""

from __future__ import annotations

import ast
import posixpath
import re
from collections.abc import Iterator, Sequence

from fabrik.tampering.model import ChangedFile, FileVersion
from fabrik.tampering.notes import Found, Note
from fabrik.tampering.protected import Protection
from fabrik.tampering.python_additions import Taken, fixture_names, is_autouse, is_fixture, on_addition
from fabrik.tampering.python_source import dotted, parsed
from fabrik.tampering.text import quoted, text_of

_BY_ITSELF = frozenset({"sitecustomize", "usercustomize"})
_PYTHON_ENDS = (".py", ".pyc", ".so", ".pyd")
_TEST_MAIN = re.compile(r"^func TestMain\(", re.M)
_INIT = re.compile(r"^func init\(\)", re.M)
_EXITS_AS_RUN = re.compile(r"os\.Exit\(\s*(?:m\.Run\(\)|code|exitCode|exit|ret|rc|result|v|c|status)\s*\)")
_NOTHING = Taken(names=frozenset(), fixtures=frozenset())


def hooks(changes: Sequence[ChangedFile], protection: Protection) -> Iterator[Found]:
    """New hooks. (Those that the base had are protected files.)"""
    for change in changes:
        if change.before is not None or change.after is None:
            continue
        name = posixpath.basename(change.path)
        stem = name.split(".")[0]
        if stem in _BY_ITSELF and name.endswith(_PYTHON_ENDS):
            yield _hook(change.path, f"{quoted(name)} is run by every Python that finds it")
        elif stem in _BY_ITSELF and name == stem:
            yield _hook(change.path, f"a link called {quoted(name)} leads to code that every Python runs")
        elif name.endswith(".pth"):
            yield _hook(change.path, "a .pth file makes Python load code by itself")
        elif name == "conftest.py":
            yield from _new_conftest(change.path, change.after, protection)
        elif name.endswith("_test.go"):
            yield from _test_main(change.path, change.after)
        elif name == "__init__.py":
            folder = posixpath.basename(posixpath.dirname(change.path))
            if folder in _BY_ITSELF:
                yield _hook(change.path, f"{quoted(folder)} is run by every Python that finds it")
            elif protection.why(change.path) == "test":
                about = "it is loaded before the tests beside it"
                yield from _new_conftest(change.path, change.after, protection, about)
        elif "__mocks__/" in change.path:
            what = "modules of this name may be replaced by it in every test"
            yield Found(kind="shadow", path=change.path, line=None, what=what, holds=False)


def _new_conftest(
    path: str, after: FileVersion, protection: Protection, about: str = "pytest runs it by itself"
) -> Iterator[Found]:
    tree = parsed(after)
    if tree is None:
        if after.content.strip():
            yield _hook(path, f"{about}, and it cannot be read here")
        return
    folder = posixpath.dirname(path)
    over = any(_is_python_test(each) and _below(each, folder) for each in protection.base_paths)
    quiet = True
    for statement in tree.body:
        for note in on_conftest(statement, over=over):
            quiet = False
            yield Found(
                kind="hook", path=path, line=note.line, what=note.what, holds=note.holds, remove=note.holds
            )
    if quiet and tree.body and over and path.endswith("conftest.py"):
        what = "it defines fixtures for existing tests and nothing else"
        yield Found(kind="hook", path=path, line=None, what=what, holds=False)


def on_conftest(statement: ast.stmt, *, over: bool) -> list[Note]:
    """What to say of a statement in a new conftest. `over`: tests of the base lie below it."""
    if isinstance(statement, (ast.FunctionDef, ast.AsyncFunctionDef)):
        if is_harmless_hook(statement):
            return []
        if is_fixture(statement) and not over and fixture_names(statement).isdisjoint({"request"}):
            what = f"the fixture {quoted(statement.name)} runs around every test (autouse)"
            told = Note(kind="hook", line=statement.lineno, what=what, holds=False)
            return [told] if is_autouse(statement) else []
    if isinstance(statement, ast.Expr) and isinstance(statement.value, ast.Call):
        name = dotted(statement.value)
        if name in ("sys.path.insert", "sys.path.append", "os.environ.setdefault"):
            what = f"it prepares the tests: {quoted(ast.unparse(statement))}"
            return [Note(kind="hook", line=statement.lineno, what=what, holds=False)]
    if _sets_environment(statement):
        what = f"it prepares the tests: {quoted(ast.unparse(statement))}"
        return [Note(kind="hook", line=statement.lineno, what=what, holds=False)]
    if isinstance(statement, ast.Assign) and _is_plugin_list(statement):
        return []
    found = on_addition(statement, _NOTHING)
    calls = isinstance(statement, (ast.Assign, ast.AnnAssign))
    return [
        note if note.holds or calls else Note(kind="hook", line=note.line, what=note.what) for note in found
    ]


def is_harmless_hook(function: ast.FunctionDef | ast.AsyncFunctionDef) -> bool:
    """Hooks that only register markers or options."""
    wanted = {"pytest_configure": "addinivalue_line", "pytest_addoption": "addoption"}.get(function.name)
    return wanted is not None and all(
        isinstance(each, ast.Expr)
        and isinstance(each.value, ast.Call)
        and dotted(each.value).rsplit(".", 1)[-1] == wanted
        and not any(isinstance(node, ast.Call) for arg in each.value.args for node in ast.walk(arg))
        and (wanted != "addinivalue_line" or _first_text(each.value) == "markers")
        for each in function.body
    )


def _first_text(call: ast.Call) -> str:
    first = call.args[0] if call.args else None
    return str(first.value) if isinstance(first, ast.Constant) else ""


def _is_plugin_list(statement: ast.Assign) -> bool:
    named = [each.id for each in statement.targets if isinstance(each, ast.Name)]
    values = [node.value for node in ast.walk(statement.value) if isinstance(node, ast.Constant)]
    return named == ["pytest_plugins"] and values == ["pytester"]


def _sets_environment(statement: ast.stmt) -> bool:
    return isinstance(statement, ast.Assign) and all(
        isinstance(target, ast.Subscript)
        and dotted(target.value) == "os.environ"
        and isinstance(statement.value, ast.Constant)
        and isinstance(target.slice, ast.Constant)
        and not str(target.slice.value).startswith(("PYTHON", "PYTEST", "PATH", "LD_", "NODE_"))
        for target in statement.targets
    )


def _test_main(path: str, after: FileVersion) -> Iterator[Found]:
    text = text_of(after) or ""
    match = _TEST_MAIN.search(text)
    started = _INIT.search(text)
    if started is not None:
        line = text.count("\n", 0, started.start()) + 1
        what = "init runs before all tests of its package"
        yield Found(kind="hook", path=path, line=line, what=what, holds=False)
    if match is None:
        return
    holds = "m.Run()" not in text or not _EXITS_AS_RUN.search(text)
    if "m.Run()" in text and "os.Exit" not in text:
        holds = False  # since Go 1.15 the result of m.Run is the exit status by itself
    what = "TestMain runs all tests of its package" + (", and decides how they end" if holds else "")
    line = text.count("\n", 0, match.start()) + 1
    yield Found(kind="hook", path=path, line=line, what=what, holds=holds, remove=holds)


def _hook(path: str, what: str) -> Found:
    return Found(kind="hook", path=path, line=None, what=what, holds=True, remove=True)


def _is_python_test(path: str) -> bool:
    name = posixpath.basename(path)
    return name.endswith(".py") and (name.startswith("test") or name.endswith("_test.py"))


def _below(path: str, folder: str) -> bool:
    return not folder or path.startswith(folder + "/")
