"""Named variables in prompts, and shell text that only looks like them."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fabrik.errors import UsageError
from fabrik.playbook.variables import NAMES, VARIABLES, fill, used, warnings

SHELL = "for f in *; do echo ${f%.md} $1 ${HOME:-x} $PATH ${GOALS} $GOAL ${ GOAL }; done; $${X}"


def test_shell_text_stays_as_it_is() -> None:
    assert fill(SHELL, dict.fromkeys(NAMES, "v")) == SHELL
    assert not used(SHELL)


def test_the_playbooks_variable_in_both_spellings() -> None:
    text = 'for "${WORK_SCOPE}" and $WORK_SCOPE, not $WORK_SCOPES'
    assert fill(text, {"WORK_SCOPE": "a & b"}) == 'for "a & b" and a & b, not $WORK_SCOPES'
    assert used(text) == {"WORK_SCOPE"}


def test_values_are_put_in_as_they_are() -> None:
    value = r"\1 ${GOAL} ${WORK_SCOPE} [project-specific goal] \g<0>"
    assert fill("<${WORK_SCOPE}>", {"WORK_SCOPE": value, "GOAL": "g"}) == f"<{value}>"


def test_a_default_stands_where_there_is_no_value() -> None:
    text = "${GOAL:-all of it} ${GOAL:-}"
    assert fill(text, {}) == "all of it "
    assert fill(text, {"GOAL": ""}) == "all of it "
    assert fill(text, {"GOAL": "this"}) == "this this"


def test_missing_values_are_named_once_with_what_gives_them() -> None:
    with pytest.raises(UsageError) as caught:
        fill("${WORK_SCOPE} ${GOAL} $WORK_SCOPE", {"GOAL": None}, where="PROMPT_plan_work.md")
    assert caught.value.what == "no value for ${WORK_SCOPE}, ${GOAL}"
    assert caught.value.where == "PROMPT_plan_work.md"
    assert 'fabrik loop plan-work "' in caught.value.todo
    assert "--goal" in caught.value.todo


def test_a_value_of_an_unknown_name_is_our_own_mistake() -> None:
    with pytest.raises(ValueError, match="SCOPE"):
        fill("", {"SCOPE": "x"})


def test_the_placeholder_of_the_playbook() -> None:
    text = "We want to achieve [project-specific goal]."
    assert fill(text, {}) == text
    assert fill(text, {"GOAL": "notes for all"}) == "We want to achieve notes for all."
    (warning,) = warnings(text, where="PROMPT_plan.md")
    assert "PROMPT_plan.md" in warning
    assert "--goal" in warning
    assert warnings(text, goal="notes for all") == ()
    assert warnings("We want notes for all.") == ()


def test_every_variable_has_a_meaning() -> None:
    assert len(set(NAMES)) == len(VARIABLES)
    assert all(variable.means for variable in VARIABLES)


@given(st.text())
def test_a_text_without_variables_is_given_back(text: str) -> None:
    if not re.search("|".join(NAMES), text):
        assert fill(text, {}) == text


@given(st.text(), st.text(), st.text(min_size=1))
def test_only_the_variable_changes(before: str, after: str, value: str) -> None:
    if "$" not in before + after:
        assert fill(f"{before}${{WORK_SCOPE}}{after}", {"WORK_SCOPE": value}) == before + value + after
