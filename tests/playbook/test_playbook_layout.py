"""What a project has, what a mode needs, and the prompt it is given."""

from __future__ import annotations

from pathlib import Path

import pytest

from fabrik.errors import UsageError
from fabrik.playbook import layout, plan, setting_up, variables
from fabrik.playbook.agents_md import read as read_agents
from fabrik.playbook.ecosystem import detect
from fabrik.playbook.layout import MODES, TEMPLATES, Mode, find, prompt_for, template


def project(root: Path, **files: str) -> Path:
    for name, text in files.items():
        path = root / name.replace("__", "/").replace("_DOT_", ".")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(text.encode())
    return root


def full(root: Path) -> Path:
    return project(
        root,
        IMPLEMENTATION_PLAN_DOT_md="- [ ] a\n",
        AUDIENCE_JTBD_DOT_md="Designers.\n",
        specs__search_DOT_md="# Search\n",
    )


def test_an_empty_project_has_nothing(tmp_path: Path) -> None:
    found = find(tmp_path)
    assert not found.prompts
    assert not found.spec_files
    assert (found.agents, found.plan, found.audience, found.specs, found.source) == (None,) * 5
    assert not found.complete


def test_the_playbooks_own_layout_is_found(tmp_path: Path) -> None:
    project(
        tmp_path,
        PROMPT_plan_DOT_md="p",
        PROMPT_build_DOT_md="b",
        AGENTS_DOT_md="a",
        specs__a_DOT_md="s",
        specs__deep__b_DOT_json="{}",
        specs__README_DOT_md="r",
        **{"specs__.git__c_DOT_md": "no", "src__lib__x_DOT_ts": ""},
    )
    found = find(tmp_path)
    assert found.complete
    assert set(found.prompts) == {"plan", "build"}
    assert [path.name for path in found.spec_files] == ["a.md", "b.json"]
    assert found.source == tmp_path / "src"


ODD = "\ufeff0a. Study `specs/*`.\r\n\r\n1. Run `echo ${HOME} $1`\t\u00a0 [project-specific goal]\n\n\n"


@pytest.mark.parametrize("mode", MODES)
def test_a_projects_own_prompt_is_given_byte_for_byte(tmp_path: Path, mode: Mode) -> None:
    own = full(tmp_path) / layout.PROMPT_FILES[mode][0]
    own.write_bytes(ODD.encode())
    prompt = prompt_for(find(tmp_path), mode)
    assert prompt.text.encode() == own.read_bytes()
    assert prompt.path == own
    assert variables.fill(prompt.text, {}).encode() == own.read_bytes()


@pytest.mark.parametrize("mode", MODES)
def test_without_one_it_is_our_own(tmp_path: Path, mode: Mode) -> None:
    found = find(full(tmp_path))
    prompt = prompt_for(found, mode)
    assert prompt.path is None
    assert "fabrik's own" in prompt.name
    values = variables.standard(found) | {"WORK_SCOPE": "sign in with a provider"}
    text = variables.fill(prompt.text, values)
    assert not variables.used(text)
    assert "IMPLEMENTATION_PLAN.md" in text
    assert ("sign in with a provider" in text) == (mode == "plan-work")
    assert ("AUDIENCE_JTBD.md" in text) == (mode == "plan-release")


def test_the_release_prompt_by_the_names_people_give_it(tmp_path: Path) -> None:
    full(tmp_path)
    project(tmp_path, PROMPT_plan_DOT_md="Study @AUDIENCE_JTBD.md and plan a release.")
    assert prompt_for(find(tmp_path), "plan-release").name == "PROMPT_plan.md"
    project(tmp_path, PROMPT_plan_slc_DOT_md="slc")
    assert prompt_for(find(tmp_path), "plan-release").text == "slc"
    project(tmp_path, PROMPT_plan_release_DOT_md="release")
    assert prompt_for(find(tmp_path), "plan-release").text == "release"


