"""Check scripts, CI, settings of judges, and files that hold such settings beside other things."""

from __future__ import annotations

import json
from typing import Any

import pytest
from tamper_kit import Case

PYPROJECT = """\
[project]
name = "tally"
dependencies = ["click"]

[tool.ruff]
line-length = 100

[tool.mypy]
strict = true

[tool.coverage.report]
fail_under = 80

[tool.pytest.ini_options]
addopts = "-ra"
testpaths = ["tests"]
markers = ["slow: takes long"]
"""
PACKAGE = {
    "name": "tally",
    "scripts": {"test": "npm run unit", "unit": "jest", "build": "tsc", "lint": "eslint ."},
    "dependencies": {"left": "1.0.0"},
    "devDependencies": {"jest": "^29.0.0"},
    "jest": {"testEnvironment": "node"},
}
MAKEFILE = """\
PY = python3
OUT := build

.PHONY: test build

build:
\t$(PY) -m build -o $(OUT)

test: unit
\t$(PY) -m checks

unit:
\t$(PY) -m pytest

run:
\t$(PY) -m tally
"""
CARGO = '[package]\nname = "x"\n\n[dependencies]\na = "1"\n\n[lints.rust]\nunsafe_code = "forbid"\n'
TSCONFIG = (
    '{\n  // strict\n  "compilerOptions": {"strict": true, "target": "es2020",},\n  "include": ["src"]\n}\n'
)
SETUP = "[metadata]\nname = x\n\n[flake8]\nmax-line-length = 100\n\n[tool:pytest]\naddopts = -ra\n"
TOX = "[tox]\nenvlist = py311\n\n[testenv]\ndeps = pytest\ncommands = pytest -q\n"
WORKFLOW = "on: push\njobs:\n  test:\n    steps:\n      - run: make test\n"
JUSTFILE = "test:\n    pytest\n\nbuild:\n    make build\n"


def package(**changes: Any) -> str:
    document = json.loads(json.dumps(PACKAGE))
    for path, value in changes.items():
        place = document
        *above, last = path.split("__")
        for key in above:
            place = place.setdefault(key, {})
        if value is None:
            del place[last]
        else:
            place[last] = value
    return json.dumps(document, indent=4)


FILES = {
    "pyproject.toml": PYPROJECT,
    "package.json": json.dumps(PACKAGE),
    "Makefile": MAKEFILE,
    "Cargo.toml": CARGO,
    "tsconfig.json": TSCONFIG,
    "setup.cfg": SETUP,
    "tox.ini": TOX,
    "justfile": JUSTFILE,
    ".github/workflows/ci.yml": WORKFLOW,
    "checks/test.sh": "set -e\npython -m tally\n",
    "ruff.toml": 'select = ["E"]\n',
    ".eslintrc.json": '{"rules": {"eqeqeq": 2}}',
    "src/tally.py": "x = 1\n",
    "tests/test_a.py": "def test_a():\n    assert 1\n",
}
COMMANDS = ("make test", "npm test", "just test", "tox", "sh checks/test.sh")
OVERRIDE = '\n[[tool.mypy.overrides]]\nmodule = "boto3.*"\nignore_missing_imports = true\n'

