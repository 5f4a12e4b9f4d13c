"""Which tests a file holds that are not skipped, and the same file with these made to fail. Pure."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from fabrik.tampering.model import FileVersion
from fabrik.tampering.python_skips import is_skip_call
from fabrik.tampering.python_source import Function, dotted, parsed
from fabrik.tampering.python_tests import is_test_name
from fabrik.tampering.source_lines import MAX_SOURCE, curly_lines, hash_lines, is_curly
from fabrik.tampering.test_words import ASSERTION_ANYWHERE, HASH_TEST, SKIP, TEST
from fabrik.tampering.text import MAX_LINE, named

_ALWAYS = named("skip xfail expectedFailure")
_ON_TRUE = named("skipif skipIf")
_PLAIN_BASES = named("TestCase IsolatedAsyncioTestCase object ABC Protocol")


@dataclass(frozen=True, kw_only=True)
class HeldTests:
    """The tests that a file holds."""

    names: frozenset[str] = frozenset()  # of those that are not skipped, and of the classes that hold them
    skipped: frozenset[str] = frozenset()  # of those that are
    whole: bool = False  # no single tests are known, but it judges as a whole: a script, inherited tests
    words: frozenset[str] = field(
        default=frozenset(), repr=False
    )  # of its code: for names that are not listed

    @property
    def any(self) -> bool:
        """At least one test that is not skipped."""
        return bool(self.names) or self.whole

    def has(self, name: str) -> bool:
        """Whether a test of this name, not skipped, is there."""
        return name in self.names or (name not in self.skipped and name in self.words)


def held_tests(path: str, content: bytes) -> HeldTests:
    """The tests of a file. Whether a condition skips one is not known here: see `made_to_fail`."""
    if path.endswith((".py", ".pyi")):
        tree = _tree(content)
        if tree is not None:
            return _python(tree)
    return _other(path, content.decode("utf-8", errors="replace")[:MAX_SOURCE])


def made_to_fail(path: str, content: bytes, name: str, mark: str) -> bytes:
    """The same file where a test (all of its tests: name "") fails with `mark` in its output if it is run.

    A Python test fails at its end, so that one that returns early, or skips itself, does not. Of other
    languages the whole file fails.
    """
    if path.endswith((".py", ".pyi")) and _tree(content) is not None:
        return _failing_python(content, name, mark)
    suffix = path.rsplit(".", 1)[-1]
    text = content.decode("utf-8", errors="surrogateescape")
    if suffix in _APPENDED:
        made = f"{text}\n{_APPENDED[suffix].format(mark=mark)}\n"
    else:
        line = _PREPENDED.get(suffix, ")]}} {mark}").format(mark=mark)
        first, found, rest = text.partition("\n") if text.startswith("#!") else ("", "", text)
        made = f"{first}{found}{line}\n{rest}"
    return made.encode("utf-8", errors="surrogateescape")


# What fails as soon as the file is run, in the language's own words: who only reads it does not mind.
_APPENDED = {
    **dict.fromkeys(named("js jsx ts tsx mjs cjs mts cts"), 'throw new Error("{mark}");'),
    "go": 'func init() {{ panic("{mark}") }}',
    "rs": '#[test]\nfn fabrik_asks_whether_this_is_run() {{ panic!("{mark}"); }}',
    **dict.fromkeys(named("rb ex exs"), 'raise "{mark}"'),
}
_PREPENDED = {
    **dict.fromkeys(named("sh bash bats zsh"), 'echo "{mark}" >&2; exit 1'),
    **dict.fromkeys(named("pl t"), 'die "{mark}";'),
    "lua": 'error("{mark}")',
    "py": 'raise AssertionError("{mark}")',
}


def _tree(content: bytes) -> ast.Module | None:
    return parsed(FileVersion(content=content, mode="100644"))


def _python(tree: ast.Module) -> HeldTests:
    names: set[str] = set()
    skipped: set[str] = set()
    for owners, function, active in _functions(tree.body):
        if active:
            names |= {function.name, *owners}
        else:
            skipped.add(function.name)
    found = frozenset(names)
    whole = not names and not skipped and _judges(tree)
    return HeldTests(names=found, skipped=frozenset(skipped) - found, whole=whole or _inherits(tree))


def _functions(
    body: Iterable[ast.stmt], owners: tuple[str, ...] = (), *, off: bool = False
) -> Iterator[tuple[tuple[str, ...], Function, bool]]:
    """The tests of a module or class, with the classes around each, and whether none of all skips it."""
    body = list(body)
    off = off or any(_switches_off(statement) for statement in body)
    for statement in body:
        if isinstance(statement, (ast.FunctionDef, ast.AsyncFunctionDef)):
            if is_test_name(statement.name):
                skipped = any(map(_skips, statement.decorator_list)) or any(map(_skip_first, statement.body))
                yield owners, statement, not off and not skipped
        elif isinstance(statement, ast.ClassDef) and (is_test_name(statement.name) or statement.bases):
            aside = off or any(map(_skips, statement.decorator_list))
            yield from _functions(statement.body, (*owners, statement.name), off=aside)


def _skips(marker: ast.expr) -> bool:
    """Whatever the condition: `@skip`, `@skipIf(True, …)`, but not `@skipIf(sys.platform …)`."""
    last = dotted(marker).rsplit(".", 1)[-1]
    first = marker.args[0] if isinstance(marker, ast.Call) and marker.args else None
    known = bool(first.value) if isinstance(first, ast.Constant) else None
    if last == "xfail" and isinstance(marker, ast.Call) and first is not None:
        return known is True
    return (
        last in _ALWAYS or (last in _ON_TRUE and known is True) or (last == "skipUnless" and known is False)
    )


def _skip_first(statement: ast.stmt) -> bool:
    if isinstance(statement, ast.Expr):
        return is_skip_call(statement.value)
    return isinstance(statement, ast.Raise) and statement.exc is not None and is_skip_call(statement.exc)


def _switches_off(statement: ast.stmt) -> bool:
    if isinstance(statement, ast.Assign) and len(statement.targets) == 1:
        name = dotted(statement.targets[0])
        if name == "__test__":
            return isinstance(statement.value, ast.Constant) and not statement.value.value
        if name == "pytestmark":
            value = statement.value
            return any(map(_skips, value.elts if isinstance(value, (ast.List, ast.Tuple)) else [value]))
    return _skip_first(statement)


def _judges(tree: ast.Module) -> bool:
    """A script that can fail by itself."""
    return any(
        isinstance(node, (ast.Assert, ast.Raise))
        or (isinstance(node, ast.Call) and dotted(node) in ("sys.exit", "exit", "unittest.main"))
        for node in ast.walk(tree)
    )


def _inherits(tree: ast.Module) -> bool:
    """A class whose tests are another one's."""
    return any(
        isinstance(node, ast.ClassDef)
        and not any(isinstance(each, (ast.FunctionDef, ast.AsyncFunctionDef)) for each in node.body)
        and not any(map(_skips, node.decorator_list))
        and any(dotted(base).rsplit(".", 1)[-1] not in _PLAIN_BASES for base in node.bases)
        for node in tree.body
    )


