"""Modules and programs in the place of others."""

from __future__ import annotations

import pytest
from tamper_kit import Case, Content, link

BASE: dict[str, Content] = {
    "src/tally/__init__.py": "",
    "src/tally/core.py": "",
    "tests/test_a.py": "import requests\nimport tally\n\ndef test_a():\n    assert tally\n",
    "Makefile": "test:\n\tpytest\n",
}
BAD: dict[str, dict[str, Content]] = {
    "pytest at the root": {"pytest.py": ""},
    "pytest in src": {"src/pytest.py": ""},
    "pytest beside the tests": {"tests/pytest.py": ""},
    "who judges": {"fabrik/__init__.py": "", "fabrik/judge.py": ""},
    "a package": {"unittest/__init__.py": "", "unittest/case.py": ""},
    "the standard library": {"json.py": ""},
    "the standard library in src": {"src/random.py": ""},
    "beside deeper tests": {"tests/unit/datetime.py": ""},
    "compiled": {"json.cpython-311-x86_64-linux-gnu.so": b"\x7fELF"},
    "compiled by Python": {"subprocess.pyc": b"\xa7\r\r\n" + b"\0" * 12},
    "a link": {"pytest": link("src/tally")},
    "a plugin": {"pytest_cov.py": ""},
    "another Makefile": {"GNUmakefile": "test:\n\ttrue\n"},
    "a file of a target's name": {"test": ""},
    "an installed tool": {"node_modules/jest/index.js": "", "node_modules/jest/package.json": "{}"},
    "a program of node": {"node_modules/.bin/eslint": "#!/bin/sh\n"},
}


@pytest.mark.parametrize("name", BAD)
def test_what_takes_the_place_of_a_tool_holds(name: str) -> None:
    tried = Case(BASE, BASE | BAD[name], commands=("make test", "pytest -q"))
    assert "shadow" in tried.held_kinds, tried.tampers


@pytest.mark.parametrize(
    "name", ["pytest at the root", "a package", "compiled", "another Makefile", "a link"]
)
def test_it_is_taken_away(name: str) -> None:
    tried = Case(BASE, BASE | BAD[name], commands=("make test",))
    assert set(tried.restored.remove) <= set(BAD[name])
    assert tried.restored.remove


HONEST: dict[str, dict[str, Content]] = {
    "a module of the package": {"src/tally/json.py": ""},
    "deeper": {"src/tally/io/types.py": ""},
    "a module of its own name": {"src/parsing.py": "", "reports.py": ""},
    "a test folder": {"test/__init__.py": "", "test/test_b.py": "def test_b():\n    assert 1\n"},
    "a folder that is no package": {"email/template.txt": "x", "platform/linux.cfg": "x"},
    "another language": {"src/types.ts": "", "queue.go": "", "json.md": ""},
    "documents": {"docs/calendar.py": ""},
    "compiled by accident": {"src/tally/__pycache__/core.cpython-311.pyc": b"\xa7\r\r\n" + b"\0" * 12},
    "a test named after a module": {"tests/test_json.py": "def test_j():\n    assert 1\n"},
    "a Makefile below": {"docs/Makefile": "html:\n\ttrue\n"},
    "an installed dependency": {"node_modules/left-pad/index.js": ""},
}


@pytest.mark.parametrize("name", HONEST)
def test_what_nobody_mixes_up_does_not_hold(name: str) -> None:
    tried = Case(BASE, BASE | HONEST[name], commands=("make test", "pytest -q"))
    assert tried.held == (), tried.tampers
    assert not tried.restored.remove


def test_what_the_base_had_already_is_no_shadow() -> None:
    base: dict[str, Content] = {"queue.py": "x = 1\n", "src/types/__init__.py": ""}
    after: dict[str, Content] = {"queue.py": "x = 2\n", "src/types/__init__.py": "", "src/types/more.py": ""}
    assert Case(base, after).held == ()
    assert Case(base, base | {"queue/__init__.py": ""}).held == ()


def test_the_folder_of_a_script_that_a_check_starts_is_importable() -> None:
    base: dict[str, Content] = {"app/main.py": "", "other/x.py": ""}
    command = ("python app/main.py < in",)
    assert Case(base, base | {"app/json.py": ""}, commands=command).held_kinds == {"shadow"}
    assert Case(base, base | {"other/json.py": ""}, commands=command).held == ()
    assert Case(base, base | {"lib2/json.py": ""}, commands=("PYTHONPATH=lib2 pytest",)).held_kinds == {
        "shadow"
    }


def test_a_path_that_the_change_adds_is_importable() -> None:
    base: dict[str, Content] = {"x.py": ""}
    after = base | {"conftest.py": "import sys\nsys.path.insert(0, 'vendored')\n", "vendored/json.py": ""}
    assert Case(base, after).held_kinds == {"shadow"}


def test_packages_that_changed_tests_import() -> None:
    tests = {"tests/test_a.py": str(BASE["tests/test_a.py"]) + "\n\ndef test_b():\n    assert 1\n"}
    assert Case(BASE, BASE | tests | {"requests/__init__.py": ""}).held_kinds == {"shadow"}
    assert Case(BASE, BASE | tests | {"tallies/__init__.py": ""}).held == ()
