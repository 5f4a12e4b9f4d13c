"""Checks that stand as list items below Verification, and what nobody runs there."""

from __future__ import annotations

from pathlib import Path

from convert_kit import same

from fabrik.specs.drafts import read_draft
from fabrik.specs.read import load
from fabrik.specs.validate import inspect

SPEC = """\
# Search

## Goals

- users find things

## Acceptance Criteria

- a known word is found

## Verification (fast-first)

- `make fast`
- [ ] `$ make types`.
- fast:
  1. ``echo `date` ``
- run pytest -q
- (none)

```sh
# the whole
make test
```

* `make last`
"""


def put(tmp_path: Path, text: str) -> Path:
    place = tmp_path / "search.md"
    place.write_text(text)
    return place


def test_items_that_are_one_command_are_checks_in_order(tmp_path: Path) -> None:
    checks = load(put(tmp_path, SPEC)).spec.checks
    assert [check.run for check in checks] == [
        *("make fast", "make types", "echo `date`", "make test", "make last")
    ]


def test_an_item_that_is_none_is_a_warning(tmp_path: Path) -> None:
    place = put(tmp_path, SPEC)
    (told,) = load(place).problems
    assert (told.where, told.what) == ("line 17", "nobody runs this: run pytest -q")
    assert told in inspect([place]).warnings


def test_an_item_is_no_check_where_it_would_have_no_effect(tmp_path: Path) -> None:
    found = read_draft(put(tmp_path, SPEC.replace("make fast", "cd pkg"))).problems
    assert [problem.where for problem in found] == ["line 13"]


def test_items_are_carried_to_json_and_back(tmp_path: Path) -> None:
    _, back = same(put(tmp_path, SPEC))
    assert "- `make fast`\n" in back.read_text() and "* `make last`\n" in back.read_text()