def _failing_python(content: bytes, name: str, mark: str) -> bytes:
    tree = ast.parse(content)
    wanted = [
        function
        for owners, function, active in _functions(tree.body)
        if active and (not name or name == function.name or name in owners)
    ]
    text = content.decode("utf-8", errors="surrogateescape")
    if not wanted:
        made = f"{text}\nraise AssertionError({mark!r})\n"
        return made.encode("utf-8", errors="surrogateescape")
    lines = text.split("\n")
    places = [_place(function, lines) for function in wanted]
    if all(place is not None for place in places):  # the text stays as it is: no formatter minds
        for at, indent in sorted((place for place in places if place is not None), reverse=True):
            lines.insert(at, f'{indent}raise AssertionError("{mark}")')
        return "\n".join(lines).encode("utf-8", errors="surrogateescape")
    for function in wanted:
        last = function.body[-1]
        at = len(function.body) - isinstance(last, (ast.Return, ast.Raise))
        function.body.insert(at, ast.parse(f"raise AssertionError({mark!r})").body[0])
    return ast.unparse(tree).encode("utf-8", errors="surrogateescape")


def _place(function: Function, lines: list[str]) -> tuple[int, str] | None:
    """Where a line can be put at the end of a function, and its indentation; None: not between two lines."""
    last = function.body[-1]
    if last.end_lineno is None or last.end_lineno > len(lines):
        return None
    indent = lines[last.lineno - 1][: last.col_offset]
    if indent.strip():
        return None
    ends = isinstance(last, (ast.Return, ast.Raise))
    return (last.lineno - 1 if ends else last.end_lineno), indent


def _other(path: str, text: str) -> HeldTests:
    raw = text.split("\n")
    curly = is_curly(path)
    if curly:
        lines = [(line.number, line.text) for line in curly_lines(text, rust=path.endswith(".rs"))]
    else:
        lines = hash_lines(text)
    tests: list[str] = []
    active: list[str] = []
    before = ""
    for number, line in lines:
        said = raw[number - 1][:MAX_LINE] if number <= len(raw) else line[:MAX_LINE]
        if (TEST if curly else HASH_TEST).match(line[:MAX_LINE]):
            tests.append(said)
            if not SKIP.search(said) and not SKIP.search(before):
                active.append(said)
        before = said
    code = [line for _, line in lines if not SKIP.search(line[:MAX_LINE])]
    judging = any(ASSERTION_ANYWHERE.search(line[:MAX_LINE]) for line in code) if curly else bool(code)
    there = bool(active) if tests else judging
    words = frozenset(re.findall(r"[\w$]+", " ".join(code))) if there else frozenset()
    skipped = frozenset(re.findall(r"[\w$]+", " ".join(set(tests) - set(active)))) - frozenset(
        re.findall(r"[\w$]+", " ".join(active))
    )
    return HeldTests(whole=there, words=words, skipped=skipped if tests else frozenset())
