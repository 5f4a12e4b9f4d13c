"""Interpreter hooks, conftest files, code that reaches into test tools."""

from __future__ import annotations

import pytest
from tamper_kit import Case, Content, link

BASE: dict[str, Content] = {
    "src/tally.py": "def tally():\n    return 1\n",
    "tests/test_a.py": "def test_a(shop):\n    assert shop\n",
}
CONFTEST = "import pytest\n\n\n@pytest.fixture\ndef shop():\n    return 1\n"

NEW_BAD: dict[str, dict[str, Content]] = {
    "sitecustomize": {"sitecustomize.py": "import os\n"},
    "sitecustomize that is empty": {"src/sitecustomize.py": ""},
    "usercustomize": {"usercustomize.py": "import os\n"},
    "a compiled hook": {"sitecustomize.pyc": b"\xa7\r\r\n\0\0\0\0"},
    "a package": {"sitecustomize/__init__.py": "import os\n"},
    "a link": {"sitecustomize.py": link("src/tally.py")},
    "a .pth file": {"x.pth": "import os\n"},
    "conftest with a hook": {"conftest.py": "def pytest_runtest_makereport(item, call):\n    return None\n"},
    "conftest that picks": {
        "tests/conftest.py": "def pytest_collection_modifyitems(items):\n    items.clear()\n"
    },
    "conftest that ignores": {"conftest.py": "collect_ignore = ['tests/test_a.py']\n"},
    "conftest that ignores by glob": {"conftest.py": "collect_ignore_glob = ['*']\n"},
    "conftest with plugins": {"conftest.py": "pytest_plugins = ['tests.evil']\n"},
    "conftest with autouse": {
        "conftest.py": "import pytest\n@pytest.fixture(autouse=True)\ndef x(monkeypatch):\n    pass\n"
    },
    "conftest that runs": {"conftest.py": "import evil\nevil.run()\n"},
    "conftest that patches": {"conftest.py": "import tally\ntally.tally = lambda: 1\n"},
    "conftest with a builtin fixture": {
        "conftest.py": "import pytest\n@pytest.fixture\ndef monkeypatch():\n    pass\n"
    },
    "conftest in a loop": {"conftest.py": "for x in range(3):\n    import evil\n"},
    "conftest that configures": {
        "conftest.py": "def pytest_configure(config):\n    config.option.keyword = 'x'\n"
    },
    "conftest that cannot be read": {"conftest.py": "def (:\n"},
    "conftest that ends": {"conftest.py": "import os\nos._exit(0)\n"},
    "a package of tests that runs": {"tests/__init__.py": "import tally\ntally.tally = lambda: 1\n"},
    "TestMain": {"x_test.go": "package x\n\nfunc TestMain(m *testing.M) {\n\tos.Exit(0)\n}\n"},
    "TestMain that forgets": {
        "x_test.go": "package x\n\nfunc TestMain(m *testing.M) {\n\tm.Run()\n\tos.Exit(0)\n}\n"
    },
}


@pytest.mark.parametrize("name", NEW_BAD)
def test_a_new_hook_holds_and_is_taken_away(name: str) -> None:
    tried = Case(BASE, BASE | NEW_BAD[name])
    assert "hook" in tried.held_kinds, tried.tampers
    assert set(tried.restored.remove) == set(NEW_BAD[name])


NEW_HONEST: dict[str, dict[str, Content]] = {
    "fixtures": {"tests/conftest.py": CONFTEST},
    "an empty conftest": {"tests/conftest.py": ""},
    "a docstring": {"conftest.py": '"""Makes this folder the root."""\n'},
    "fixtures with helpers": {
        "tests/conftest.py": "from pathlib import Path\nimport pytest\nDATA = Path(__file__).parent\n\n"
        "def read(name):\n    return (DATA / name).read_text()\n\n@pytest.fixture(scope='session')\n"
        "def db(tmp_path_factory):\n    yield read('x')\n"
    },
    "the path to the sources": {"conftest.py": "import sys\nsys.path.insert(0, 'src')\n"},
    "a variable": {"conftest.py": "import os\nos.environ['APP_ENV'] = 'test'\n"},
    "markers": {
        "conftest.py": "def pytest_configure(config):\n    config.addinivalue_line('markers', 'slow: x')\n"
    },
    "an option": {
        "conftest.py": "def pytest_addoption(parser):\n    parser.addoption('--slow', default=False)\n"
    },
    "TestMain that tells": {
        "x_test.go": "package x\n\nfunc TestMain(m *testing.M) {\n\tcode := m.Run()\n\tos.Exit(code)\n}\n"
    },
    "a module of a like name": {"src/site_customize.py": "x = 1\n"},
    "a package of tests": {"tests/__init__.py": '"""Tests."""\nimport tally\n'},
    "init of Go": {"x_test.go": "package x\n\nfunc init() {\n\tsetup()\n}\n"},
    "mocks": {"web/__mocks__/axios.js": "module.exports = {}\n"},
    "fixtures beside": {"tests/fixtures.py": CONFTEST},
}


