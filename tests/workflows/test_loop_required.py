"""An item that was finished has the tests that the plan requires of it."""

from __future__ import annotations

import pytest

from fabrik.playbook.plan import read
from fabrik.workflows.loop.required import missing_tests, name_of, new_tests, path_of


@pytest.mark.parametrize(
    ("test", "path", "name"),
    [
        ("tests/test_x.py", "tests/test_x.py", ""),
        ("./tests/test_x.py::test_one", "tests/test_x.py", "test_one"),
        ("tests/test_x.py::TestA::test_one[a-1]", "tests/test_x.py", "test_one"),
        ("src/parse.test.ts#empty", "src/parse.test.ts", "empty"),
    ],
)
def test_what_a_required_test_names(test: str, path: str, name: str) -> None:
    assert (path_of(test), name_of(test)) == (path, name)


ITEMS = read(
    "- [x] by path\n  Required tests: tests/test_x.py::test_one\n"
    "- [x] by words\n  Required tests: an empty file\n- [x] free\n"
).items
GOOD = {"tests/test_x.py": b"def test_one():\n    pass\n"}
ADDED: dict[str, tuple[bytes | None, bytes | None]] = {"tests/test_y.py": (None, b"def test_two(): pass\n")}


def test_all_that_is_required_is_there() -> None:
    assert missing_tests(ITEMS, GOOD, ADDED) == ()


@pytest.mark.parametrize(
    ("held", "said"),
    [
        (None, "by path: there is no tests/test_x.py"),
        (b" \n", "by path: tests/test_x.py is empty"),
        (b"def test_one_more(): pass\n", "by path: tests/test_x.py has no test test_one"),
    ],
)
def test_what_is_missing_is_told(held: bytes | None, said: str) -> None:
    assert missing_tests(ITEMS, {"tests/test_x.py": held}, ADDED) == (said,)


def test_words_need_a_new_test() -> None:
    assert missing_tests(ITEMS, GOOD, {}) == ("by words: no test was added for: an empty file",)


@pytest.mark.parametrize(
    ("path", "before", "after", "count"),
    [
        ("tests/test_a.py", None, b"def test_a(): pass\n\nasync def test_b(): pass\n", 2),
        ("tests/test_a.py", b"def test_a(): pass\n", b"def test_a(): return\n", 0),
        ("tests/test_a.py", b"def test_a(): pass\n", None, 0),
        ("tests/test_a.py", b"def test_a(): pass\ndef test_b(): pass\n", b"def test_a(): pass\n", 0),
        ("src/a.py", None, b"def a(): pass\n", 0),
        ("src/a.test.ts", b"", b"describe('a', () => {\n  it('does', () => {})\n})\n", 2),
        ("a_test.go", None, b"func TestA(t *testing.T) {}\n", 1),
        ("src/lib.rs", b"fn a() {}\n", b"fn a() {}\n#[test]\nfn works() {}\n", 1),
        ("A.java", b"", b"  @Test\n  void works() {}\n", 1),
        ("tests/a.sh", None, b"set -e\n", 1),
        ("tests/data.json", None, b"{}", 1),
        ("test.bats", None, b"@test 'works' {\n}\n", 1),
        ("spec/a_spec.rb", None, b"it 'works' do\nend\n", 1),
    ],
)
def test_new_tests_are_counted(path: str, before: bytes | None, after: bytes | None, count: int) -> None:
    assert new_tests({path: (before, after)}) == count
