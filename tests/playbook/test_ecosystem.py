"""The checks that projects have, by their files."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from fabrik.playbook.ecosystem import detect


def seen(root: Path) -> dict[str, str]:
    return {check.label: check.run for check in detect(root).checks}


def put(root: Path, name: str, text: str = "") -> None:
    path = root / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)


def test_nothing_is_invented(tmp_path: Path) -> None:
    put(tmp_path, "README.md", "run pytest")
    found = detect(tmp_path)
    assert (found.files, found.setup, found.checks) == ((), (), ())


@pytest.mark.parametrize(
    ("files", "expected"),
    [
        ({"tests/test_calc.py": "import unittest\n"}, "python3 -m unittest discover -s tests"),
        ({"tests/test_calc.py": "import unittest\n", "tests/__init__.py": ""}, "python3 -m unittest"),
        ({"test_calc.py": "from unittest import TestCase\n"}, "python3 -m unittest"),
        ({"tests/test_calc.py": "import sys\nimport pytest\n"}, "python3 -m pytest -q"),
        ({"tests/test_calc.py": "def test_x(): ...\n", "tests/conftest.py": ""}, "python3 -m pytest -q"),
        ({"tests/test_calc.py": "def test_x(): ...\n"}, None),
        ({"Makefile": "test:\n\ttrue\n", "tests/test_calc.py": "import unittest\n"}, "make test"),
    ],
)
def test_python_tests_without_a_project_file(
    tmp_path: Path, files: dict[str, str], expected: str | None
) -> None:
    for name, text in files.items():
        put(tmp_path, name, text)
    assert seen(tmp_path).get("Tests") == expected


def test_scripts_of_package_json(tmp_path: Path) -> None:
    scripts = {
        "dev": "vite",
        "test": "vitest run",
        "lint": "eslint .",
        "build": "vite build",
        "type-check": "tsc",
    }
    put(tmp_path, "package.json", json.dumps({"scripts": scripts, "devDependencies": {"vitest": "1"}}))
    put(tmp_path, "package-lock.json", "{}")
    assert seen(tmp_path) == {
        "Tests": "npm test",
        "Typecheck": "npm run type-check",
        "Lint": "npm run lint",
        "Build": "npm run build",
    }
    assert detect(tmp_path).setup == ("npm ci",)


@pytest.mark.parametrize(
    ("lock", "manager"), [("pnpm-lock.yaml", "pnpm"), ("yarn.lock", "yarn"), ("bun.lock", "bun")]
)
def test_the_package_manager_is_the_one_that_locked(tmp_path: Path, lock: str, manager: str) -> None:
    put(tmp_path, "package.json", '{"scripts": {"test": "x"}, "dependencies": {"a": "1"}}')
    put(tmp_path, lock)
    assert seen(tmp_path) == {"Tests": f"{manager} test"}
    assert detect(tmp_path).setup == (f"{manager} install",)


def test_the_test_script_that_npm_init_writes_is_none(tmp_path: Path) -> None:
    put(tmp_path, "package.json", '{"scripts": {"test": "echo \\"Error: no test specified\\" && exit 1"}}')
    put(tmp_path, "tsconfig.json", "{}")
    assert seen(tmp_path) == {"Typecheck": "npx tsc --noEmit"}


@pytest.mark.parametrize("text", ["", "{", "[]", '{"scripts": []}', '{"scripts": {"test": 1}}'])
def test_a_broken_package_json_tells_nothing(tmp_path: Path, text: str) -> None:
    put(tmp_path, "package.json", text)
    assert not detect(tmp_path).checks


@pytest.mark.parametrize(
    "text",
    [
        '[project]\ndependencies = ["pytest>=8", "mypy", "ruff==0.1"]\n',
        '[project.optional-dependencies]\ndev = ["pytest>=8", "mypy", "ruff"]\n',
        '[dependency-groups]\ndev = ["pytest", "mypy[x]", "ruff", {include-group = "x"}]\n',
        "[tool.pytest.ini_options]\n[tool.mypy]\n[tool.ruff]\n",
    ],
)
def test_tools_of_a_pyproject(tmp_path: Path, text: str) -> None:
    put(tmp_path, "pyproject.toml", text)
    put(tmp_path, "src/x.py")
    assert seen(tmp_path) == {
        "Tests": "python3 -m pytest -q",
        "Typecheck": "python3 -m mypy src",
        "Lint": "python3 -m ruff check .",
    }
    put(tmp_path, "uv.lock")
    assert seen(tmp_path)["Tests"] == "uv run pytest -q"
    assert detect(tmp_path).setup == ("uv sync",)


def test_a_project_of_poetry(tmp_path: Path) -> None:
    put(tmp_path, "pyproject.toml", '[tool.poetry.group.dev.dependencies]\npytest = "^8"\nflake8 = "*"\n')
    assert seen(tmp_path) == {"Tests": "poetry run pytest -q", "Lint": "poetry run flake8"}


def test_tests_of_the_standard_library(tmp_path: Path) -> None:
    put(tmp_path, "pyproject.toml", "[project]\n")
    assert seen(tmp_path) == {}
    put(tmp_path, "tests/test_a.py")
    assert seen(tmp_path) == {}, "unittest does not find them without a package"
    put(tmp_path, "tests/__init__.py")
    assert seen(tmp_path) == {"Tests": "python3 -m unittest"}


def test_a_broken_pyproject_tells_nothing(tmp_path: Path) -> None:
    put(tmp_path, "pyproject.toml", "[[")
    assert not detect(tmp_path).checks


def test_targets_of_a_makefile_go_before_the_rest(tmp_path: Path) -> None:
    put(
        tmp_path,
        "Makefile",
        "CC := gcc\n.PHONY: test\ntest lint: deps\n\tgo test\nbuild:=x\nclean:\n\trm x\n",
    )
    put(tmp_path, "go.mod", "module x")
    assert seen(tmp_path) == {
        "Tests": "make test",
        "Lint": "make lint",
        "Build": "go build ./...",
        "Vet": "go vet ./...",
    }


@pytest.mark.parametrize(
    ("name", "text", "run"),
    [
        ("Cargo.toml", "[package]", "cargo test"),
        ("mix.exs", "", "mix test"),
        ("pom.xml", "", "mvn -q verify"),
        ("build.gradle.kts", "", "gradle check"),
        ("Gemfile", "gem 'rspec'\n", "bundle exec rspec"),
        ("justfile", "test arg='x':\n  true\n", "just test"),
        ("requirements.txt", "pytest==8\n", "python3 -m pytest -q"),
    ],
)
def test_other_projects(tmp_path: Path, name: str, text: str, run: str) -> None:
    put(tmp_path, name, text)
    assert run in seen(tmp_path).values()
