"""Plans in the forms in which agents write them, and what became of their items."""

from __future__ import annotations

import pytest

from fabrik.playbook.layout import template
from fabrik.playbook.plan import Item, read
from fabrik.playbook.required_tests import RequiredTests


def texts(items: tuple[Item, ...]) -> list[str]:
    return [item.text for item in items]


def states(text: str) -> list[tuple[str, bool]]:
    return [(item.text, item.done) for item in read(text).items]


@pytest.mark.parametrize(
    "text",
    [
        "",
        "\n\n",
        "<!-- made by an agent -->\n",
        "<!--\n- [ ] an example\n-->\n",
        "\ufeff<!-- x -->",
        "# Plan\n",
    ],
)
def test_a_plan_that_says_nothing_is_empty(text: str) -> None:
    plan = read(text)
    assert plan.empty
    assert not plan.items
    assert not plan.wordy


def test_the_template_is_empty() -> None:
    assert read(template("IMPLEMENTATION_PLAN.md")).empty


def test_words_without_items_are_empty_and_wordy() -> None:
    plan = read("# Plan\n\nEverything is done; nothing is left.\n")
    assert plan.empty
    assert plan.wordy


def test_a_plain_list_is_to_do_in_its_order() -> None:
    plan = read("# Plan\n\n- Parse quotes\n* Write rows\n\n1. Read files\n2) Report errors\n")
    assert [(item.text, item.line, item.priority) for item in plan.open] == [
        ("Parse quotes", 3, 1),
        ("Write rows", 4, 2),
        ("Read files", 6, 3),
        ("Report errors", 7, 4),
    ]


@pytest.mark.parametrize(
    "line",
    [
        "- [x] Parse quotes",
        "- [X] Parse quotes",
        "* [✓] Parse quotes",
        "- ~~Parse quotes~~",
        "- ✅ Parse quotes",
        "- Parse quotes ✅",
        "- Parse quotes ✅ Done",
        "- ✅ Done: Parse quotes",
        "- **Parse quotes** — DONE",
        "- Parse quotes (done)",
        "- Parse quotes (completed 2026-01-03)",
        "- Parse quotes - completed",
        "- DONE: Parse quotes",
        "- [DONE] Parse quotes",
        "- Done: Parse quotes",
        "1. **Parse quotes** ✔️",
        "- **Parse quotes**\n  - Status: complete",
        "- Parse quotes\n  - [x] with escapes\n  - [x] without",
    ],
)
def test_marks_of_done(line: str) -> None:
    assert states(f"# Plan\n\n{line}\n- Another\n") == [("Parse quotes", True), ("Another", False)]


@pytest.mark.parametrize(
    "line",
    [
        "- [ ] Parse quotes",
        "- [~] Parse quotes",
        "- [/] Parse quotes",
        "- [] Parse quotes",
        "- ⬜ Parse quotes",
        "- 🚧 Parse quotes",
        "- Parse quotes ❌",
        "- Parse quotes\n  - Status: not done",
        "- Parse quotes\n  - Status: in progress",
        "- Parse quotes\n  - [x] with escapes\n  - [ ] without",
        "- [ ] Parse quotes\n  - [x] with escapes",
    ],
)
def test_marks_of_not_done(line: str) -> None:
    assert states(f"# Plan\n\n{line}\n") == [("Parse quotes", False)]


@pytest.mark.parametrize(
    "text",
    [
        "Done button does nothing",
        "Completed orders are listed",
        "Fix the finished-state icon",
        "Show what is done",
    ],
)
def test_words_of_done_in_a_sentence_are_no_mark(text: str) -> None:
    assert states(f"- {text}\n") == [(text, False)]


@pytest.mark.parametrize(
    "heading",
    [
        "Completed",
        "Done",
        "✅ Completed",
        "Completed items",
        "Completed (for reference)",
        "Recently completed",
        "Phase 1: Core ✅",
        "Phase 1: Core (done)",
        "Phase 1 — COMPLETE",
        "1. Done",
        "What's done",
        "Done & verified",
        "Completed work since January",
    ],
)
def test_below_headings_of_done_items_are_done(heading: str) -> None:
    assert states(f"## {heading}\n\n- Parse quotes\n\n## Next\n\n- Write rows\n") == [
        ("Parse quotes", True),
        ("Write rows", False),
    ]


@pytest.mark.parametrize(
    "heading",
    [
        "Complete the parser",
        "Done button",
        "Closed beta",
        "To be completed",
        "Not done yet",
        "Definition of done",
        "Remaining",
        "High priority",
        "Phase 2: Errors",
        "Future-proof the format",
        "Reject future dates",
        "Fixed sizes",
    ],
)
def test_below_other_headings_items_are_open(heading: str) -> None:
    assert texts(read(f"## {heading}\n\n- [ ] Parse quotes\n").open) == ["Parse quotes"]


@pytest.mark.parametrize(
    "heading",
    [
        "Future work",
        "Out of scope",
        "Out of Scope (for this release)",
        "Non-goals",
        "Deferred",
        "Later",
        "Parking lot",
        "Ideas (future)",
        "🔮 Future",
        "Won't do",
        "Phase 9 — deferred",
        "Not in scope",
    ],
)
def test_below_headings_of_putting_off_nothing_is_open(heading: str) -> None:
    plan = read(f"## {heading}\n\n- [ ] Themes\n- Sounds\n\n## Work\n\n- [ ] Parse quotes\n")
    assert texts(plan.items) == ["Parse quotes"]
    assert plan.aside[0] == "Themes"


