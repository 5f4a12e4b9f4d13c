"""A new spec is valid at once, and nothing can pass its check before somebody writes it."""

from __future__ import annotations

import subprocess
from datetime import date
from pathlib import Path

import pytest
from click.testing import CliRunner
from spec_texts import put

from fabrik.cli.spec import spec as command
from fabrik.errors import FabrikError, UsageError
from fabrik.specs.new import Template, plan, project_tests, write
from fabrik.specs.read import load
from fabrik.specs.reviewing.review import review
from fabrik.specs.validate import inspect

DAY = date(2026, 1, 2)


def make(
    tmp_path: Path, name: str = "search", *, as_json: bool = False, title: str | None = None
) -> list[Path]:
    new = plan(name, tmp_path / "specs", as_json=as_json, title=title, project=tmp_path, today=DAY)
    write(new)
    return list(new.files)


@pytest.mark.parametrize("as_json", [False, True])
def test_it_validates_and_its_check_fails(tmp_path: Path, as_json: bool) -> None:
    put(tmp_path / "Makefile", "test:\n\ttrue\n")
    paths = make(tmp_path, "0001-search", as_json=as_json)
    report = inspect(paths)
    assert report.errors == ()
    assert ["can never pass" in problem.what for problem in report.warnings] == [True]
    loaded = load(paths[0])
    assert (loaded.spec.id, loaded.spec.title, loaded.spec.status) == ("0001-search", "Search", "draft")
    first, second = loaded.spec.checks
    assert subprocess.run(["sh", "-c", first.run], cwd=tmp_path, capture_output=True).returncode == 1
    assert (second.run, second.name) == ("make test", "what worked before still works")
    assert (loaded.todo is not None) == as_json


@pytest.mark.parametrize("template", ["feature", "bug", "refactoring", "release"])
@pytest.mark.parametrize("as_json", [False, True])
def test_every_template_validates_and_is_not_ready(tmp_path: Path, template: Template, as_json: bool) -> None:
    """What is not filled in is found by the review, line by line."""
    new = plan("x", tmp_path, as_json=as_json, title=None, project=tmp_path, today=DAY, template=template)
    write(new)
    path = next(iter(new.files))
    assert inspect([path]).errors == ()
    (found,) = review([path])
    assert found.verdict == "needs work"
    hints = [one for one in found.findings if one.rule == "placeholder"]
    assert len(hints) >= 5, found.findings


def test_the_examples_in_comments_are_right(tmp_path: Path) -> None:
    """Who takes the comment signs away and moves the held-out checks up has a sound spec."""
    (path,) = make(tmp_path)
    text = path.read_text()
    example = text[text.index("holdout:\n") :].removesuffix("-->\n")
    text = text[: text.index("Checks that the agent must not see")].replace("<!-- Optional.", "Optional.")
    path.write_text(text.replace("status: draft\n", f"status: draft\n{example}"))
    put(tmp_path / "specs/hidden/search.sh", "exit 0\n")
    loaded = load(path)
    assert loaded.todo is not None and [task.id for task in loaded.todo.tasks] == ["1", "2"]
    assert all(task.verify for task in loaded.todo.tasks)
    assert loaded.spec.holdout[0].name == "hidden cases"


@pytest.mark.parametrize(
    ("name", "file", "spec_id", "title"),
    [
        ("search", "specs/search.md", "search", "Search"),
        (
            "0001-full_text search",
            "specs/0001-full-text-search.md",
            "0001-full-text-search",
            "Full text search",
        ),
        ("elsewhere/0002-x.md", "elsewhere/0002-x.md", "0002-x", "X"),
        ("elsewhere/y.json", "elsewhere/y.json", "y", "Y"),
        ("12", "specs/12.md", "12", "12"),
        ("true", "specs/true.md", "true", "True"),
    ],
)
def test_what_a_name_gives(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, file: str, spec_id: str, title: str
) -> None:
    monkeypatch.chdir(tmp_path)
    new = plan(name, Path("specs"), as_json=False, title=None, project=tmp_path, today=DAY)
    write(new)
    path = next(iter(new.files))
    assert path == Path(file)
    assert (load(path).spec.id, load(path).spec.title) == (spec_id, title)


@pytest.mark.parametrize("title", ["{{id}}", "Größe: «x»", "a # b", 'say "no"'])
@pytest.mark.parametrize("as_json", [False, True])
def test_titles_are_kept_as_they_are(tmp_path: Path, title: str, as_json: bool) -> None:
    assert load(make(tmp_path, as_json=as_json, title=title)[0]).spec.title == title


@pytest.mark.parametrize(("name", "title"), [("???", None), ("x", ""), ("x", "a\nb")])
def test_names_and_titles_that_cannot_be(tmp_path: Path, name: str, title: str | None) -> None:
    with pytest.raises(UsageError):
        make(tmp_path, name, title=title)


def test_nothing_is_overwritten(tmp_path: Path) -> None:
    todo = put(tmp_path / "specs/search.todo.json", "mine")
    with pytest.raises(UsageError, match="is there already"):
        make(tmp_path, as_json=True)
    assert todo.read_text() == "mine" and not (tmp_path / "specs/search.json").exists()
    (tmp_path / "specs/other.md").symlink_to(tmp_path / "nowhere")
    with pytest.raises(UsageError, match="is there already"):
        make(tmp_path, "other")


def test_a_place_that_cannot_be_written(tmp_path: Path) -> None:
    put(tmp_path / "specs", "a file")
    with pytest.raises(FabrikError, match="cannot be made"):
        make(tmp_path)


@pytest.mark.parametrize(
    ("name", "text", "expected"),
    [
        ("Makefile", "all:\n\ntest: all\n", "make test"),
        ("Makefile", "all:\n", None),
        ("package.json", '{"scripts": {"test": "vitest"}}', "npm test"),
        ("go.mod", "module x", "go test ./..."),
        ("Cargo.toml", "", "cargo test"),
        ("pyproject.toml", "[tool.pytest.ini_options]", "python3 -m pytest -q"),
        ("README.md", "make test", None),
    ],
)
def test_the_tests_of_the_project_are_found(
    tmp_path: Path, name: str, text: str, expected: str | None
) -> None:
    put(tmp_path / name, text)
    assert project_tests(tmp_path) == expected


def test_the_command_says_what_to_do_next(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    result = CliRunner().invoke(command, ["new", "specs/0001-search.md"])
    assert result.exit_code == 0
    assert result.output.splitlines()[0] == "wrote specs/0001-search.md"
    assert "  fabrik run --spec specs/0001-search.md" in result.output
    assert CliRunner().invoke(command, ["validate"]).exit_code == 0
