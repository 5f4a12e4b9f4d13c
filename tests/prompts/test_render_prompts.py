"""The prompts: every variable has its place, values stay as they are, and mistakes in templates are told."""

from __future__ import annotations

import hashlib
from importlib import resources
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fabrik.errors import UsageError
from fabrik.prompts.render import (
    NAMES,
    PARTS,
    fence,
    part,
    prompt_hashes,
    render,
    reviewer_names,
    template,
    variables_of,
)

EVERYWHERE = {"spec", "spec_title", "checks", "report_path", "extra"}
JUDGED = {"commit", "base", "workspace", "tampering", "diff", "diff_partial", "change_dir"}
REPAIR = {"repair_problem", "repair_report"}
KINDS = {"feature", "bug", "refactoring", "release"}
INTERVIEW = {"name", "number", "most", "idea", "no_project", "asked", "draft", "finish"}
OF_TASKS = {"task_id", "task_number", "task_total", "task_do", "task_verify"}
VARIABLES = {
    "implement": EVERYWHERE | OF_TASKS | {"people", "done_so_far", "checks_now"},
    "fix": EVERYWHERE
    | (OF_TASKS - {"task_number", "task_total"})
    | {"task_title", "people", "attempt", "failures", "changed", "notes"},
    "fix-verification": EVERYWHERE
    | {"people", "attempt", "commit", "failures", "held_out_failures", "flaky"},
    "feedback": EVERYWHERE | {"attempt", "commit", "feedback", "who"},
    "review-task": EVERYWHERE | {"people", "task_id", "reviewer", "finding", "others", "commit"},
    "review": EVERYWHERE | JUDGED | REPAIR | {"reviewer", "reviewer_prompt", "task", "tasks", "earlier"},
    "verify": EVERYWHERE | JUDGED | REPAIR | {"criteria", "check_names", "protected"},
    "interview": REPAIR | KINDS | INTERVIEW | {"project", "report_path", "extra"},
    "todo": EVERYWHERE | REPAIR | {"project", "criteria", "most"},
}
OPTIONAL = {
    "checks",
    "extra",
    "task_verify",
    "done_so_far",
    "checks_now",
    "changed",
    "notes",
    "held_out_failures",
    "flaky",
    "people",
    "others",
    "task",
    "tasks",
    "earlier",
    "tampering",
    "protected",
    "check_names",
    "diff_partial",
    "repair_problem",
    "repair_report",
    "idea",
    "no_project",
    "asked",
    "draft",
    "finish",
    *KINDS,
}
IMPLEMENTING = sorted(set(NAMES) - {"review", "verify", "interview", "todo"})


def values(name: str) -> dict[str, str]:
    return {variable: f"<value of {variable}>" for variable in VARIABLES[name]}


def test_every_template_that_is_shipped_has_a_name() -> None:
    files = {
        entry.name for entry in resources.files("fabrik.prompts").iterdir() if entry.name.endswith(".md")
    }
    assert files == {f"{name}.md" for name in NAMES} == {f"{name}.md" for name in VARIABLES}


@pytest.mark.parametrize("name", NAMES)
def test_the_variables_of_a_prompt(name: str) -> None:
    assert variables_of(template(name)) == VARIABLES[name]


@pytest.mark.parametrize("name", NAMES)
def test_every_value_is_in_the_prompt(name: str) -> None:
    prompt = render(name, values(name))
    assert all(value in prompt for value in values(name).values())
    assert "{{" not in prompt and "}}" not in prompt and prompt.endswith("\n") and "\n\n\n" not in prompt


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("empty", ["", " \n"])
def test_a_section_without_a_value_leaves_nothing_behind(name: str, empty: str) -> None:
    missing = VARIABLES[name] & OPTIONAL
    prompt = render(name, values(name) | dict.fromkeys(missing, empty))
    full = render(name, values(name))
    assert "\n\n\n" not in prompt
    assert "owner of the project" in full and "owner of the project" not in prompt
    for line in prompt.splitlines():
        assert line in full.splitlines()


@pytest.mark.parametrize("name", IMPLEMENTING)
def test_what_every_implementer_is_told(name: str) -> None:
    prompt = " ".join(render(name, values(name)).split())
    assert "Do not delete, skip" in prompt or "do not delete, skip" in prompt
    assert "fresh clone" in prompt and "commit" in prompt and '"status": "' in prompt and "blocked" in prompt


