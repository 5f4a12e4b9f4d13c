"""Product code in Python that ends the process in which it is tested.

A test run that ends early with status 0 passes. So what holds is what can end the whole process with status 0
where a library is loaded or called; a status that says "failed" ends no check well, and a program or a forked
child may end as it likes.
"""

from __future__ import annotations

import ast
import posixpath
import re
from collections.abc import Iterator

from fabrik.tampering.python_places import Place, origin, places
from fabrik.tampering.python_source import dotted, said
from fabrik.tampering.text import named, quoted

Said = tuple[int, str, bool]

_OS = named("os posix nt")
_REPLACES = re.compile(r"exec[lv]p?e?")
_LEAVES = named("sys.exit exit quit SystemExit builtins.exit builtins.quit builtins.SystemExit")
_BY_NAME = named("_exit execv execve execvp execl abort")
_LIBRARY_EXITS = named("exit _exit _Exit quick_exit")
_PROGRAM = re.compile(
    r"(?:.*_)?(?:main|cli|exec\w*|launch\w*|entry\w*|daemon\w*|re_?start\w*|re_?exec\w*)", re.I
)
_STOPS = re.compile(
    r".*(?:main|cli|handle|signal|sig(?:term|int)|shutdown|stop|restart|reload|terminate|interrupt|exit|quit).*",
    re.I,
)
_PROGRAM_FOLDERS = named("scripts script bin tools tool hack examples example docs benchmarks .github ci")
_PROGRAM_FILES = named("__main__.py setup.py manage.py noxfile.py")


def endings(tree: ast.Module, names: dict[str, str], path: str) -> Iterator[Said]:
    """What ends the process, as (line, sentence, whether it holds)."""
    every = list(places(tree, names))
    loaded = _loaded_libraries(tree, names)
    own = _own_processes(tree, names)
    on_import = {dotted(node.func) for node, place in every if isinstance(node, ast.Call) and place.on_import}
    children = {
        dotted(node.func).rsplit(".", 1)[-1]
        for node, place in every
        if isinstance(node, ast.Call) and place.child
    }
    script = _is_program(path)
    leaving: set[str] = set()  # functions that may leave with status 0
    for node, place in every:
        child = place.child or bool(children & set(place.functions))
        if child:
            continue
        program = any(_PROGRAM.fullmatch(each) and each not in on_import for each in place.functions)
        for line, what, holds in _at_once(node, place, names, loaded):
            yield line, what, holds and not place.program and not (program and place.call is not None)
        if isinstance(node, ast.Call):
            yield from _replaced(node, place, names, on_import)
            yield from _signalled(node, place, names, own)
            if _may_leave(node, names) and place.functions:
                leaving.add(place.functions[0])
        if not script and place.on_import and _leaves(node, names):
            yield _line(node), f"it ends the process when it is loaded: {quoted(said(node))}", True
    if not script:
        for node, place in every:
            if isinstance(node, ast.Call) and place.on_import and dotted(node.func) in leaving - {""}:
                yield _line(node), f"it ends the process when it is loaded: {quoted(said(node))}", True


def _at_once(node: ast.AST, place: Place, names: dict[str, str], loaded: set[str]) -> Iterator[Said]:
    """`os._exit`, called or handed on, and the same by way of ctypes."""
    if isinstance(node, ast.Name):
        found = names.get(node.id, "").split(".")[0] in _OS and names.get(node.id, "").endswith("._exit")
    elif isinstance(node, ast.Attribute) and node.attr in _LIBRARY_EXITS:
        root = dotted(node.value).split(".")[0]
        foreign = _is_library(node.value, names) or dotted(node.value) in loaded
        imported = any(
            isinstance(each, ast.Call) and dotted(each.func).endswith(("__import__", "import_module"))
            for each in ast.walk(node.value)
        )
        found = foreign or (node.attr == "_exit" and (imported or names.get(root, root).split(".")[0] in _OS))
    else:
        found = _names_it(node, names)
    if not found:
        return
    holds = place.call is None or _may_be_zero(place.call.args)
    inside = f" in {quoted(place.functions[0])}" if place.functions and place.functions[0] else ""
    text = said(place.call) if place.call is not None else said(node)
    yield _line(node), f"it ends the whole process, tests and all{inside}: {quoted(text)}", holds