@pytest.mark.parametrize("name", NEW_HONEST)
def test_what_only_prepares_new_tests_does_not_hold(name: str) -> None:
    tried = Case(BASE, BASE | NEW_HONEST[name])
    assert tried.held == (), tried.tampers
    assert tried.restored.empty


def test_autouse_over_no_test_of_the_base_is_told() -> None:
    after = BASE | {
        "tests/new/conftest.py": "import pytest\n@pytest.fixture(autouse=True)\ndef x():\n    pass\n"
    }
    tried = Case(BASE, after)
    assert tried.held == ()
    assert [each.kind for each in tried.tampers] == ["hook"]


WITH = BASE | {"conftest.py": CONFTEST}
CHANGED = [
    (CONFTEST.replace("return 1", "return 2"), True),
    (CONFTEST.replace("@pytest.fixture", "@pytest.fixture(autouse=True)"), True),
    (CONFTEST + "\n\ndef pytest_runtest_call(item):\n    pass\n", True),
    (CONFTEST + "\ncollect_ignore = ['tests']\n", True),
    (CONFTEST + "\n\n@pytest.fixture\ndef tmp_path():\n    pass\n", True),
    (CONFTEST + "\n\n@pytest.fixture\ndef shop():\n    return 2\n", True),
    (None, True),
    (CONFTEST + "\n\n@pytest.fixture\ndef basket():\n    return []\n", False),
    ("import json\n" + CONFTEST, False),
    (CONFTEST.replace("    return 1", "    # one\n    return 1"), False),
    (CONFTEST + "\n\ndef helper():\n    return 1\n", False),
    (CONFTEST.replace("def shop():", 'def shop() -> int:\n    """One."""'), False),
    (CONFTEST + "\nSIZE = 3\n", False),
]


@pytest.mark.parametrize(("after", "holds"), CHANGED, ids=range(len(CHANGED)))
def test_the_conftest_of_the_base(after: str | None, holds: bool) -> None:
    tree: dict[str, Content] = dict(BASE) if after is None else BASE | {"conftest.py": after}
    tried = Case(WITH, tree)
    assert bool(tried.held) is holds, tried.tampers
    assert tried.held_kinds <= {"hook", "deleted", "loosened", "skipped"}
    assert set(tried.restored.put_back) == ({"conftest.py"} if holds else set())


RIGGED = [
    "import unittest\nunittest.TestCase.assertEqual = lambda *a: None\n",
    "from unittest import TestCase\nTestCase.assertEqual = lambda *a: None\n",
    "import builtins\nbuiltins.sum = lambda x: 6\n",
    "import sys\nsys.modules['pytest'] = None\n",
    "import sys, fake\nsys.modules['json'] = fake\n",
    "import pytest as p\ndef f():\n    setattr(p, 'raises', None)\n",
    "from _pytest import runner\nrunner.call_runtest_hook = None\n",
    "import os\nSAFE = 'PYTEST_CURRENT_TEST' in os.environ\n",
    "import sys\ndef f(x):\n    return 6 if 'pytest' in sys.modules else x\n",
    "import atexit, os\natexit.register(os._exit, 0)\n",
]


@pytest.mark.parametrize("code", RIGGED, ids=range(len(RIGGED)))
def test_a_product_that_reaches_into_test_tools_holds(code: str) -> None:
    tried = Case(BASE, BASE | {"src/tally.py": BASE["src/tally.py"] + code})  # type: ignore[operator]
    assert tried.held_kinds == {"hook"}, tried.tampers


SOUND = [
    "import os\ndef f():\n    os._exit(1)\n",
    "import sys\nsys.modules[__name__].x = 1\n",
    "import sys\nsys.modules['tally.plugins.a'] = object()\n",
    "import atexit\natexit.register(print, 'bye')\n",
    "class TestCase:\n    pass\nTestCase.size = 1\n",
    "import unittest\nclass T(unittest.TestCase):\n    longMessage = True\n",
    "ASKED = ('PYTEST_CURRENT_TEST', 'x')\n",
    "PYTEST = 'pytest'\nNAMES = [PYTEST]\nprint('pytest' in NAMES)\n",
]


@pytest.mark.parametrize("code", SOUND, ids=range(len(SOUND)))
def test_a_product_that_only_looks_like_it(code: str) -> None:
    tried = Case(BASE, BASE | {"src/tally.py": BASE["src/tally.py"] + code})  # type: ignore[operator]
    assert tried.held == ()


def test_what_the_base_did_already_is_no_finding() -> None:
    code = "import os\nSAFE = 'PYTEST_CURRENT_TEST' in os.environ\n"
    assert Case({"src/a.py": code}, {"src/a.py": code + "x = 1\n"}).tampers == ()


@pytest.mark.parametrize(("flags", "holds"), [(0, False), (1, True), (3, False)])
def test_compiled_python_that_is_never_compared_with_its_source(flags: int, holds: bool) -> None:
    compiled = b"\xa7\r\r\n" + flags.to_bytes(4, "little") + b"\0" * 16
    tried = Case(BASE, BASE | {"src/__pycache__/tally.cpython-311.pyc": compiled})
    assert bool(tried.held) is holds
    assert bool(tried.restored.remove) is holds
