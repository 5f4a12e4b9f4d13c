"""The checks of a Python project, by its pyproject.toml or requirements.txt. Reads names of files besides."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

_NAME = re.compile(r"\s*([A-Za-z0-9][A-Za-z0-9._-]*)")


@dataclass(frozen=True, kw_only=True)
class Check:
    """A command that checks the project."""

    label: str  # "Tests"
    run: str


def pyproject(root: Path, text: str) -> Iterator[Check | str]:
    """The checks by a pyproject.toml; texts are commands that set the project up."""
    try:
        data = tomllib.loads(text)
    except tomllib.TOMLDecodeError:
        return
    tools = _table(data, "tool")
    asked = {match[1].lower() for line in _requirements(data) if (match := _NAME.match(line))}
    if (root / "uv.lock").is_file():
        begin = "uv run "
        yield "uv sync"
    elif (root / "poetry.lock").is_file() or "poetry" in tools:
        begin = "poetry run "
        yield "poetry install"
    else:
        begin = "python3 -m "
    if "pytest" in tools or "pytest" in asked or (root / "pytest.ini").is_file():
        yield Check(label="Tests", run=f"{begin}pytest -q")
    elif _unittests(root):
        yield Check(label="Tests", run=f"{begin}unittest" if "-m" in begin else f"{begin}python -m unittest")
    if "mypy" in tools or "mypy" in asked:
        configured = bool(_table(tools, "mypy").get("files"))
        where = "" if configured else " src" if (root / "src").is_dir() else " ."
        yield Check(label="Typecheck", run=f"{begin}mypy{where}")
    elif "pyright" in tools or "pyright" in asked:
        yield Check(label="Typecheck", run=f"{begin}pyright")
    if "ruff" in tools or "ruff" in asked:
        yield Check(label="Lint", run=f"{begin}ruff check .")
    elif "flake8" in asked:
        yield Check(label="Lint", run=f"{begin}flake8")


def requirements(root: Path, text: str) -> Iterator[Check | str]:
    """The same by a requirements.txt, where there is no pyproject.toml."""
    if (root / "pyproject.toml").is_file():
        return
    yield "python3 -m pip install -r requirements.txt"
    if re.search(r"^pytest\b", text, re.MULTILINE) or (root / "pytest.ini").is_file():
        yield Check(label="Tests", run="python3 -m pytest -q")
    elif _unittests(root):
        yield Check(label="Tests", run="python3 -m unittest")


def _requirements(data: Mapping[str, Any]) -> Iterator[str]:
    """Every package that a pyproject.toml names, in the places of PEP 621, PEP 735 and Poetry."""
    project, poetry = _table(data, "project"), _table(_table(data, "tool"), "poetry")
    for part in (
        project.get("dependencies"),
        project.get("optional-dependencies"),
        data.get("dependency-groups"),
    ):
        yield from _texts(part)
    for table in (poetry, *_table(poetry, "group").values()):
        for key in ("dependencies", "dev-dependencies"):
            yield from _table(table, key) if isinstance(table, dict) else ()


def _table(data: Mapping[str, Any], key: str) -> Mapping[str, Any]:
    value = data.get(key)
    return value if isinstance(value, dict) else {}


def _texts(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict | list):
        for inner in value.values() if isinstance(value, dict) else value:
            yield from _texts(inner)


def _unittests(root: Path) -> bool:
    """There are tests that `python -m unittest` finds: in the root, or in a package tests/."""
    package = (root / "tests" / "__init__.py").is_file()
    return any(root.glob("test_*.py")) or (package and any((root / "tests").glob("test_*.py")))
