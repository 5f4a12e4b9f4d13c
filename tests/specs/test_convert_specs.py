"""Markdown to JSON and back: what was asked is the same, and no word that a person wrote is lost."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path

import pytest
from convert_kit import asked, converted, same, words
from spec_texts import MARKDOWN, SPEC, TODO, put

from fabrik.errors import UsageError
from fabrik.specs.converting.convert import convert, write
from fabrik.specs.drafts import read_draft, siblings
from fabrik.specs.problems import SpecErrors
from fabrik.specs.read import load

CORPUS = Path(__file__).parent / "review_corpus"

RICH = """\
---
# why this id: the ticket
id: rich
status: ready   # since Monday
version: "1.2"
lastUpdated: 2026-01-02
dependsOn: []
cfg:
  env: [TOKEN]
---

Some words before the title.

# Spec: A *rich* document

Why it exists, with `code` and a [link](x.md).

| a | b |
| - | - |
| 1 | 2 |

## Goals

Introduced by a sentence.

* first goal <!-- ask
  nobody --> of all
* [x] second goal

  with a paragraph of its own

      and code
  - nested
    - deeper

A remark below the list.

## Background

- not a goal
<!-- a comment of several
lines -->

## Requirements

### API

1. `GET /x`
2. `POST /x`
   ```json
   {"a": 1}
   ```

### Observability

+ log it

## Acceptance criteria (v2)

Paragraph one
goes on.

Paragraph two.

## May Change

- `tests/test_x.py`: because it
  says so
- `ci/**`

## Tasks

Do them in order.

1. First
   Verify: it is there
2. [ ] Second, see `x`

   more about it

## Verification (fast-first)

Run in this order.

```sh
# lint

# the tests
make test
$ make \\
    lint
```

```json
{"not": "a check"}
```
"""


def test_a_rich_document(tmp_path: Path) -> None:
    path = put(tmp_path / "rich.md", RICH)
    middle, back = same(path)
    assert words(RICH) - words(back.read_text()) == Counter()
    text = back.read_text()
    for line in (
        "Some words before the title.",
        "| 1 | 2 |",
        "* [x] second goal",
        "Introduced by a sentence.",
    ):
        assert line in text.splitlines()
    assert "# why this id: the ticket" in text and "# since Monday" in text
    # Once more changes nothing any more.
    again = converted(converted(back, tmp_path / "a/x.json"), tmp_path / "a/y.md")
    assert again.read_text() == text
    assert json.loads(middle.read_text())["version"] == "1.2"


def test_what_needs_no_prose_has_none(tmp_path: Path) -> None:
    middle, back = same(put(tmp_path / "0001-search.md", MARKDOWN.replace("- [ ] ", "- ")))
    assert "prose" not in json.loads(middle.read_text())
    assert back.read_text().endswith(MARKDOWN.replace("- [ ] ", "- "))


def test_a_todo_goes_along(tmp_path: Path) -> None:
    path = put(tmp_path / "a.json", SPEC)
    put(tmp_path / "a.todo.json", TODO)
    out = converted(path, tmp_path / "there/a.md")
    assert "## Tasks" not in out.read_text()  # its ids are words
    assert load(out).todo == load(path).todo
    simple = {"v": 1, "id": SPEC["id"], "tdd": False, "dod": []}
    simple["tasks"] = [{"id": "1", "do": "a", "verify": "b"}, {"id": "2", "do": "c\n\nd", "verify": ""}]
    put(tmp_path / "a.todo.json", simple)
    out = converted(path, tmp_path / "elsewhere/a.md")
    assert "1. a\n   Verify: b\n2. c" in out.read_text()
    assert not (tmp_path / "elsewhere/a.todo.json").exists()
    assert load(out).todo == load(path).todo
    beside = convert(path)
    assert list(beside.files) == [tmp_path / "a.md"] and "stay in" in beside.notes[0]
    write(beside)
    assert load(tmp_path / "a.md").todo == load(path).todo


def test_edited_json_comes_back_edited(tmp_path: Path) -> None:
    middle = converted(put(tmp_path / "rich.md", RICH), tmp_path / "m/rich.json")
    values = json.loads(middle.read_text())
    values["goals"] = ["changed", *values["goals"][1:], "a third"]
    values["nonGoals"] = ["nothing else"]
    values["title"] = "Renamed"
    put(middle, values)
    put(
        tmp_path / "m/rich.todo.json", json.loads((tmp_path / "m/rich.todo.json").read_text()) | {"tdd": True}
    )
    back = converted(middle, tmp_path / "b/rich.md")
    assert asked(load(back)) == asked(load(middle)) and load(back).todo == load(middle).todo
    text = back.read_text()
    assert "# Spec: Renamed" in text and "* changed" in text and "## Non-Goals" in text
    assert "## About the tasks\n\nDo them in order." in text and "## Tasks" not in text


def runnable() -> list[Path]:
    """The good specs that `fabrik run` takes; the others are free in their form."""
    return [path for path in siblings(CORPUS / "good") if read_draft(path).spec is not None]


@pytest.mark.parametrize("path", runnable(), ids=lambda path: path.name)
def test_the_specs_of_the_review(path: Path, tmp_path: Path) -> None:
    copy = put(tmp_path / path.name, path.read_bytes())
    _, back = same(copy)
    if path.suffix == ".md":
        assert words(copy.read_text()) - words(back.read_text()) == Counter()


def test_what_cannot_be(tmp_path: Path) -> None:
    path = put(tmp_path / "a.md", MARKDOWN)
    with pytest.raises(UsageError, match="is Markdown already"):
        convert(path, to="markdown")
    with pytest.raises(UsageError, match="is no name for JSON"):
        convert(path, out=tmp_path / "a.txt")
    put(tmp_path / "a.json", "mine")
    with pytest.raises(UsageError, match="is there already"):
        write(convert(path))
    assert (tmp_path / "a.json").read_text() == "mine"
    with pytest.raises(SpecErrors, match="no acceptance criteria"):
        convert(put(tmp_path / "b.md", "# x\n\n## Goals\n\n- y\n"))
    hidden = MARKDOWN.replace("# Search", "---\nholdout:\n  - run: x\n    files: [h.py]\n---\n# Search", 1)
    put(tmp_path / "h.py", "x")
    with pytest.raises(UsageError, match="held-out files"):
        convert(put(tmp_path / "c.md", hidden), out=tmp_path / "d/c.json")


def test_comments_beside_held_out_checks_stay_hidden(tmp_path: Path) -> None:
    text = "---\nid: a\n# s3cret hint\nholdout:\n  - s3cret command\n---\n" + MARKDOWN
    middle, back = same(put(tmp_path / "a.md", text))
    for path in (middle, back):
        assert "s3cret hint" in path.read_text()
        assert "s3cret" not in load(path).spec.source
