"""New test files, and the checks that have to pass without them."""

from __future__ import annotations

from collections.abc import Mapping

import pytest
from tamper_kit import Case, Content, with_

from fabrik.tampering.new_tests import does_without, new_tests

TEST = "import unittest\n\n\nclass A(unittest.TestCase):\n    def test_a(self):\n        self.assertTrue(1)\n"
BASE: dict[str, Content] = {
    "shop/__init__.py": "",
    "shop/price.py": "def total(p):\n    return sum(p)\n",
    "tests/__init__.py": "",
    "tests/test_a.py": TEST,
    "README.md": "shop\n",
}
NEW: dict[str, Content] = {"tests/test_new.py": TEST.replace("A", "B")}
DISCOVER = "python3 -m unittest discover -q"


def removed(
    edits: Mapping[str, Content | None], base: Mapping[str, Content] = BASE, **more: object
) -> set[str]:
    case = Case(base, with_(base, edits), **more)  # type: ignore[arg-type]
    return set(new_tests(case.changes, case.protection).remove)


@pytest.mark.parametrize(
    ("edits", "found"),
    [
        (NEW, {"tests/test_new.py"}),
        ({"aaa/__init__.py": "", "aaa/test_x.py": TEST}, {"aaa/test_x.py"}),
        ({"tests/data/x.txt": "x", "tests/helper.py": "A = 1\n", "shop/test.txt": ""}, set()),
        ({"web/a.test.js": "test()"}, set()),  # of a kind that the base has none of
        ({"tests/test_a.py": None, "tests/unit/__init__.py": "", "tests/unit/test_a.py": TEST}, set()),
        ({"shop/tax.py": "A = 1\n"}, set()),
    ],
)
def test_new_test_files_stand_aside(edits: Mapping[str, Content | None], found: set[str]) -> None:
    assert removed(edits) == found


def test_what_the_spec_may_change_stays() -> None:
    assert removed(NEW, may_change=("tests/test_new.py",)) == set()


def test_a_test_of_the_base_that_got_to_use_a_new_one_is_put_back() -> None:
    after = with_(BASE, {**NEW, "tests/test_a.py": "import tests.test_new\n" + TEST})
    case = Case(BASE, after)
    found = new_tests(case.changes, case.protection).put_back
    assert {path: version.content.decode() for path, version in found.items()} == {"tests/test_a.py": TEST}


@pytest.mark.parametrize(
    ("command", "without"),
    [
        (DISCOVER, True),
        ("pytest -q", True),
        ("python -m pytest tests", True),
        ("python -m unittest tests.test_a", True),
        ("cd . && pytest tests/test_a.py::A", True),
        ("make test", True),
        ("sh scripts/check.sh", True),
        ("python3 -m unittest tests.test_new", False),
        ("pytest tests/test_new.py", False),
        ("pytest -k new", False),
        ("python -m unittest discover -p 'test_n*.py'", False),
        ("python -m unittest discover -p 'test_*.py'", True),
        ("make test-new", False),  # a target that the base has not
        ("make cover", False),
        ("sh scripts/measure.sh", False),
        ("pytest --cov=shop --cov-fail-under=90", False),
        ("grep -rq total tests/", False),
        ("ls tests | grep -c test_", False),
        ("ls tests; pytest", True),
        ("python -m shop.price", False),  # nothing of the base's tests
        ("pytest shop", False),
    ],
)
def test_which_checks_do_without(command: str, without: bool) -> None:
    base: dict[str, Content] = {
        **BASE,
        "Makefile": f"test:\n\t{DISCOVER}\ncover:\n\tcoverage run -m pytest\n",
        "scripts/check.sh": DISCOVER + "\n",
        "scripts/measure.sh": "coverage report --fail-under=90\n",
    }
    case = Case(base, with_(base, NEW), commands=(command,))
    contents = {path: str(text).encode() for path, text in base.items()}
    new = new_tests(case.changes, case.protection).remove
    assert does_without(command, new, case.protection, contents) is without


def test_tests_that_nobody_finds_are_none() -> None:
    """unittest finds nothing in folders that are no packages: without the new tests it would run none."""
    base = {path: text for path, text in BASE.items() if path != "tests/__init__.py"}
    case = Case(base, with_(base, {"test_new.py": TEST}))
    contents = {path: str(text).encode() for path, text in base.items()}
    assert not does_without(DISCOVER, ["test_new.py"], case.protection, contents)
    assert does_without("pytest", ["test_new.py"], case.protection, contents)
    empty = contents | {"tests/test_a.py": b""}
    assert not does_without("pytest", ["test_new.py"], case.protection, empty)


def test_a_coverage_that_the_settings_ask_for_keeps_new_tests() -> None:
    case = Case(BASE, with_(BASE, NEW))
    settings = {"pyproject.toml": b'[tool.pytest.ini_options]\naddopts = "--cov-fail-under=80"\n'}
    assert not does_without("pytest", ["tests/test_new.py"], case.protection, settings)
