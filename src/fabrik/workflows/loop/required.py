"""Whether an item of the plan that was finished has the tests that the plan requires of it. Pure."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Mapping, Sequence

from fabrik.playbook.plan import Item
from fabrik.tampering.present_tests import held_tests

# How a test begins in the languages of our time: at the start of a line, indented or not.
_TEST = re.compile(
    rb"^\s*(?:(?:async )?def test\w*|class Test\w*"
    rb"|(?:export )?(?:it|test|describe|context|specify|scenario|suite|Deno\.test|test_that)\b[.\w]*\s*[(\"']"
    rb"|(?:it|test|describe|context|specify|feature|scenario)\s+[\"']"
    rb"|func (?:\(\w+ \*?\w+\) )?(?:Test|Example|Fuzz|test)\w*\s*\(|#\[(?:\w+::)*(?:test|rstest|test_case)\b"
    rb"|@(?:Test|ParameterizedTest|Property)\b|\[(?:Fact|Theory|Test|TestMethod|TestCase)\b"
    rb"|(?:public |private |static |async )*(?:void|Task|fun|function) [Tt]est\w*\s*\("
    rb"|(?:TEST|TEST_F|TEST_P|TEST_CASE|SCENARIO)\s*\(|@test [\"']|Scenario(?: Outline)?:"
    rb"|test_\w+\s*\(\)\s*\{)",
    re.MULTILINE,
)
_TEST_PATH = re.compile(
    r"(?:^|/)(?:tests?|spec|__tests__|e2e|features)/|(?:^|/)test[^/]*\.\w+$|[._-](?:test|tests|spec|cy)\.\w+$"
    r"|\.(?:bats|t|feature)$"
)


def path_of(test: str) -> str:
    """The file of a required test such as `tests/test_x.py::test_name`."""
    return posixpath.normpath(re.split(r"::|#", test, maxsplit=1)[0])


def name_of(test: str) -> str:
    """The name of the test in its file, without its parameters; "" where the whole file is meant."""
    parts = re.split(r"::|#", test, maxsplit=1)
    return re.split(r"::", parts[1])[-1].partition("[")[0].strip() if len(parts) > 1 else ""


def missing_tests(
    finished: Sequence[Item],
    contents: Mapping[str, bytes | None],
    changed: Mapping[str, tuple[bytes | None, bytes | None]],
) -> tuple[str, ...]:
    """What is missing for these items to be done, one line each.

    contents: the files of all required tests by path, as the commit has them (None: not there). changed: all
    files that differ since the iteration began, before and after.
    """
    new = new_tests(changed)
    problems = []
    for item in finished:
        tests = item.required_tests
        for test in tests.paths:
            held, name = contents.get(path_of(test)), name_of(test)
            if held is None:
                problems.append(f"{item.text}: there is no {path_of(test)}")
            elif not held.strip():
                problems.append(f"{item.text}: {path_of(test)} is empty")
            elif not (there := held_tests(path_of(test), held)).any:
                skipped = " that is not skipped" if there.skipped else ""
                problems.append(f"{item.text}: {path_of(test)} holds no test{skipped}")
            elif name and not there.has(name):
                skipped = ", which is skipped" if name in there.skipped else ""
                problems.append(f"{item.text}: {path_of(test)} has no test {name}{skipped}")
        if tests.prose and not tests.paths and not new:
            wanted = "; ".join(tests.prose)
            problems.append(f"{item.text}: no test was added for: {wanted}")
    return tuple(problems)


def new_tests(changed: Mapping[str, tuple[bytes | None, bytes | None]]) -> int:
    """How many tests have come; a new file in a place for tests counts as one."""
    found = 0
    for path, (before, after) in changed.items():
        if after is None:
            continue
        more = _count(path, after) - _count(path, before or b"")
        if more <= 0 and before is None and _TEST_PATH.search(path) and after.strip():
            more = 1
        found += max(0, more)
    return found


def _count(path: str, content: bytes) -> int:
    """How many tests a file holds; of Python, those that are not skipped."""
    if path.endswith(".py") and (held := held_tests(path, content)).names | held.skipped:
        return len([name for name in held.names if name.startswith("test")])
    return len(_TEST.findall(content))
