"""Changes of Python tests: what holds, what is honest, and what is put back."""

from __future__ import annotations

import pytest
from tamper_kit import Case, Content

PATH = "tests/test_shop.py"
BASE = '''\
"""Tests of the shop."""
import os
import pytest
from shop import price, total

RATES = {"de": 19}


def helper(n):
    return price(n) + 1


@pytest.mark.parametrize("n, want", [(1, 2), (2, 4)])
def test_price(n, want):
    assert price(n) == want


def test_total():
    basket = [1, 2]
    assert total(basket) == 6
    assert total([]) == 0
    with pytest.raises(ValueError, match="negative"):
        total([-1])


def test_near():
    assert total([0.1]) == pytest.approx(0.2, rel=1e-9)


class TestBasket:
    size = 3

    def test_size(self):
        self.check(3)
        assert self.size == 3

    def check(self, n):
        assert n == 3
'''
TOTAL = """\
def test_total():
    basket = [1, 2]
    assert total(basket) == 6
    assert total([]) == 0
    with pytest.raises(ValueError, match="negative"):
        total([-1])
"""


def swap(old: str, new: str) -> str:
    assert old in BASE
    return BASE.replace(old, new)


def case(after: str | None, **others: Content) -> Case:
    tree: dict[str, Content] = {} if after is None else {PATH: after}
    return Case({PATH: BASE}, tree | others)


BAD = {
    "a test is gone": (swap(TOTAL, ""), "deleted"),
    "all is gone but the name": (swap(TOTAL, "def test_total():\n    pass\n"), "loosened"),
    "a skip": (swap("def test_total", "@pytest.mark.skip\ndef test_total"), "skipped"),
    "a condition to skip": (
        swap("def test_total", "@pytest.mark.skipif(os.sep == '/', reason='x')\ndef test_total"),
        "skipped",
    ),
    "expected to fail": (
        swap("def test_total", "@pytest.mark.xfail(strict=False)\ndef test_total"),
        "skipped",
    ),
    "a skip inside": (
        swap("    basket = [1, 2]\n", "    pytest.skip('later')\n    basket = [1, 2]\n"),
        "skipped",
    ),
    "raises SkipTest": (
        swap(
            "    basket = [1, 2]\n",
            "    import unittest\n    raise unittest.SkipTest('x')\n    basket = [1, 2]\n",
        ),
        "skipped",
    ),
    "a return": (swap("    basket = [1, 2]\n", "    return\n    basket = [1, 2]\n"), "skipped"),
    "if False": (
        swap("    assert total([]) == 0\n", "    if False:\n        assert total([]) == 0\n"),
        "skipped",
    ),
    "a yield": (BASE.replace(TOTAL, TOTAL + "    yield\n"), "skipped"),
    "no longer collected": (swap("def test_total", "def _test_total"), "skipped"),
    "the class is no longer collected": (swap("class TestBasket", "class BasketHelper"), "skipped"),
    "__test__ of the class": (swap("    size = 3\n", "    size = 3\n    __test__ = False\n"), "skipped"),
    "pytestmark": (BASE + "\npytestmark = pytest.mark.skip('x')\n", "skipped"),
    "__test__": (BASE + "\n__test__ = False\n", "skipped"),
    "the module is skipped": (
        swap("RATES = ", "pytest.skip('no', allow_module_level=True)\nRATES = "),
        "skipped",
    ),
    "the class is skipped": (swap("class TestBasket", "@pytest.mark.skip\nclass TestBasket"), "skipped"),
    "another number": (swap("== 6", "== 7"), "loosened"),
    "another operator": (swap("total([]) == 0", "total([]) >= 0"), "loosened"),
    "less exact": (swap("rel=1e-9", "rel=1"), "loosened"),
    "a wider exception": (swap("ValueError, match", "Exception, match"), "loosened"),
    "no match": (swap(', match="negative"', ""), "loosened"),
    "always true": (swap("assert total(basket) == 6", "assert True or total(basket) == 6"), "loosened"),
    "a tuple": (swap("assert total(basket) == 6", "assert (total(basket) == 6, 'x')"), "loosened"),
    "failures are caught": (
        swap(
            "    assert total([]) == 0\n",
            "    try:\n        assert total([]) == 0\n    except Exception:\n        pass\n",
        ),
        "loosened",
    ),
    "a case is gone": (swap("(1, 2), (2, 4)", "(1, 2)"), "loosened"),
    "the cases are other ones": (swap("(2, 4)", "(2, 5)"), "loosened"),
    "a constant": (swap('"de": 19', '"de": 0'), "changed"),
    "a helper": (swap("return price(n) + 1", "return 1"), "changed"),
    "a helper of the class": (swap("assert n == 3", "pass"), "loosened"),
    "an attribute of the class": (swap("size = 3\n", "size = 4\n"), "changed"),
    "another base class": (swap("class TestBasket:", "class TestBasket(Odd):"), "changed"),
    "defined again": (BASE + "\ndef test_total():\n    pass\n", "loosened"),
    "the product is another one": (
        swap("from shop import price, total", "from fake import price, total"),
        "changed",
    ),
    "a name is bound anew": (BASE + "\ntotal = lambda basket: 6\n", "changed"),
    "a builtin is bound anew": (
        swap("RATES", "import builtins\nRATES") + "\nfrom fake import sum as price\n",
        "changed",
    ),
    "a test tool is another one": (swap("import pytest\n", "import fake as pytest\n"), "changed"),
    "an attribute of the product": (BASE + "\nprice.cache = None\n", "changed"),
    "autouse": (BASE + "\n@pytest.fixture(autouse=True)\ndef patched(monkeypatch):\n    pass\n", "hook"),
    "autouse of the class": (
        BASE + "\n    @pytest.fixture(autouse=True)\n    def patched(self):\n        pass\n",
        "hook",
    ),
    "setUp": (BASE + "\n    def setup_method(self):\n        self.size = 3\n", "hook"),
    "setup_module": (BASE + "\ndef setup_module():\n    pass\n", "hook"),
    "a builtin fixture": (BASE + "\n@pytest.fixture\ndef monkeypatch():\n    pass\n", "hook"),
    "an assertion of the class": (BASE + "\n    def assertEqual(self, a, b):\n        pass\n", "changed"),
    "it ends the process": (BASE + "\nos._exit(0)\n", "hook"),
    "it reaches into the tool": (BASE + "\nsetattr(pytest, 'raises', None)\n", "hook"),
    "a new test binds anew": (
        swap("def test_total", "def test_0():\n    global total\n    total = None\n\n\ndef test_total"),
        "changed",
    ),
    "syntax error": (BASE + "\ndef (:\n", "changed"),
    "binary": ("\0\0" + BASE, "changed"),
    "a guard that is none": (BASE + "\nif __name__ != '__main__':\n    total = None\n", "changed"),
}