def test_a_box_that_is_not_ticked_is_open_also_below_done() -> None:
    assert states("## Completed\n\n- [x] A\n- [ ] B\n") == [("A", True), ("B", False)]


def test_a_heading_below_done_inherits_it_and_may_take_it_back() -> None:
    text = "## Done\n\n### Parser\n\n- Quotes\n\n### Remaining\n\n- Escapes\n\n## Tasks\n\n- Rows\n"
    assert states(text) == [("Quotes", True), ("Escapes", False), ("Rows", False)]


def test_remarks_are_no_items() -> None:
    text = """# Implementation Plan

- Last updated: 2026-01-05
- Status: 1 of 2

## Overview

- Python, SQLite

## Tasks

- [x] Parse quotes
  - in `parse.py`
  - [ ] not a thing of its own
- [ ] Write rows

## Learnings

- csv is older than it looks

## Notes

Nothing.
"""
    plan = read(text)
    assert states(text) == [("Parse quotes", True), ("Write rows", False)]
    assert not plan.wordy


def test_a_box_below_remarks_is_an_item() -> None:
    assert states("## Discoveries\n\n- The reader is slow\n- [ ] Quotes in headers get lost\n") == [
        ("Quotes in headers get lost", False)
    ]


def test_everything_below_notes_is_remarks_but_what_remains() -> None:
    text = """# Implementation Plan

## Remaining Tasks

### High Priority

1. **Move the script**
   - and its paths

## Notes

### Task Selection Strategy

- Task 1 can be done alone

### Implementation Approach

- Keep it simple

### Still to do

- Write the guide
"""
    assert states(text) == [("Move the script", False), ("Write the guide", False)]


def test_paragraphs_that_stand_over_lists_as_headings_do() -> None:
    text = """## Phase 1

**Goal:** read files.

**Completed:**

- Quotes

**Remaining:**
- Escapes
- Rows

Key behaviours:
- wide fields stay wide

**Tasks**

1. Reports

__Future work__:
- Colours
"""
    assert states(text) == [("Quotes", True), ("Escapes", False), ("Rows", False), ("Reports", False)]
    assert read(text).aside == ("Colours",)


def test_a_paragraph_that_only_speaks_of_work_is_no_heading() -> None:
    text = "## Tasks\n\nThese tasks remain:\n\n- A\n\nEach is small: one session.\n\n- B\n"
    assert states(text) == [("A", False), ("B", False)]


def test_an_item_after_the_fields_of_another_is_not_lost() -> None:
    text = "1. Parser\n\nRequirements:\n\n2. Writer\n\nTest requirements:\n- it is fast\n\n3. Reports\n"
    items = read(text).items
    assert texts(items) == ["Parser", "Writer", "Reports"]
    assert items[1].required_tests.prose == ("it is fast",)


def test_code_comments_and_rules_are_no_items() -> None:
    text = "- A\n\n```markdown\n- [ ] example\n```\n\n---\n\n<!-- - [ ] hidden -->\n- B <!-- [x] -->\n"
    assert states(text) == [("A", False), ("B", False)]


def test_nested_bullets_belong_to_their_parents_however_far_they_are_indented() -> None:
    for indent in ("  ", "    ", "\t", "   "):
        assert texts(read(f"- A\n{indent}- a1\n{indent}- a2\n- B\n").items) == ["A", "B"]


def test_headings_that_are_tasks() -> None:
    text = """# Plan

## Phase 1

### Task 1: Parser ✅

- reads quotes

### Task 2: Writer

**Status:** in progress

- [x] rows
- [ ] headers

**Required tests:**
- `tests/test_writer.py::test_headers`
- an empty table gives an empty file

### 1.3 Reports

- Files: `report.py`
- Required tests: a report has a title

### [x] Setup

## Notes

### 1. Why

Because.
"""
    assert states(text) == [
        ("Task 1: Parser", True),
        ("Task 2: Writer", False),
        ("1.3 Reports", False),
        ("Setup", True),
    ]
    writer, reports = read(text).open
    assert writer.heading == "Phase 1"
    assert writer.required_tests == RequiredTests(
        paths=("tests/test_writer.py::test_headers",), prose=("an empty table gives an empty file",)
    )
    assert reports.required_tests.prose == ("a report has a title",)


def test_a_heading_over_boxes_is_no_task_itself() -> None:
    assert states("## 1. Parser\n\n- [ ] quotes\n- [x] rows\n") == [("quotes", False), ("rows", True)]


def test_tables_with_a_status() -> None:
    text = """| ID | Task | Status | Notes |
|----|------|--------|-------|
| 1.1 | Set up | completed | |
| 1.2 | **Parser** | in_progress | |
| 1.3 | Writer | ✅ | |
| 1.4 | Reports | pending | |
| | | | |

| Option | Default |
| --- | --- |
| sep | , |
"""
    assert states(text) == [("Set up", True), ("Parser", False), ("Writer", True), ("Reports", False)]
