"""Modules that only tests use."""

from __future__ import annotations

from collections.abc import Mapping

import pytest
from tamper_kit import Case, with_

TEST = "import unittest\n\nfrom textkit import words\n{}\n"
SAME = "def same(t, a, b):\n    t.assertEqual(a, b)\n"
BASE = {"textkit/__init__.py": "", "textkit/words.py": "def count(t):\n    return len(t.split())\n"}


def protected(files: Mapping[str, str], *imports: str) -> set[str]:
    base = {**BASE, "tests/__init__.py": "", "tests/test_a.py": TEST.format("\n".join(imports)), **files}
    case = Case(base, base)
    return {path for path in base if case.protection.why(path) and not path.startswith("tests/")}


@pytest.mark.parametrize(
    ("files", "line", "found"),
    [
        (
            {"helpers/__init__.py": "", "helpers/asserts.py": SAME},
            "from helpers.asserts import same",
            {"helpers/__init__.py", "helpers/asserts.py"},
        ),
        ({"asserts.py": SAME}, "import asserts", {"asserts.py"}),
        ({"ours.py": SAME}, "from ours import same", {"ours.py"}),
        ({"fixtures/data.py": "A = 1\n"}, "from fixtures import data", {"fixtures/data.py"}),
        (
            {"helpers/a.py": "from .b import x\n", "helpers/b.py": "x = 1\n"},
            "from helpers import a",
            {"helpers/a.py", "helpers/b.py"},
        ),
        # the product
        ({"textkit/helpers.py": SAME}, "from textkit import helpers", set()),
        ({"helpers.py": SAME, "textkit/words.py": "import helpers\n"}, "import helpers", set()),
        ({"src/helpers.py": SAME}, "import helpers", set()),
        ({"tally.py": "def tally():\n    pass\n"}, "import tally", set()),
        ({"helpers/asserts.py": SAME}, "", set()),
    ],
)
def test_python(files: Mapping[str, str], line: str, found: set[str]) -> None:
    assert protected(files, line) == found


def test_node() -> None:
    base = {
        "lib/slug.js": "exports.slug = 1;\n",
        "helpers/same.js": "exports.same = 1;\n",
        "util.js": "exports.util = 1;\n",
        "test/slug.test.js": "require('../lib/slug')\nimport '../helpers/same.js';\nrequire('../util')",
    }
    case = Case(base, base)
    assert {path for path in base if case.protection.why(path)} == {"helpers/same.js", "test/slug.test.js"}


def test_a_helper_that_asserts_nothing_any_more_is_put_back() -> None:
    base = {
        **BASE,
        "helpers/asserts.py": SAME,
        "tests/test_a.py": TEST.format("from helpers.asserts import same"),
    }
    case = Case(base, with_(base, {"helpers/asserts.py": "def same(t, a, b):\n    pass\n"}))
    assert set(case.restored.put_back) == {"helpers/asserts.py"}
    assert case.held


def test_a_helper_may_be_extended() -> None:
    base = {
        **BASE,
        "helpers/asserts.py": SAME,
        "tests/test_a.py": TEST.format("from helpers.asserts import same"),
    }
    more = SAME + "\n\ndef near(t, a, b):\n    t.assertAlmostEqual(a, b)\n"
    case = Case(base, with_(base, {"helpers/asserts.py": more}))
    assert not case.held
    assert case.restored.empty


def test_what_a_package_of_tests_gets_to_import_runs_ahead_of_the_tests() -> None:
    base = {**BASE, "tests/__init__.py": "", "tests/test_a.py": TEST.format("")}
    case = Case(base, with_(base, {"tests/__init__.py": "import textkit\n"}))
    assert set(case.restored.put_back) == {"tests/__init__.py"}
    assert not case.held