BAD = [
    ("pyproject.toml", PYPROJECT.replace("100", "300")),
    ("pyproject.toml", PYPROJECT.replace("strict = true", "strict = false")),
    ("pyproject.toml", PYPROJECT.replace("fail_under = 80", "fail_under = 0")),
    ("pyproject.toml", PYPROJECT.replace('"-ra"', '"-ra -k nothing"')),
    ("pyproject.toml", PYPROJECT.replace('["tests"]', '["other"]')),
    ("pyproject.toml", PYPROJECT + 'norecursedirs = ["tests"]\n'),
    ("pyproject.toml", PYPROJECT + 'python_functions = ["check_*"]\n'),
    ("pyproject.toml", PYPROJECT + '\n[project.entry-points.pytest11]\nx = "tally.plugin"\n'),
    ("pyproject.toml", PYPROJECT.replace("[tool.mypy]\nstrict = true\n", "")),
    ("pyproject.toml", "not [ toml"),
    ("package.json", package(scripts__test="true")),
    ("package.json", package(scripts__unit="exit 0")),
    ("package.json", package(scripts__lint="true")),
    ("package.json", package(scripts__pretest="rm -r tests")),
    ("package.json", package(jest__testPathIgnorePatterns=["a"])),
    ("package.json", package(jest=None)),
    ("package.json", package(devDependencies__jest="file:./fake-jest")),
    ("package.json", package(overrides__jest="npm:evil@1")),
    ("package.json", package(eslintConfig={"rules": {}})),
    ("package.json", "{"),
    ("Makefile", MAKEFILE.replace("-m checks", "-m checks || true")),
    ("Makefile", MAKEFILE.replace("\t$(PY) -m pytest", "\t-$(PY) -m pytest")),
    ("Makefile", MAKEFILE.replace("PY = python3", "PY = true")),
    ("Makefile", "SHELL = /bin/true\n" + MAKEFILE),
    ("Makefile", MAKEFILE + "\ninclude more.mk\n"),
    ("Makefile", MAKEFILE + "\ntest: sabotage\n\nsabotage:\n\trm -r tests\n"),
    ("Makefile", MAKEFILE + "\n.IGNORE:\n"),
    ("Cargo.toml", CARGO.replace("forbid", "allow")),
    ("Cargo.toml", CARGO + '\n[[test]]\nname = "it"\nharness = false\n'),
    ("Cargo.toml", CARGO + "\n[lib]\ntest = false\n"),
    ("tsconfig.json", TSCONFIG.replace("true", "false")),
    ("tsconfig.json", TSCONFIG.replace('["src"]', '["src/a"]')),
    ("tsconfig.json", TSCONFIG.replace('"strict"', '"skipLibCheck": true, "strict"')),
    ("setup.cfg", SETUP.replace("100", "300")),
    ("setup.cfg", SETUP.replace("-ra", "--ignore=tests")),
    ("tox.ini", TOX.replace("pytest -q", "true")),
    ("justfile", JUSTFILE.replace("    pytest", "    true")),
    (".github/workflows/ci.yml", WORKFLOW.replace("make test", "true")),
    (".github/workflows/ci.yml", None),
    ("checks/test.sh", "exit 0\n"),
    ("checks/test.sh", "set -e\npython -m tally\nexit 0\n"),
    ("checks/test.sh", None),
    ("ruff.toml", "select = []\n"),
    (".eslintrc.json", '{"rules": {"eqeqeq": 0}}'),
]


@pytest.mark.parametrize(("path", "after"), BAD, ids=range(len(BAD)))
def test_what_judges_was_changed(path: str, after: str | None) -> None:
    tree = {**FILES, path: after} if after is not None else {p: c for p, c in FILES.items() if p != path}
    tried = Case(FILES, {p: c for p, c in tree.items() if c is not None}, commands=COMMANDS)
    assert {each.path for each in tried.held} == {path}
    assert {each.kind for each in tried.held} <= {"changed", "deleted"}
    assert set(tried.restored.put_back) == {path}


HONEST = [
    ("pyproject.toml", PYPROJECT.replace('["click"]', '["click", "httpx>=0.28"]')),
    ("pyproject.toml", PYPROJECT.replace('name = "tally"', 'name = "tally"\nversion = "1.1"')),
    ("pyproject.toml", PYPROJECT + '\n[project.scripts]\ntally = "tally:main"\n'),
    (
        "pyproject.toml",
        PYPROJECT.replace('["slow: takes long"]', '["slow: takes long", "net: online"]'),
    ),
    ("pyproject.toml", PYPROJECT.replace("fail_under = 80", "fail_under = 90")),
    ("pyproject.toml", PYPROJECT + 'asyncio_mode = "auto"\n'),
    ("pyproject.toml", PYPROJECT + 'pythonpath = ["src"]\n'),
    (
        "pyproject.toml",
        PYPROJECT + OVERRIDE,
    ),
    ("pyproject.toml", PYPROJECT + '\n[tool.hatch.build]\npackages = ["src"]\n'),
    ("pyproject.toml", "# about\n" + PYPROJECT.replace(" = ", "=")),
    ("package.json", package(dependencies__right="2.0.0")),
    ("package.json", package(devDependencies__jest="^30.0.0")),
    ("package.json", package(devDependencies__eslint="^9.0.0")),
    ("package.json", package(scripts__build="tsc -b")),
    ("package.json", package(scripts__start="node .")),
    ("package.json", package(version="1.1.0")),
    ("package.json", package()),
    ("Makefile", MAKEFILE.replace("-m tally", "-m tally --fast")),
    ("Makefile", MAKEFILE + "\nclean:\n\trm -r build\n"),
    ("Makefile", MAKEFILE.replace("OUT := build", "OUT := dist")),
    ("Makefile", MAKEFILE.replace(".PHONY: test build", ".PHONY: test build clean")),
    ("Makefile", "# How to build.\n" + MAKEFILE),
    ("Cargo.toml", CARGO.replace('a = "1"', 'a = "1"\nserde = "1"')),
    ("Cargo.toml", CARGO + '\n[dev-dependencies]\nproptest = "1"\n'),
    ("tsconfig.json", TSCONFIG.replace("es2020", "es2022")),
    ("tsconfig.json", TSCONFIG.replace('["src"]', '["src", "types"]')),
    ("tsconfig.json", TSCONFIG.replace('"strict"', '"noUnusedLocals": true, "strict"')),
    ("setup.cfg", SETUP.replace("name = x", "name = x\nversion = 2")),
    ("tox.ini", TOX.replace("deps = pytest", "deps = pytest\n    httpx")),
    ("justfile", JUSTFILE.replace("make build", "make all") + "\nrun:\n    tally\n"),
    (".github/workflows/ci.yml", "# The CI.\n\n" + WORKFLOW),
    ("ruff.toml", 'select = ["E"] \n'),
    (".eslintrc.json", '{\n  "rules": {"eqeqeq": 2}\n}\n'),
]


