"""The original's ralph.env: with and without `export`, quotes and comments; every bad line by its number."""

from __future__ import annotations

import pytest

from fabrik.credentials.ralph_env import read_env_file

FILE = "ralph.env"


@pytest.mark.parametrize(
    ("line", "name", "value"),
    [
        ("export ANTHROPIC_API_KEY=sk-1", "ANTHROPIC_API_KEY", "sk-1"),
        ("OPENAI_API_KEY=sk-2", "OPENAI_API_KEY", "sk-2"),
        ("  export  A='one two' # why", "A", "one two"),
        ('A="one \\"two\\" \\$3"', "A", 'one "two" $3'),
        ("A=one'two'\"three\"", "A", "onetwothree"),
        ("A='$HOME'", "A", "$HOME"),
        ("A=", "A", ""),
        ("A= # nothing", "A", ""),
        ("A=a#b", "A", "a#b"),
        ("A=one\\ two", "A", "one two"),
        ("\ufeffA=1", "A", "1"),
    ],
)
def test_lines_that_are_right(line: str, name: str, value: str) -> None:
    found = read_env_file(line, FILE)
    assert found.problems == ()
    assert found.values == {name: value}


@pytest.mark.parametrize(
    ("line", "says"),
    [
        ("JUST WORDS", "no assignment"),
        ("export ONLY_A_NAME", "no assignment"),
        ("A = 1", "spaces around ="),
        ("A= 1", "spaces around ="),
        ("1A=x", "no name"),
        ("A='open", "not closed"),
        ("A=one two", "more after the value"),
        ("A=$(pass show key)", "nothing is expanded"),
        ('A="$HOME/x"', "nothing is expanded"),
        ("A=`id`", "nothing is expanded"),
    ],
)
def test_lines_that_are_wrong(line: str, says: str) -> None:
    found = read_env_file(f"# first\nGOOD=1\n{line}\n", FILE)
    assert found.values == {"GOOD": "1"}
    (problem,) = found.problems
    assert problem.where == "line 3"
    assert says in problem.what
    assert problem.todo


def test_all_bad_lines_are_told_at_once_and_no_value_is() -> None:
    found = read_env_file("KEY='s3cret-one\nKEY=s3cret-two\nexport KEY=s3cret-three\nnonsense\n", FILE)
    assert [problem.where for problem in found.problems] == ["line 1", "line 3", "line 4"]
    assert "set again, after line 2" in found.problems[1].what
    assert "s3cret" not in " ".join(map(str, found.problems)) + repr(found)