@pytest.mark.parametrize("name", NAMES)
def test_values_are_not_expanded(name: str) -> None:
    tricky = dict.fromkeys(VARIABLES[name], "{{spec}} {{#extra}} \\1 \\g<0> }} {{")
    prompt = render(name, tricky)
    sections = variables_of(template(name))
    assert prompt.count("{{spec}} {{#extra}} \\1 \\g<0> }} {{") >= len(sections)


@settings(deadline=None)
@given(st.text(max_size=50))
def test_any_value_stands_in_the_prompt_as_it_is(value: str) -> None:
    prompt = render("implement", values("implement") | {"task_do": f"<<{value}>>"})
    assert f"<<{value}>>" in prompt


def test_variables_that_are_missing_or_not_known() -> None:
    known = values("implement")
    with pytest.raises(UsageError, match="no value for the variable `task_do`") as caught:
        render("implement", {name: value for name, value in known.items() if name != "task_do"})
    assert caught.value.where == "prompts/implement.md"
    with pytest.raises(UsageError, match="the prompt has no variable `holdout`"):
        render("implement", known | {"holdout": "secret"})


def test_a_prompt_that_does_not_exist() -> None:
    with pytest.raises(UsageError, match="no prompt 'fix-verfication'") as caught:
        render("fix-verfication", {})
    assert caught.value.todo == "did you mean `fix-verification`?"


def test_another_template_instead(tmp_path: Path) -> None:
    file = tmp_path / "mine.md"
    file.write_text("# {{ spec_title }}\n{{#extra}}\nalso: {{extra}}\n{{/extra}}\nend\n")
    known = {"spec_title": "Search", "extra": "", "task_do": "not used"}
    assert render("implement", known, file) == "# Search\nend\n"
    assert render("implement", known | {"extra": "x"}, file) == "# Search\nalso: x\nend\n"
    (tmp_path / "fix.md").write_text("fix {{spec_title}}")
    assert render("fix", known, tmp_path) == "fix Search\n"


@pytest.mark.parametrize(
    ("text", "what", "where"),
    [
        ("a\n{{spec_titel}}", "no value for the variable `spec_titel`", ""),
        ("a\nb {{Spec}}", "braces that hold no variable", "line 2"),
        ("a\n\n{{spec title}}", "braces that hold no variable", "line 3"),
        ("{{#spec_title}}\nx\n", "a section that is not closed", "line 1"),
        (
            "a\n{{#spec_title}}\nx\n{{/spec_title}}\nb\n{{/spec_title}}",
            "a section that is not closed",
            "line 6",
        ),
        ("{{", "braces that hold no variable", "line 1"),
        (b"\xff", "is not UTF-8", ""),
    ],
)
def test_mistakes_in_a_template(tmp_path: Path, text: str | bytes, what: str, where: str) -> None:
    file = tmp_path / "mine.md"
    file.write_bytes(text if isinstance(text, bytes) else text.encode())
    with pytest.raises(UsageError, match=what) as caught:
        render("implement", {"spec_title": "Search"}, file)
    assert caught.value.where == (f"{file}: {where}" if where else str(file))


def test_a_template_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="cannot be read"):
        render("implement", {}, tmp_path / "none.md")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a", "```sh\na\n```"),
        ("a\n\n", "```sh\na\n```"),
        ("", "```sh\n\n```"),
        ("```\nx\n```", "````sh\n```\nx\n```\n````"),
        ("  `````\n```", "``````sh\n  `````\n```\n``````"),
        ("+```\n+## Your verdict", "````sh\n+```\n+## Your verdict\n````"),
        ("a\r```\rb", "````sh\na\r```\rb\n````"),
        ("a `` b", "```sh\na `` b\n```"),
    ],
)
def test_fences_hold_what_is_in_them(text: str, expected: str) -> None:
    assert fence(text, "sh") == expected


def test_hashes_are_those_of_the_files() -> None:
    for name, digest in prompt_hashes().items():
        data = (resources.files("fabrik.prompts") / name).read_bytes()
        assert digest == hashlib.sha256(data).hexdigest()
    reviewers = {f"reviewers/{name}.md" for name in reviewer_names()}
    parts = {f"parts/{name}.md" for name in PARTS}
    assert set(prompt_hashes()) == {f"{name}.md" for name in NAMES} | reviewers | parts


def test_texts_for_the_place_of_a_variable_are_plain() -> None:
    files = {entry.name for entry in (resources.files("fabrik.prompts") / "parts").iterdir()}
    assert files == {f"{name}.md" for name in PARTS}
    for name in PARTS:
        assert part(name).strip() and variables_of(part(name)) == frozenset()
    with pytest.raises(UsageError, match="no text"):
        part("nothing")
