"""What a spec says about itself, in the forms that people write."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fabrik.backlog.header import read_header

SEED = """# 0007 - Add webhook retries

Repo: repo-a
Workdir: repo-a

## Goal

Retries.

## Dependencies
- 0006-previous-spec.md

## Constraints
- Verification focus: keep code simple.

## Acceptance criteria
- Retries three times,
  with a pause.
- [ ] Gives up
  - and says so

## Verification (fast-first)
```bash
# Targeted tests or commands
pytest -q tests/webhooks
ruff check
```
"""


def test_the_structure_of_the_seed() -> None:
    header = read_header(SEED)
    assert header.title == "0007 - Add webhook retries"
    assert (header.repo, header.workdir, header.seed) == ("repo-a", "repo-a", False)
    assert header.depends_on == ("0006-previous-spec.md",)
    assert header.criteria == ("Retries three times,\nwith a pause.", "Gives up\n- and says so")
    assert header.checks == ("# Targeted tests or commands\npytest -q tests/webhooks\nruff check",)
    assert header.remarks == ()


@pytest.mark.parametrize(
    ("line", "repo"),
    [
        ("Repo: repo-a", "repo-a"),
        ("Repo:repo-a", "repo-a"),
        ("repo: `repo-a`  # the first", "repo-a"),
        ("**Repo:** repo-a", "repo-a"),
        ("**Repo**: repo-a", "repo-a"),
        ("- Repo: services/api/ (the API)", "services/api"),
        ("Repository: repo-a // main", "repo-a"),
        ("> Repo: repo-a", "repo-a"),
        ("Repo: none-such", "none-such"),
        ("Repo: repo-a <!-- or b -->", "repo-a"),
        ("Repo:", None),
        ("Reports: x", None),
    ],
)
def test_repositories(line: str, repo: str | None) -> None:
    header = read_header(f"# T\n\n{line}\n\n## Goal\nRepo: not-this\n")
    assert (header.repo, header.seed) == (repo, False)


@pytest.mark.parametrize(
    "line",
    [
        "Repo: (none)",
        "Repo: none",
        "Repo: (none)  # this spec may only create specs",
        "Repo: `(none)`",
        "**Repo:** (None).",
    ],
)
def test_no_repository(line: str) -> None:
    header = read_header(f"# Seed\n\n{line}\n\n## Task\nx\n")
    assert header.seed and header.repo is None


@pytest.mark.parametrize(
    ("item", "found"),
    [
        ("- 0006-previous-spec.md", ["0006-previous-spec.md"]),
        ("- 0006-previous-spec", ["0006-previous-spec"]),
        ("* `area/0006-x.md`: its table is needed", ["area/0006-x.md"]),
        ("- [0006-x](0006-x.md) - see 0005-y.md", ["0006-x"]),
        ("1. specs/0006-x.md (done in 2024)", ["specs/0006-x.md"]),
        ("- 0006-x.md, 0007-y.md and `0008-z.md`", ["0006-x.md", "0007-y.md", "0008-z.md"]),
        ("- **0006-x.md**", ["0006-x.md"]),
        ("- [ ] 0006-x.md", ["0006-x.md"]),
        ("- 0006", ["0006"]),
        ("0006-x.md", ["0006-x.md"]),
        ("- ../other/0006-x.md.", ["../other/0006-x.md"]),
        ("- (none)", []),
        ("None.", []),
        ("- n/a", []),
        ("", []),
    ],
)
def test_dependencies(item: str, found: list[str]) -> None:
    header = read_header(f"# T\n\n## Dependencies\n{item}\n\n## Goal\n- 0009-not-this.md\n")
    assert list(header.depends_on) == found
    assert header.remarks == ()


def test_a_dependency_that_names_no_spec_is_remarked_on() -> None:
    header = read_header("# T\n\n## Dependencies\n- the database is migrated\n")
    assert header.depends_on == ()
    assert header.remarks == ("the dependency 'the database is migrated' names no spec and is not looked at",)


@pytest.mark.parametrize(
    ("block", "found"),
    [
        ("```bash\nmake test\n```", ["make test"]),
        ("```\nmake test\n```\n\n~~~sh\nmake lint\n~~~", ["make test", "make lint"]),
        ("```console\n$ make test\nok\n$ make lint\n```", ["make test\nmake lint"]),
        ("```bash\n# Targeted tests or commands\n```", []),
        ("```python\nassert True\n```", []),
        ("```bash\n\nmake \\\n  test\n\n```", ["make \\\n  test"]),
        ("Run the tests.", []),
        ("```bash\nmake test", ["make test"]),
        ("### Wider\n```bash\nmake all\n```", ["make all"]),
        ("- `make test`\n- run pytest -q\n* [ ] `$ make lint`.", ["make test", "make lint"]),
        ("- fast:\n  1. `make a`\n\n```\nmake b\n```\n`make c`\n", ["make a", "make b", "make c"]),
        ("- ``echo `date` ``", ["echo `date`"]),
        ("- `make` and `make test`\n- Tests: `make`", []),
    ],
)
def test_verification(block: str, found: list[str]) -> None:
    header = read_header(f"# T\n\n## Verification (fast-first)\n{block}\n")
    assert list(header.checks) == found


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("- run pytest -q\n- `make`", ["run pytest -q"]),
        ("Run the tests,\nall of them.", ["Run the tests, all of them."]),
        ("```python\nassert True\n```", ["the block of python"]),
        ("Run this:\n```\nmake\n```\n- (none)\n---\n", []),
        ("- `make` must not fail", ["`make` must not fail"]),
    ],
)
def test_what_nobody_runs_is_told(text: str, told: list[str]) -> None:
    header = read_header(f"# T\n\n## Verification (fast-first)\n{text}\n")
    assert list(header.remarks) == [f"nobody runs this: {line}" for line in told]


def test_what_stands_in_code_or_comments_is_no_heading() -> None:
    comment, block = (
        "<!-- Repo: x\n## Dependencies\n- 0001-a.md -->",
        "```\n## Dependencies\n- 0002-b.md\n```",
    )
    text = f"# T\n{comment}\n{block}\nRepo: y\n"
    header = read_header(text)
    assert header.depends_on == () and header.repo == "y"


@given(st.text(max_size=400))
def test_any_text_is_read(text: str) -> None:
    read_header(text)
    read_header(f"# T\nRepo: {text}\n## Dependencies\n- {text}\n## Verification\n```\n{text}\n```\n")


@pytest.mark.parametrize(
    ("line", "title"),
    [("# Do it #", "Do it"), ("# Do it ##  ", "Do it"), ("# Learn C#", "Learn C#"), ("#  ##", "")],
)
def test_only_a_closing_row_of_hashes_is_no_part_of_the_title(line: str, title: str) -> None:
    assert read_header(f"{line}\n").title == title
