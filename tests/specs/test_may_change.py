"""What a spec says about the files that judge the work, and that it asks to change."""

from __future__ import annotations

from pathlib import Path

import pytest
from spec_texts import MARKDOWN, SPEC, put

from fabrik.problems import Problem
from fabrik.specs.read import SpecErrors, read_spec
from fabrik.specs.validate import inspect


def problem_of(path: Path) -> Problem:
    with pytest.raises(SpecErrors) as caught:
        read_spec(path)
    (problem,) = caught.value.problems
    return problem


def test_in_json(tmp_path: Path) -> None:
    globs = ["tests/test_total.py", "tests/**", ".github/workflows/*.yml", "tests/**"]
    spec = read_spec(put(tmp_path / "s.json", SPEC | {"mayChange": globs}))
    assert spec.may_change == ("tests/test_total.py", "tests/**", ".github/workflows/*.yml")
    assert "tests/test_total.py" in spec.source
    assert read_spec(put(tmp_path / "s.json", SPEC)).may_change == ()


def test_in_markdown(tmp_path: Path) -> None:
    section = (
        "## May change\n\nThe rounding changes, and with it:\n\n"
        "- `tests/test_total.py`: the sums are others now\n"
        "* tests/**/snap_*.txt\n"
        "- [ ] ``a file/with spaces.sh``\n"
        "- `tests/test_total.py`, once more\n"
        "  on two lines\n\n"
    )
    text = f"---\nmayChange: [ruff.toml, tests/conftest.py]\n---\n{MARKDOWN}\n{section}"
    spec = read_spec(put(tmp_path / "s.md", text))
    assert spec.may_change == (
        *("ruff.toml", "tests/conftest.py"),
        *("tests/test_total.py", "tests/**/snap_*.txt", "a file/with spaces.sh"),
    )
    assert "May change" in spec.source and "mayChange" in spec.source
    assert spec.goals == ("users find things",)


def test_it_stays_in_the_text_when_held_out_checks_are_taken_out(tmp_path: Path) -> None:
    text = f"---\nmayChange: [ruff.toml]\nholdout: [sh s3cret.sh]\n---\n{MARKDOWN}"
    spec = read_spec(put(tmp_path / "s.md", text))
    assert spec.may_change == ("ruff.toml",)
    assert "ruff.toml" in spec.source and "s3cret" not in spec.source


@pytest.mark.parametrize(
    ("glob", "what"),
    [
        ("/etc/passwd", "is an absolute path"),
        ("~/tests/x.py", "is an absolute path"),
        ("C:/tests/x.py", "is an absolute path"),
        ("../other/x.py", "leads out of the repository"),
        ("tests/../../x.py", "leads out of the repository"),
        ("", "must not be empty"),
        ("  ", "must not be empty"),
        (" tests/x.py", "is no glob of paths"),
        ("tests\\x.py", "is no glob of paths"),
        ("tests/x.py\n", "is no glob of paths"),
        ("!tests/x.py", "names no file that may change"),
        ("./tests/x.py", "matches no path"),
        ("tests/[x.py", "matches no path"),
    ],
)
def test_what_is_no_glob(tmp_path: Path, glob: str, what: str) -> None:
    problem = problem_of(put(tmp_path / "s.json", SPEC | {"mayChange": ["tests/ok.py", glob]}))
    assert problem.where == "mayChange[1]" and what in problem.what and problem.todo


@pytest.mark.parametrize("value", ["tests/**", {"a": "b"}, [1], None])
def test_what_is_no_list_of_globs(tmp_path: Path, value: object) -> None:
    assert problem_of(put(tmp_path / "s.json", SPEC | {"mayChange": value})).where.startswith("mayChange")


@pytest.mark.parametrize(
    ("section", "line", "what"),
    [
        ("## May Change\n\n- ../x\n", 19, "leads out of the repository"),
        ("## May Change\n\n- tests/x.py because of the sums\n", 19, "is no glob of paths"),
        ("## May Change\n\nNothing but the tests.\n", 19, "is no glob of paths"),
        ("## May Change\n\n- ok.py\n- `/abs`: why\n", 20, "is an absolute path"),
        ("## May Change\n", 17, "names no files"),
        ("## May Chnage\n\n- tests/x.py\n", 17, "the heading 'May Chnage' is not known"),
    ],
)
def test_a_section_that_is_wrong(tmp_path: Path, section: str, line: int, what: str) -> None:
    problem = problem_of(put(tmp_path / "s.md", f"{MARKDOWN}\n{section}"))
    assert problem.where == f"line {line}" and what in problem.what and problem.todo


def test_a_mistake_in_the_front_matter_has_its_line(tmp_path: Path) -> None:
    text = f"---\nid: a\nmayChange:\n  - ok.py\n  - /abs\n---\n{MARKDOWN}"
    assert problem_of(put(tmp_path / "s.md", text)).where == "line 5, mayChange[1]"


def test_a_file_that_says_it_is_meant_as_a_spec(tmp_path: Path) -> None:
    put(tmp_path / "a.json", {"mayChange": ["x"]})
    put(tmp_path / "b.md", "---\nmayChange: [x]\n---\n# Text\n")
    assert {Path(problem.file).name for problem in inspect([tmp_path]).errors} == {"a.json", "b.md"}
