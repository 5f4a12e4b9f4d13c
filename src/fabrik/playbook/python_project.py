"""The checks of a Python project, by its pyproject.toml or requirements.txt. Reads names of files besides."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

_LOOKED_AT = 50  # test files
_MOST_READ = 1 << 16  # bytes of each
_IMPORT = re.compile(rb"^(?:import|from)[ \t]+(unittest|pytest)\b", re.MULTILINE)
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
    elif found := _tests(root):
        of_module = "-m" in begin or found.module == "pytest -q"
        yield Check(label="Tests", run=begin + ("" if of_module else "python -m ") + found.module)
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
    elif found := _tests(root):
        yield Check(label="Tests", run=f"python3 -m {found.module}")


def bare(root: Path) -> tuple[str, Check] | None:
    """The tests of a project without any of these files, and the one of them that told."""
    found = _tests(root)
    return (found.file, Check(label="Tests", run=f"python3 -m {found.module}")) if found else None


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


@dataclass(frozen=True, kw_only=True)
class _Tests:
    """Tests that are there."""

    module: str  # what `python -m` is given to run them
    file: str  # that told, relative to the root


def _tests(root: Path) -> _Tests | None:
    """The tests in the root or in tests/, by what their files import; None where none is sure to run."""
    for directory in (root, root / "tests"):
        files = sorted(directory.glob("test_*.py"))[:_LOOKED_AT]
        alone = directory != root and not (directory / "__init__.py").is_file()
        unittest = "unittest discover -s tests" if alone else "unittest"
        for file in files:
            if imported := _IMPORT.search(_begin(file)):
                module = unittest if imported[1] == b"unittest" else "pytest -q"
                return _Tests(module=module, file=_relative(root, file))
        if files and (told := directory / "conftest.py").is_file():
            return _Tests(module="pytest -q", file=_relative(root, told))
        if files and not alone:
            return _Tests(module=unittest, file=_relative(root, files[0]))
    return None


def _relative(root: Path, file: Path) -> str:
    return file.relative_to(root).as_posix()


def _begin(file: Path) -> bytes:
    try:
        with file.open("rb") as opened:
            return opened.read(_MOST_READ)
    except OSError:
        return b""
