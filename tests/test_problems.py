"""Problems of files: one form, one error for many, and hints that fit."""

from __future__ import annotations

import pytest

from fabrik.errors import FabrikError
from fabrik.problems import Problem, Problems, closest, did_you_mean, place


def test_one_problem_is_an_error_like_any_other() -> None:
    error = Problems([Problem(file="a.json", where="goals", what="must not be empty", todo="add one")])
    assert isinstance(error, FabrikError) and error.exit_status == 2
    assert (error.what, error.where, error.todo) == ("must not be empty", "a.json: goals", "add one")
    assert str(error) == "a.json: goals: must not be empty\n  → add one"


def test_many_problems_are_one_message() -> None:
    first = Problem(file="a.json", what="is empty", todo="fill it")
    second = Problem(file="b.md", where="line 3", what="is odd")
    error = Problems([first, second])
    assert error.problems == (first, second)
    assert str(error) == "2 errors\n  a.json: is empty\n    → fill it\n  b.md: line 3: is odd"


@pytest.mark.parametrize(
    ("loc", "expected"),
    [((), ""), (("goals",), "goals"), (("tasks", 2, "id"), "tasks[2].id"), (("env", "A", "[key]"), "env.A")],
)
def test_places_read_like_paths(loc: tuple[str | int, ...], expected: str) -> None:
    assert place(loc) == expected


@pytest.mark.parametrize(
    ("word", "expected"),
    [("gaols", "goals"), ("NON_GOALS", "nonGoals"), ("depends-on", "dependsOn"), ("xyz", None), ("", None)],
)
def test_what_was_meant(word: str, expected: str | None) -> None:
    known = ["goals", "nonGoals", "dependsOn"]
    assert closest(word, known) == expected
    assert did_you_mean(word, known) == (
        f"did you mean `{expected}`?" if expected else "known keys: goals, nonGoals, dependsOn"
    )


def test_a_very_long_word_costs_little() -> None:
    assert closest("x" * 1_000_000, ["goals"]) is None