@pytest.mark.parametrize("name", BAD)
def test_a_weaker_test_holds_and_the_base_is_put_back(name: str) -> None:
    after, kind = BAD[name]
    tried = case(after)
    assert kind in tried.held_kinds, tried.tampers
    assert set(tried.restored.put_back) == {PATH}
    assert tried.restored.put_back[PATH].content == BASE.encode()


NEW_TEST = "\n\ndef test_more():\n    assert total([5]) == 10\n"
HONEST = {
    "a test more": BASE + NEW_TEST,
    "a test in between": swap("def test_near", "def test_more():\n    assert price(9)\n\n\ndef test_near"),
    "a method more": BASE + "\n    def test_other(self):\n        assert self.size\n",
    "a class more": BASE + "\n\nclass TestMore:\n    def test_x(self):\n        assert price(1)\n",
    "an import more": swap("import os\n", "import json\nimport os\n")
    + "\n\ndef test_json():\n    assert json\n",
    "a name more of an import": swap("price, total", "price, tax, total") + NEW_TEST,
    "imports in another order": swap("import os\nimport pytest\n", "import pytest\nimport os\n"),
    "an unused import less": swap("import os\n", ""),
    "a helper more": BASE
    + "\n\ndef make(n):\n    return [n]\n\n\ndef test_m():\n    assert total(make(1))\n",
    "a constant more": BASE + "\n\nMORE = [1, 2]\n\n\ndef test_m():\n    assert total(MORE)\n",
    "a path more": BASE + "\n\nfrom pathlib import Path\nDATA = Path(__file__).parent / 'data'\n" + NEW_TEST,
    "a fixture more": BASE
    + "\n\n@pytest.fixture\ndef shop():\n    return 1\n\n\ndef test_m(shop):\n    assert shop\n",
    "more cases": swap("(1, 2), (2, 4)", "(0, 0), (1, 2), (2, 4), (3, 6)"),
    "an assertion more": swap(
        "    assert total([]) == 0\n", "    assert total([]) == 0\n    assert total([1]) == 2\n"
    ),
    "more at the end": swap(
        "        total([-1])\n", "        total([-1])\n    again = total([2])\n    assert again == 4\n"
    ),
    "formatted": swap("[1, 2]\n", "[\n        1,\n        2,\n    ]\n")
    .replace('"', "'")
    .replace("'''", '"""'),
    "comments": swap("    basket = [1, 2]\n", "    # what is in it\n    basket = [1, 2]  # two\n"),
    "docstrings": swap("def test_near():\n", 'def test_near():\n    """Near enough."""\n'),
    "annotations": swap("def test_near():", "def test_near() -> None:").replace(
        "(n, want)", "(n: int, want: int)"
    ),
    "a main guard": BASE + "\n\nif __name__ == '__main__':\n    pytest.main()\n",
    "from __future__": swap("import os\n", "from __future__ import annotations\nimport os\n"),
    "a new test that is skipped": BASE + "\n\n@pytest.mark.skip\ndef test_later():\n    pass\n",
    "tests in another order": swap(TOTAL, "") + "\n\n" + TOTAL,
    "a parametrized new test": BASE
    + "\n\n@pytest.mark.parametrize('n', range(3))\ndef test_m(n):\n    assert n < 3\n",
}


