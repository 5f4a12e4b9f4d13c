"""Markdown specs: front matter, sections, lists, checks and tasks."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from spec_texts import MARKDOWN, put

from fabrik.problems import Problem
from fabrik.specs.drafts import read_draft
from fabrik.specs.markdown_spec import looks_like_spec
from fabrik.specs.model import Check, HeldOutCheck, Task
from fabrik.specs.read import SpecErrors, read_spec

FULL = """\
---
id: "0012"
title: Full text search
status: In Progress
version: 1.0
lastUpdated: 2026-01-02
dependsOn: [0011-index]
supersedes:
  - 0003-grep
cfg:
  env: [SEARCH_LIMIT]
checks:
  - make lint
  - name: types
    run: make types
    seconds: 90
holdout:
  - run: sh s3cret.sh
    files:
      s3cret.sh: hidden/s3cret.sh
---

# Spec: Search

Some prose that only agents read.

## 1. Goals

* users find things,
  also on a second line
* and more
  - nested
    ```sh
    # not a heading
    - not an item
    ```

## Non-Goals:

1. no ranking
2) no fuzziness

## Requirements

+ it is quick

### API

- GET /search

### Observability

- queries are logged

## Behaviour

An empty query finds nothing.
Two lines, one paragraph.

Another paragraph.

## Acceptance criteria

- [ ] a known word is found
- [x] an unknown word is not

## ASSUMPTIONS

- there is an index

## Glossary

- not part of anything

## Verification

Run these:

```console
$ make test
ok, 12 passed
$ make e2e \\
    --fast
```

```python
print("not a check")
```