@pytest.mark.parametrize(("path", "after"), HONEST, ids=range(len(HONEST)))
def test_other_parts_of_the_file_are_free(path: str, after: str) -> None:
    assert after != FILES[path]
    tried = Case(FILES, {**FILES, path: after}, commands=COMMANDS)
    assert tried.held == ()
    assert tried.restored.empty


NEW = [
    ("pytest.ini", "[pytest]\naddopts = -k nothing\n", "pytest -q", True),
    ("pytest.ini", "[pytest]\nmarkers =\n    slow: x\naddopts = -q --strict-markers\n", "pytest -q", False),
    ("pytest.ini", "[pytest]\ntestpaths = elsewhere\n", "pytest -q", True),
    ("pytest.ini", "[pytest]\ntestpaths = tests\npythonpath = src\n", "pytest -q", False),
    ("tox.ini", "[pytest]\naddopts = --ignore=tests\n", "python -m pytest", True),
    ("mypy.ini", "[mypy]\nignore_errors = True\n", "mypy src", True),
    ("mypy.ini", "[mypy]\nignore_errors = True\n", "pytest -q", False),
    ("src/ruff.toml", "select = []\n", "ruff check .", True),
    (".eslintrc.json", "{}", "npx eslint .", True),
    (".cargo/config.toml", "[build]\nrustc-wrapper = 'x'\n", "cargo test", True),
    (".github/workflows/new.yml", "on: push\n", "pytest -q", False),
    (".coveragerc", "[run]\nomit = *\n", "coverage run -m pytest", True),
]


@pytest.mark.parametrize(("path", "content", "command", "holds"), NEW, ids=range(len(NEW)))
def test_new_settings_hold_where_a_check_reads_them(
    path: str, content: str, command: str, holds: bool
) -> None:
    base = {"src/tally.py": "x = 1\n", "tests/test_a.py": "def test_a():\n    assert 1\n"}
    tried = Case(base, {**base, path: content}, commands=(command,))
    assert bool(tried.held) is holds, tried.tampers
    assert bool(tried.restored.remove) is holds


def test_settings_of_a_new_project_judge_nothing_that_was_there() -> None:
    after = {"pyproject.toml": PYPROJECT, "ruff.toml": "select = []\n", "tally.py": "x = 1\n"}
    tried = Case({"README.md": "x"}, after, commands=("ruff check .", "pytest -q"))
    assert tried.held == ()
    assert tried.restored.empty


def test_a_new_table_that_no_check_reads_changes_nothing() -> None:
    base = {"pyproject.toml": "[project]\nname = 'x'\n", "src/a.py": ""}
    after = {**base, "pyproject.toml": base["pyproject.toml"] + "[tool.ruff]\nselect = []\n"}
    assert Case(base, after, commands=("pytest -q",)).held == ()
    assert Case(base, after, commands=("ruff check .",)).held_kinds == {"changed"}


def test_through_make_any_settings_may_be_read() -> None:
    base = {"Makefile": MAKEFILE, "src/a.py": ""}
    tried = Case(base, {**base, "mypy.ini": "[mypy]\nignore_errors = True\n"}, commands=("make test",))
    assert tried.held == ()
    assert tried.restored.remove == ("mypy.ini",), "the check without it tells whether it counts"