def _names_it(node: ast.AST, names: dict[str, str]) -> bool:
    """`getattr(os, "_exit")`, `vars(os)["_exit"]`, `os.__dict__["_exit"]`."""
    if isinstance(node, ast.Call) and dotted(node.func) == "getattr" and len(node.args) >= 2:
        key: ast.AST = node.args[1]
    elif isinstance(node, ast.Subscript):
        key = node.slice
    else:
        return False
    inside = any(
        isinstance(each, ast.Name) and names.get(each.id, each.id).split(".")[0] in _OS
        for each in ast.walk(node)
    )
    return isinstance(key, ast.Constant) and key.value in _BY_NAME and (inside or key.value == "_exit")


def _replaced(node: ast.Call, place: Place, names: dict[str, str], on_import: set[str]) -> Iterator[Said]:
    root, _, last = origin(node.func, names).rpartition(".")
    if root not in _OS or not _REPLACES.fullmatch(last) or place.program:
        return
    program = any(_PROGRAM.fullmatch(each) and each not in on_import for each in place.functions)
    if not program:
        yield node.lineno, f"it puts another program in place of the process: {quoted(said(node))}", True


def _signalled(node: ast.Call, place: Place, names: dict[str, str], own: set[str]) -> Iterator[Said]:
    full = origin(node.func, names)
    first = node.args[0] if node.args else None
    if full in ("os.kill", "os.killpg", "signal.pthread_kill") and first is not None:
        whose = origin(first, names) if isinstance(first, ast.Call) else ""
        parent = whose == "os.getppid"
        mine = whose in ("os.getpid", "os.getpgrp", "os.getpgid") or dotted(first) in own
        mine = mine or (isinstance(first, ast.Constant) and first.value in (0, -1))
    else:
        parent, mine = False, full in ("signal.raise_signal", "os.abort")
    if isinstance(node.args[-1] if node.args else None, ast.Constant) and full != "signal.raise_signal":
        last = node.args[-1]
        if isinstance(last, ast.Constant) and last.value == 0 and len(node.args) == 2:
            return  # signal 0 asks whether the process is there
    expected = place.program or any(_STOPS.fullmatch(each) for each in place.functions)
    if parent or (mine and not expected):
        yield node.lineno, f"it sends a signal to the process that runs the tests: {quoted(said(node))}", True


def _leaves(node: ast.AST, names: dict[str, str]) -> bool:
    if isinstance(node, ast.Raise) and isinstance(node.exc, ast.Name):
        return names.get(node.exc.id, node.exc.id) == "SystemExit"
    return isinstance(node, ast.Call) and _may_leave(node, names)


def _may_leave(node: ast.Call, names: dict[str, str]) -> bool:
    full = origin(node.func, names) or dotted(node.func)
    return full in _LEAVES and _may_be_zero(node.args, empty=True)


def _may_be_zero(args: list[ast.expr], *, empty: bool = True) -> bool:
    """May this exit status say that all is well?"""
    if not args:
        return empty
    value = args[0]
    if isinstance(value, ast.UnaryOp) and isinstance(value.operand, ast.Constant):
        value = value.operand
    if isinstance(value, ast.JoinedStr):
        return False
    if not isinstance(value, ast.Constant):
        return True
    return value.value is None or (isinstance(value.value, (int, bool)) and value.value & 0xFF == 0)


def _is_library(node: ast.AST, names: dict[str, str]) -> bool:
    return any(
        isinstance(each, ast.Name) and names.get(each.id, "").split(".")[0] == "ctypes"
        for each in ast.walk(node)
    )


def _loaded_libraries(tree: ast.Module, names: dict[str, str]) -> set[str]:
    return {
        dotted(target)
        for node in ast.walk(tree)
        if isinstance(node, ast.Assign) and _is_library(node.value, names)
        for target in node.targets
    } - {""}


def _own_processes(tree: ast.Module, names: dict[str, str]) -> set[str]:
    return {
        dotted(target)
        for node in ast.walk(tree)
        if isinstance(node, ast.Assign)
        and isinstance(node.value, ast.Call)
        and origin(node.value.func, names) in ("os.getpid", "os.getpgrp")
        for target in node.targets
    } - {""}


def _is_program(path: str) -> bool:
    """A file that is started and not imported."""
    folders = path.split("/")[:-1]
    return posixpath.basename(path) in _PROGRAM_FILES or bool(folders and folders[0] in _PROGRAM_FOLDERS)


def _line(node: ast.AST) -> int:
    return int(getattr(node, "lineno", 1))