def test_a_plan_prompt_that_is_not_about_an_audience_is_not_taken_for_a_release(tmp_path: Path) -> None:
    project(full(tmp_path), PROMPT_plan_DOT_md="Plan.")
    assert prompt_for(find(tmp_path), "plan-release").path is None


@pytest.mark.parametrize(
    ("mode", "lacks"),
    [
        ("plan", ["specs/"]),
        ("plan-work", ["specs/"]),
        ("plan-release", ["specs/", "AUDIENCE_JTBD.md"]),
        ("build", ["IMPLEMENTATION_PLAN.md"]),
    ],
)
def test_what_is_missing_is_one_error_that_says_all(tmp_path: Path, mode: Mode, lacks: list[str]) -> None:
    with pytest.raises(UsageError) as caught:
        prompt_for(find(tmp_path), mode)
    for word in (*lacks, f"`{mode}`"):
        assert word in caught.value.what
    assert ("fabrik loop plan" if mode == "build" else "fabrik spec new") in caught.value.todo


def test_files_that_only_hold_comments_are_not_written_yet(tmp_path: Path) -> None:
    project(
        tmp_path,
        IMPLEMENTATION_PLAN_DOT_md=template("IMPLEMENTATION_PLAN.md"),
        AUDIENCE_JTBD_DOT_md=template("AUDIENCE_JTBD.md"),
        specs__README_DOT_md=template("specs.md"),
    )
    found = find(tmp_path)
    assert [what for what, _ in layout.missing(found, "build")] == ["IMPLEMENTATION_PLAN.md says nothing yet"]
    assert [what for what, _ in layout.missing(found, "plan-release")] == [
        "there are no specs in specs/",
        "AUDIENCE_JTBD.md says nothing yet",
    ]


def test_a_plan_with_everything_done_is_there(tmp_path: Path) -> None:
    project(tmp_path, IMPLEMENTATION_PLAN_DOT_md="- [x] a\n")
    assert layout.missing(find(tmp_path), "build") == ()


def test_a_file_that_is_no_utf8_or_cannot_be_read(tmp_path: Path) -> None:
    full(tmp_path)
    (tmp_path / "PROMPT_plan.md").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(UsageError, match="is not UTF-8"):
        prompt_for(find(tmp_path), "plan")
    with pytest.raises(UsageError, match="cannot be read"):
        layout.read(tmp_path / "nothing")


def test_an_unknown_mode_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="there is no mode") as caught:
        prompt_for(find(tmp_path), "plan-wrok")  # type: ignore[arg-type]
    assert "plan-work" in caught.value.todo


def test_templates_use_only_known_variables_and_hold_no_other_marks() -> None:
    for name in TEMPLATES:
        text = template(name)
        assert text.endswith("\n")
        if name.startswith("PROMPT_"):
            assert "{{" not in text
            assert set(variables.used(text)) <= set(variables.NAMES)
            values = dict.fromkeys(variables.NAMES, "v")
            assert "${" not in variables.fill(text, values)


@pytest.mark.parametrize("name", ["PROMPT_plan.md", "PROMPT_plan_work.md", "PROMPT_plan_release.md"])
def test_the_form_that_prompts_ask_for_is_the_form_that_is_read(name: str) -> None:
    example = template(name).partition("```markdown\n")[2].partition("```")[0]
    first = plan.read(example).open[0]
    assert first.required_tests.paths
    assert first.required_tests.prose
    assert not any("Release" in item.heading or "Future" in item.heading for item in plan.read(example).items)


def test_the_agents_file_we_write_is_understood_in_full(tmp_path: Path) -> None:
    project(tmp_path, go_DOT_mod="module x\n", Makefile="test:\n\tgo test ./...\n")
    found = detect(tmp_path)
    understood = read_agents(setting_up.agents_md(found))
    assert [(check.name, check.run) for check in understood.checks] == [
        (check.label, check.run) for check in found.checks
    ]
    assert not understood.problems


def test_an_agents_file_without_checks_says_so(tmp_path: Path) -> None:
    understood = read_agents(setting_up.agents_md(detect(tmp_path)))
    assert not understood.checks
    assert "no checks" in understood.problems[-1].what