```sh
# the docs build
$ make docs &&
  make links

make size | tail -1 # a comment
```
"""


def errors_of(path: Path) -> tuple[Problem, ...]:
    with pytest.raises(SpecErrors) as caught:
        read_spec(path)
    return caught.value.problems


def test_everything_in_a_spec_is_read(tmp_path: Path) -> None:
    spec = read_spec(put(tmp_path / "spec-x.md", FULL))
    assert (spec.id, spec.title, spec.status) == ("0012", "Full text search", "in-progress")
    assert spec.depends_on == ("0011-index",) and spec.supersedes == ("0003-grep",)
    assert spec.env == ("SEARCH_LIMIT",)
    assert spec.goals == (
        "users find things,\nalso on a second line",
        "and more\n- nested\n  ```sh\n  # not a heading\n  - not an item\n  ```",
    )
    assert spec.non_goals == ("no ranking", "no fuzziness")
    assert spec.api == ("GET /search",)
    assert spec.obs == ("queries are logged",)
    assert spec.behavior == (
        "it is quick",
        "An empty query finds nothing.\nTwo lines, one paragraph.",
        "Another paragraph.",
    )
    assert spec.accept == ("a known word is found", "an unknown word is not")
    assert spec.assume == ("there is an index",)
    assert spec.checks == (
        Check(name="make lint", run="make lint"),
        Check(name="types", run="make types", seconds=90.0),
        Check(name="make test", run="make test"),
        Check(name="make e2e --fast", run="make e2e --fast"),
        Check(name="the docs build", run="make docs && make links"),
        Check(name="make size | tail -1 # a comment", run="make size | tail -1 # a comment"),
    )
    assert spec.holdout == (
        HeldOutCheck(name="sh s3cret.sh", run="sh s3cret.sh", files={"s3cret.sh": "hidden/s3cret.sh"}),
    )


def test_the_text_for_agents_has_no_held_out_checks(tmp_path: Path) -> None:
    with_comment = FULL.replace("holdout:\n", "# s3cret comment\nholdout:\n")
    spec = read_spec(put(tmp_path / "spec-x.md", with_comment))
    assert "s3cret" not in spec.source and "holdout" not in spec.source
    assert "Some prose that only agents read." in spec.source and "make types" in spec.source
    again = read_spec(put(tmp_path / "again.md", spec.source))
    assert again.checks == spec.checks and again.goals == spec.goals and again.id == spec.id


def test_a_front_matter_of_held_out_checks_alone_goes_as_a_whole(tmp_path: Path) -> None:
    spec = read_spec(put(tmp_path / "x.md", "---\nholdout:\n  - sh s3cret.sh\n---\n" + MARKDOWN))
    assert spec.source == MARKDOWN


def test_the_text_for_agents_is_the_file_where_nothing_is_held_out(tmp_path: Path) -> None:
    text = "---\nid: x  # a comment\n---\n" + MARKDOWN
    assert read_spec(put(tmp_path / "x.md", text)).source == text


@pytest.mark.parametrize(
    ("name", "front", "expected"),
    [
        ("0007-search.md", "id: mine", "mine"),
        ("0007-search.md", "", "0007-search"),
        ("spec-search.md", "", "search"),
        ("SPEC_search.mdx", "", "search"),
        ("search.markdown", "", "search"),
        ("my search.md", "", "search"),  # no id in it: made of the title
        ("0012.md", "id: 0012", "0012"),  # no number, let alone an octal one
    ],
)
def test_where_the_id_comes_from(tmp_path: Path, name: str, front: str, expected: str) -> None:
    text = f"---\n{front}\n---\n{MARKDOWN}" if front else MARKDOWN
    assert read_spec(put(tmp_path / name, text)).id == expected


def test_an_id_made_of_a_title_is_short(tmp_path: Path) -> None:
    text = MARKDOWN.replace("# Search", "# Où? " + "Über-long title! " * 10)
    spec_id = read_spec(put(tmp_path / "a b.md", text)).id
    assert len(spec_id) <= 50 and not spec_id.endswith("-") and spec_id.startswith("ou-uber-")


@pytest.mark.parametrize(
    ("old", "new", "where", "what"),
    [
        ("# Search\n", "", "", "has no title"),
        ("- users find things\n", "", "", "has no goals"),
        ("## Goals\n\n- users find things\n", "", "", "has no goals"),
        ("- [ ] a known word is found\n", "", "", "has no acceptance criteria"),
        ("## Verification", "## Verifcation", "line 11", "the heading 'Verifcation' is not known"),
        ("## Verification", "## Held-out tests", "line 11", "would be seen by the agent"),
        ("make test\n```\n", "make test\n", "line 13", "this code block is never closed"),
        ("make test\n", "cd sub\nmake test\n", "line 14", "has no effect on the lines below it"),
        ("make test\n", "export A=1\n", "line 14", "has no effect on the lines below it"),
        ("make test\n", "A='1 2'\n", "line 14", "has no effect on the lines below it"),
        (
            "make test\n",
            "\nfor f in *; do\n  test -s $f\ndone\n",
            "line 15",
            "the command spans several lines",
        ),
        ("make test\n", "cat <<EOF\n", "line 14", "spans several lines"),
        ("make test\n", "f() {\n", "line 14", "spans several lines"),
        ("make test\n", "echo 'a\n", "line 14", "a quote is not closed"),
        ("make test\n", "make a \\\n", "line 14", "goes on after the end of the block"),
        ("make test\n", "# n\nmake a\n# n\nmake b\n", "line 17", "the name 'n' is given to two checks"),
        ("make test\n", "make a\nmake a\n", "line 15", "is there twice"),
        ("make test\n", f"# {'n' * 101}\nmake a\n", "line 15", "the check's name is longer"),
    ],
)
def test_one_mistake_gives_a_problem_with_its_line(
    tmp_path: Path, old: str, new: str, where: str, what: str
) -> None:
    assert old in MARKDOWN
    problems = errors_of(put(tmp_path / "x.md", MARKDOWN.replace(old, new, 1)))
    assert [problem.where for problem in problems if what in problem.what] == [where]


@pytest.mark.parametrize(
    ("front", "where", "what"),
    [
        ("id: a b", "line 2, id", "cannot be part of a branch name"),
        ("id:", "line 2, id", "cannot be part of a branch name"),
        ("v: 2", "line 2, v", "must be 1"),
        ("title: x\nstatus: redy", "line 3, status", "must be one of"),
        ("authr: me", "line 2, authr", "is not a known key"),
        ("depends_on: [x]", "line 2, depends_on", "is not a known key"),
        ("checks: make", "line 2, checks", "must be a list, not a text"),
        ("checks:\n  - a\n  - rum: b", "line 4, checks[1].run", "is missing"),
        (
            "checks:\n  - run: a\n    seconds: soon",
            "line 4, checks[0].seconds",
            "must be a number, not a text",
        ),
        ("checks:\n  - run: a\n    seconds: -1", "line 4, checks[0].seconds", "must be more than 0"),
        ("holdout:\n  - run: a\n    files: [../x]", "line 4, holdout[0].files.../x", "leads out"),
        ("id: x\nid: y", "line 3", "the key `id` is there twice"),
        ("a: [", "line 3, column 1", "not valid YAML"),
        ("a: &x b\nid: *x", "line 3, column 5", "anchors and aliases are not allowed"),
        ("- a", "line 2", "must be `key: value` lines"),
        ("? [a]\n: b", "line 2, column 3", "a key must be a plain text"),
        ("a: \x07", "front matter", "not valid YAML"),
        ("a: " + "[" * 5000, "front matter", "is nested too deeply"),
    ],
)
def test_one_mistake_in_the_front_matter(tmp_path: Path, front: str, where: str, what: str) -> None:
    problems = errors_of(put(tmp_path / "x.md", f"---\n{front}\n---\n{MARKDOWN}"))
    assert where in [problem.where for problem in problems if what in problem.what]


def test_a_front_matter_that_is_not_closed(tmp_path: Path) -> None:
    problems = errors_of(put(tmp_path / "x.md", f"---\nid: x\n{MARKDOWN}"))
    assert problems[0].what == "the front matter is not closed"


def test_all_mistakes_are_told_at_once(tmp_path: Path) -> None:
    text = "---\nid: a b\nextra: 1\n---\n## Goals\n## Verification\n```\ncd x\n```\n"
    found = {problem.what.split(" ", 1)[0] for problem in errors_of(put(tmp_path / "x.md", text))}
    assert {"'a", "is", "has"} <= found
    assert len(errors_of(tmp_path / "x.md")) == 5


def test_headings_of_other_shapes(tmp_path: Path) -> None:
    text = (
        MARKDOWN.replace("# Search\n", "Search\n======\n")
        .replace("## Goals\n", "**Goals**\n---------\n")
        .replace("## Acceptance Criteria", "# Acceptance Criteria #")
    )
    spec = read_spec(put(tmp_path / "x.md", text))
    assert (spec.title, spec.goals, len(spec.accept)) == ("Search", ("users find things",), 1)


def test_code_and_comments_are_not_taken_for_headings_or_lists(tmp_path: Path) -> None:
    text = MARKDOWN.replace(
        "- users find things\n",
        "- users find things\n\n```md\n## Verification\n- no goal\n```\n\n<!--\n## Verification\n- no goal\n"
        "-->\n<!-- - no goal --> \n\n~~~~\n```\n## Goals\n~~~~\n",
    )
    spec = read_spec(put(tmp_path / "x.md", text))
    assert spec.goals == ("users find things",)
    assert [check.run for check in spec.checks] == ["make test"]


def test_a_comment_sign_in_code_hides_nothing(tmp_path: Path) -> None:
    text = MARKDOWN.replace("make test\n", "grep -q '<!--' index.html\nmake test\n")
    assert len(read_spec(put(tmp_path / "x.md", text)).checks) == 2


def test_windows_line_ends(tmp_path: Path) -> None:
    spec = read_spec(put(tmp_path / "x.md", MARKDOWN.replace("\n", "\r\n").encode()))
    assert spec.checks == (Check(name="make test", run="make test"),)


@pytest.mark.parametrize("language", ["", "sh", "bash", "shell", "console", "{.sh}", "sh title=x"])
def test_languages_of_checks(tmp_path: Path, language: str) -> None:
    spec = read_spec(put(tmp_path / "x.md", MARKDOWN.replace("```sh", f"```{language}")))
    assert [check.run for check in spec.checks] == ["make test"]


@pytest.mark.parametrize(
    "run",
    [
        "for f in *; do test -s $f; done",
        "if true; then make; fi",
        "{ make; }",
        "cd sub && make test",
        "A=1 make test",
        "set -e; make test",
        'test "it\'s" = "it\'s"',
        "grep x <<< y",
        "make || make again",
        "case $x in a) make;; esac",
    ],
)
def test_commands_that_are_fine_on_one_line(tmp_path: Path, run: str) -> None:
    spec = read_spec(put(tmp_path / "x.md", MARKDOWN.replace("make test", run)))
    assert [check.run for check in spec.checks] == [run]


def test_tasks_in_a_list(tmp_path: Path) -> None:
    text = MARKDOWN + (
        "\n## Tasks\n\n1. build the index\n   with care\n\n   Verify: it is built\n   and small\n"
        "2. [ ] answer queries\n   - **Verify:** they are answered\n7. no more\n"
    )
    draft = read_draft(put(tmp_path / "x.md", text))
    assert draft.problems == [] and draft.todo is not None and draft.todo.id == "x"
    assert draft.todo.tasks == (
        Task(id="1", do="build the index\nwith care", verify="it is built\nand small"),
        Task(id="2", do="answer queries", verify="they are answered"),
        Task(id="3", do="no more", verify=""),
    )


def test_tasks_with_headings(tmp_path: Path) -> None:
    text = MARKDOWN + (
        "\n## Tasks\n\nIn this order.\n\n### 1. Build the index\n\n- careful\n\n#### Notes\n\nmind the gap\n"
        "\nVerify: it is built\n\n### Answer\n"
    )
    draft = read_draft(put(tmp_path / "x.md", text))
    assert draft.todo is not None and draft.problems == []
    first, second = draft.todo.tasks
    assert first.do.splitlines()[0] == "Build the index" and "mind the gap" in first.do
    assert first.verify == "it is built"
    assert (second.id, second.do) == ("2", "Answer")


@pytest.mark.parametrize(
    ("tasks", "what"),
    [("see todo.json\n", "has no list of tasks"), ("1. Verify: it works\n", "the task says nothing to do")],
)
def test_tasks_that_are_none(tmp_path: Path, tasks: str, what: str) -> None:
    (problem,) = errors_of(put(tmp_path / "x.md", f"{MARKDOWN}\n## Tasks\n\n{tasks}"))
    assert what in problem.what


def test_the_wrapper_of_the_original_is_read(tmp_path: Path) -> None:
    wrapper = {"_type": "markdown", "path": "specs/0007-search.md", "content": MARKDOWN}
    spec = read_spec(put(tmp_path / "0007-search.md.min.json", wrapper))
    assert (spec.id, spec.title, spec.source) == ("0007-search", "Search", MARKDOWN)


@pytest.mark.parametrize(
    "wrapper",
    [{"_type": "markdown"}, {"_type": "x", "content": MARKDOWN}, {"_type": "markdown", "content": ""}],
)
def test_a_wrapper_that_is_none(tmp_path: Path, wrapper: dict[str, str]) -> None:
    assert errors_of(put(tmp_path / "x.md.min.json", json.dumps(wrapper)))


@pytest.mark.parametrize(
    "heading", ["Done when", "Definition of Done", "Success criteria", "Acceptance tests"]
)
def test_usual_headings_of_criteria(heading: str, tmp_path: Path) -> None:
    path = tmp_path / "a.md"
    path.write_text(f"# T\n\n## Goal\n\n- g\n\n## {heading}\n\n- c\n\n## Verification\n\n```sh\nmake\n```\n")
    assert read_spec(path).accept == ("c",)
    # Alone it makes no spec of a document that merely stands among specs.
    assert looks_like_spec(path.read_text())
    assert not looks_like_spec(f"# Notes\n\n## {heading}\n\n- c\n")
