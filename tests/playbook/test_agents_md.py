"""The checks in AGENTS.md, as people write it in many kinds of projects (agents_md/)."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fabrik.playbook.agents_md import NamedCheck, checks, read

SAMPLES = Path(__file__).parent / "agents_md"
EXPECTED: dict[str, dict[str, Any]] = tomllib.loads((SAMPLES / "expected.toml").read_text())


def test_every_sample_has_what_is_expected_of_it() -> None:
    assert {path.stem for path in SAMPLES.glob("*.md")} == set(EXPECTED)
    assert len(EXPECTED) >= 20


@pytest.mark.parametrize("name", EXPECTED)
def test_a_sample(name: str) -> None:
    text = (SAMPLES / f"{name}.md").read_bytes().decode()
    understood = read(text)
    expected = EXPECTED[name]
    assert [[check.name, check.run] for check in understood.checks] == expected["checks"]
    assert [entry.run for entry in understood.skipped if entry.told] == expected.get("told", [])
    lines = text.splitlines()
    for check in understood.checks:
        # Its line is where its last word stands: a command may be put together of several lines.
        assert check.run.split()[-1].strip("\"'") in " ".join(lines[check.line - 1 : check.line + 2])


def test_nothing_found_is_told_once_with_what_to_do() -> None:
    (problem,) = read("# A project\n\nIt does things.\n").problems
    assert "no checks were found" in problem.what
    assert "- Tests: `pytest -q`" in problem.todo
    assert checks("") == ()


def test_placeholders_of_the_playbook_are_told_with_their_lines() -> None:
    problems = read((SAMPLES / "playbook_unfilled.md").read_text(), "docs/AGENTS.md").problems
    assert [(problem.file, problem.where) for problem in problems] == [
        ("docs/AGENTS.md", "line 9"),
        ("docs/AGENTS.md", "line 10"),
        ("docs/AGENTS.md", "line 11"),
        ("docs/AGENTS.md", ""),
    ]


@pytest.mark.parametrize(
    ("run", "advice"),
    [
        ("pytest -q | tail -5", "without the pipe"),
        ("pytest -q || true", "fails when something is wrong"),
        ("npm install && npm test", "the part that checks"),
        ("ruff check --fix .", "--check"),
        ("npm test &", "ends by itself"),
    ],
)
def test_a_command_that_proves_nothing_is_told_with_a_way_out(run: str, advice: str) -> None:
    understood = read(f"## Validation\n\n- Checks: `{run}`\n- Types: `mypy .`\n")
    assert [check.run for check in understood.checks] == ["mypy ."]
    (problem,) = understood.problems
    assert problem.where == "line 3"
    assert run in problem.what
    assert advice in problem.todo


def test_names_are_unique_and_equal_commands_are_one_check() -> None:
    text = "## Tests\n\n- Tests: `pytest a`\n- Tests: `pytest b`\n- Again: `pytest a`\n"
    assert checks(text) == (
        NamedCheck(name="Tests", run="pytest a", line=3),
        NamedCheck(name="Tests 2", run="pytest b", line=4),
    )


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
@pytest.mark.parametrize("mark", ["-", "*", "+", "1.", "2)"])
@pytest.mark.parametrize("label", ["Tests:", "**Tests:**", "**Tests**:", "_Tests_:", "Tests —", "Tests -"])
def test_the_spelling_of_a_list_does_not_matter(mark: str, label: str, end: str) -> None:
    text = f"## Validation{end}{end}{mark} {label} `pytest -q`{end}"
    assert [(check.name, check.run, check.line) for check in checks(text)] == [("Tests", "pytest -q", 3)]


@pytest.mark.parametrize(
    "heading",
    ["Validation", "Testing", "Tests", "Checks", "Running tests", "Linting", "Before you commit",
     "Quality gates", "Verification commands", "✅ Validation", "3. Tests", "CI", "Backpressure"],
)  # fmt: skip
def test_below_headings_of_validation_an_unknown_command_counts(heading: str) -> None:
    assert [check.run for check in checks(f"## {heading}\n\n```sh\nfrobnicate --all\n```\n")] == [
        "frobnicate --all"
    ]


@pytest.mark.parametrize(
    "heading",
    ["Build & Run", "Build & Test", "Commands", "Development", "Setup and tests", "Testing guidelines"],
)
def test_below_mixed_headings_only_what_is_known_or_labelled_counts(heading: str) -> None:
    text = f"## {heading}\n\n```sh\nfrobnicate --all\nnpm start\nnpm test\n\n# Tests\n./try-it\n```\n"
    assert [check.run for check in checks(text)] == ["npm test", "./try-it"]


@pytest.mark.parametrize(
    "heading", ["Operational notes", "Architecture", "Code style", "Deployment", "Releasing"]
)
def test_below_other_headings_nothing_counts(heading: str) -> None:
    assert checks(f"# X\n\n## {heading}\n\n- Tests: `pytest`\n\n```sh\npytest\n```\n") == ()


@given(st.text(alphabet=st.sampled_from("abc `*_-#|:\n\t[]<>1.&;$\"'\\~!(){}"), max_size=300))
def test_no_text_is_too_strange(text: str) -> None:
    understood = read(text)
    names = [check.name for check in understood.checks]
    runs = [check.run for check in understood.checks]
    assert len(set(names)) == len(names)
    assert len(set(runs)) == len(runs)
    assert all(check.run.strip() and check.name.strip() and check.line >= 1 for check in understood.checks)
    assert bool(understood.checks) or understood.problems


@given(st.text(max_size=400))
def test_no_text_at_all_makes_it_fail(text: str) -> None:
    read(text)