@pytest.mark.parametrize("name", HONEST)
def test_an_extended_or_formatted_test_stays_as_it_is(name: str) -> None:
    tried = case(HONEST[name])
    assert tried.held == ()
    assert tried.restored.empty


TABLE = """\
import pytest
from shop import price

CASES = [(1, 2), (2, 4)]
BY_NAME = {"a": 1, "b": 2}
ALLOWED = [1, 2]


@pytest.mark.parametrize("n, want", CASES, ids=range(len(CASES)))
def test_price(n, want):
    assert price(n) == want


@pytest.mark.parametrize("name", BY_NAME)
def test_name(name):
    assert name


def test_allowed():
    assert price(1) in ALLOWED
"""


@pytest.mark.parametrize(
    ("old", "new", "holds"),
    [
        ("(2, 4)]", "(2, 4), (3, 6)]", False),
        ("[(1, 2),", "[(0, 0), (1, 2),", False),
        ('"b": 2', '"b": 2, "c": 3', False),
        ("(2, 4)]", "(2, 5)]", True),
        ("[(1, 2), ", "[", True),
        ("[1, 2]", "[1, 2, 3]", True),
        ('"b": 2', '"b": 2, "a": 3', True),
        ("(2, 4)]", "(2, 4), (3, 6)]\nCASES = []", True),
    ],
)
def test_tables_of_cases_may_grow(old: str, new: str, holds: bool) -> None:
    assert old in TABLE
    tried = Case({PATH: TABLE}, {PATH: TABLE.replace(old, new)})
    assert bool(tried.held) is holds, tried.tampers
    assert bool(tried.restored.put_back) is holds


@pytest.mark.parametrize(
    "marker",
    ["@pytest.mark.skip(reason='later')", "@pytest.mark.xfail(strict=True)", "@unittest.skip('x')"],
)
def test_whoever_takes_a_skip_away_makes_tests_stricter(marker: str) -> None:
    before = swap("def test_near", f"{marker}\ndef test_near")
    tried = Case({PATH: before}, {PATH: BASE})
    assert tried.held == ()
    assert tried.restored.empty, "with the marker of the base a fixed test would fail the second way"


@pytest.mark.parametrize(
    "added",
    [
        "\nprepare()\n",
        "\napp = create_app()\n",
        "\nos.environ['X'] = '1'\n",
        "\nfrom shop import *\n",
        "\ndef test_0():\n    price.x = 1\n",
    ],
)
def test_what_runs_when_the_file_is_loaded_is_told_and_checked_without(added: str) -> None:
    tried = case(BASE + added + NEW_TEST)
    assert tried.held == ()
    assert any(each.kind == "hook" for each in tried.tampers)
    assert set(tried.restored.put_back) == {PATH}


def test_a_renamed_test_is_told() -> None:
    tried = case(swap("def test_total", "def test_the_total"))
    assert tried.held == ()
    assert "another name" in tried.tampers[0].what


def test_a_test_that_moved_to_another_file_is_told() -> None:
    after = {
        PATH: swap(TOTAL, ""),
        "tests/test_total.py": "import pytest\nfrom shop import total\n\n" + TOTAL,
    }
    tried = Case({PATH: BASE}, after)
    assert tried.held == ()
    assert any("moved" in each.what for each in tried.tampers)


def test_a_test_that_moved_where_nobody_collects_it_is_gone() -> None:
    after = {PATH: swap(TOTAL, ""), "tests/old_total.py": "import pytest\nfrom shop import total\n\n" + TOTAL}
    assert "deleted" in Case({PATH: BASE}, after).held_kinds


def test_unittest_classes() -> None:
    head = "import unittest\n\nclass T(unittest.TestCase):\n"
    base = head + "    def test_a(self):\n        self.assertEqual(f(1), 2)\n"
    looser = base.replace("assertEqual(f(1), 2)", "assertTrue(f(1))")
    more = base + "\n    def test_b(self):\n        self.assertEqual(f(2), 3)\n"
    setup = base + "\n    def setUp(self):\n        pass\n"
    skip = base.replace("class T", "@unittest.skip('x')\nclass T")
    assert Case({PATH: base}, {PATH: looser}).held_kinds == {"loosened"}
    assert Case({PATH: base}, {PATH: more}).held == ()
    assert Case({PATH: base}, {PATH: setup}).held_kinds == {"hook"}
    assert Case({PATH: base}, {PATH: skip}).held_kinds == {"skipped"}


def test_findings_say_where() -> None:
    (found,) = case(swap("== 6", "== 7")).held
    assert found.path == PATH
    assert found.line == BASE.split("\n").index("def test_total():") + 1
    assert "`test_total`" in found.what
    assert "total(basket) == 6" in found.what


def test_newer_syntax_than_this_python_is_compared_by_lines() -> None:
    base = "type Number = int\n\ndef test_a():\n    assert f(1) == 2\n"
    more = base + "\ndef test_b():\n    assert f(2) == 3\n"
    inside = base.replace("    assert", "    return\n    assert")
    assert Case({PATH: base}, {PATH: more}).held == ()
    assert Case({PATH: base}, {PATH: inside}).held_kinds == {"changed"}
