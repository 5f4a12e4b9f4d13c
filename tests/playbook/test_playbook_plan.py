"""Plans in the forms in which agents write them, and what became of their items."""

from __future__ import annotations

from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fabrik.playbook.layout import template
from fabrik.playbook.plan import Changes, Item, compare, read
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


WANTED = RequiredTests(
    paths=("tests/test_parse.py::test_quotes", "tests/test_parse.py::test_escapes[a-1]"),
    prose=("an empty file gives no rows",),
)


@pytest.mark.parametrize(
    "text",
    [
        # inline
        "- [ ] Parse quotes. Required tests: `tests/test_parse.py::test_quotes`,"
        " `tests/test_parse.py::test_escapes[a-1]`, an empty file gives no rows",
        # inline, then another field
        "- [ ] Parse quotes (specs/csv.md) — **Required tests:** tests/test_parse.py::test_quotes;"
        " tests/test_parse.py::test_escapes[a-1]; an empty file gives no rows. Spec: specs/csv.md",
        # a nested field
        "- [ ] Parse quotes\n  - Files: parse.py\n  - Required tests: tests/test_parse.py::test_quotes,"
        " tests/test_parse.py::test_escapes[a-1], an empty file gives no rows\n  - Note: see `tests/o.py`",
        # a nested list
        "- [ ] Parse quotes\n  - **Required Tests:**\n    - `tests/test_parse.py::test_quotes` — quotes\n"
        "    - [ ] `tests/test_parse.py::test_escapes[a-1]`\n    - An empty file gives no rows.\n  - Spec: a",
        # lines below the item
        "- [ ] Parse quotes\n  Required tests:\n  - tests/test_parse.py::test_quotes\n"
        "  - tests/test_parse.py::test_escapes[a-1]\n  - an empty file gives no rows",
        # lines below the item, after a blank one
        "- [ ] Parse quotes\n\n  **Tests required**:\n\n  1. tests/test_parse.py::test_quotes\n"
        "  2. tests/test_parse.py::test_escapes[a-1]\n  3. an empty file gives no rows",
        # the label ends the item's own line
        "- [ ] Parse quotes. Required tests:\n  - tests/test_parse.py::test_quotes\n"
        "  - tests/test_parse.py::test_escapes[a-1]\n  - an empty file gives no rows",
        # a line that goes on
        "1. Parse quotes\n   Required tests: tests/test_parse.py::test_quotes,\n"
        "   tests/test_parse.py::test_escapes[a-1],\n   an empty file gives no rows",
        # a code block
        "- [ ] Parse quotes\n  - Required tests:\n    ```\n    tests/test_parse.py::test_quotes\n"
        "    tests/test_parse.py::test_escapes[a-1]\n    an empty file gives no rows\n    ```",
    ],
)
def test_required_tests_in_all_their_forms(text: str) -> None:
    item, after = read(f"# Plan\n\n{text}\n- [ ] Write rows\n").items
    assert (
        item.key
        == read("- [ ] Parse quotes (specs/csv.md)" if "(specs" in text else "- Parse quotes").items[0].key
    )
    found = item.required_tests
    assert found.paths == WANTED.paths
    assert [entry.lower() for entry in found.prose] == list(WANTED.prose)
    assert not after.required_tests


def test_the_playbooks_own_example() -> None:
    (item,) = read(
        "- Color extraction. Required tests: Extract 5-10 colors, Performance <100ms,"
        " Handle grayscale edge case\n"
    ).items
    assert item.text == "Color extraction."
    assert item.required_tests.prose == (
        "Extract 5-10 colors",
        "Performance <100ms",
        "Handle grayscale edge case",
    )


def test_tests_that_are_not_indented_belong_to_the_item_above_them() -> None:
    items = read(
        "- [ ] A\n\nRequired tests:\n\n- it is fast\n- it is right\n- [ ] B\n"
        "Required tests:\n- it is small\n\n- [ ] C\n\n**Required tests**:\n- [ ] one\n- [ ] two\n"
    ).items
    assert [(item.text, item.required_tests.prose) for item in items] == [
        ("A", ("it is fast", "it is right")),
        ("B", ("it is small",)),
        ("C", ("one", "two")),
    ]


def test_an_item_about_tests_is_an_item() -> None:
    text = "# Plan\n\n- Parser: read quotes\n- Tests: cover the writer\n- Verification: compare with csv\n"
    assert texts(read(text).open) == [
        "Parser: read quotes",
        "Tests: cover the writer",
        "Verification: compare with csv",
    ]


@pytest.mark.parametrize("none", ["none", "None.", "N/A", "-", "no tests required"])
def test_no_required_tests(none: str) -> None:
    (item,) = read(f"- [ ] Rename\n  - Required tests: {none}\n").items
    assert not item.required_tests


@pytest.mark.parametrize(
    "path",
    [
        "src/parse.test.ts",
        "spec/models/user_spec.rb",
        "internal/store/store_test.go",
        "tests/cli.bats",
        "src/__tests__/a.tsx",
        "e2e/login.spec.js",
        "crates/a/tests/quotes.rs",
        "src/FooTest.java",
        "tests/test_a.py",
    ],
)
def test_paths_of_tests_in_many_languages(path: str) -> None:
    (item,) = read(
        f"- A\n  - Required tests:\n    - {path}: it works\n    - works like `src/lib/other.ts`\n"
    ).items
    assert item.required_tests == RequiredTests(paths=(path,), prose=("works like `src/lib/other.ts`",))


SPELLINGS = [
    "- Parse quotes",
    "* **Parse quotes**",
    "7. Parse quotes",
    "- [ ] **1.2 Parse quotes**",
    "- [x] Task 3: Parse `quotes`",
    "- ~~Parse quotes~~ ✅",
    "- [ ] [P1] Parse quotes.",
    "- [Parse quotes](specs/csv.md)",
    "- Parse   quotes (done 2026-02-03)",
]


@pytest.mark.parametrize("line", SPELLINGS)
def test_an_item_is_who_it_is_however_it_is_written(line: str) -> None:
    assert read(f"{line}\n").items[0].key == "parse quotes"


def test_equal_items_have_keys_of_their_own() -> None:
    assert [item.key for item in read("- [x] Fix it\n- [ ] Fix it\n").items] == ["fix it", "fix it#2"]


def test_what_became_of_items() -> None:
    before = read("- [ ] A one\n- [ ] B two\n- [x] C three\n- [x] D four\n- [ ] E five\n")
    after = read("- [ ] F six\n- [x] A one\n- [ ] C three\n- [ ] E five\n## Done\n- G seven\n")
    changes = compare(before, after)
    assert texts(changes.finished) == ["A one"]
    assert texts(changes.removed) == ["B two"]
    assert texts(changes.reopened) == ["C three"]
    assert texts(changes.cleared) == ["D four"]
    assert texts(changes.added) == ["F six"]
    assert texts(changes.recorded) == ["G seven"]
    assert changes.weakened == ()


def test_a_reworded_item_is_the_same() -> None:
    before = read("- [ ] Parse quoted fields\n- [ ] Write rows quickly to disk\n")
    after = read("- [x] Parse quoted fields, also with escapes\n- [ ] Write rows quickly to the disk\n")
    assert texts(compare(before, after).finished) == ["Parse quoted fields"]
    assert not compare(before, after).added


def test_items_that_differ_by_a_number_are_not_the_same() -> None:
    changes = compare(read("- [ ] Read files of version 1\n"), read("- [x] Read files of version 2\n"))
    assert texts(changes.removed) == ["Read files of version 1"]
    assert texts(changes.recorded) == ["Read files of version 2"]


def test_required_tests_that_went_away_are_seen() -> None:
    before = read("- [ ] A\n  - Required tests:\n    - `tests/a.py::b`\n    - it is fast\n")
    after = read("- [x] A\n  - Required tests: It is FAST.\n")
    changes = compare(before, after)
    assert changes.finished[0].required_tests == RequiredTests(
        paths=("tests/a.py::b",), prose=("it is fast",)
    )
    assert changes.weakened[0].required_tests == RequiredTests(paths=("tests/a.py::b",))


def test_a_big_plan_is_read_and_compared_without_delay() -> None:
    before = read("".join(f"- [ ] {word} {at} of the parts\n" for at in range(700) for word in ("do", "see")))
    after = read("".join(f"- [x] the {at} thing is written anew\n" for at in range(700)))
    assert len(compare(before, after).removed) == 1400


WORDS = st.lists(
    st.sampled_from(["parse", "quotes", "write", "rows", "files", "report", "errors", "colours", "notes"]),
    min_size=2,
    max_size=5,
    unique=True,
).map(" ".join)
PLANS = st.lists(st.tuples(WORDS, st.booleans()), max_size=6, unique_by=lambda entry: entry[0])


def render(entries: list[tuple[str, bool]], spelling: int = 0) -> str:
    def line(number: int, text: str, done: bool) -> str:
        return (
            f"- [{'x' if done else ' '}] {text}",
            f"* [{'X' if done else ' '}] **{number}.1 {text.capitalize()}**",
            f"{number}. {f'~~{text}~~' if done else text}\n   - Why: so",
            f"- {text}{' — DONE' if done else ''}",
        )[spelling]

    return "# Plan\n\n" + "\n".join(line(at, text, done) for at, (text, done) in enumerate(entries, 1)) + "\n"


@given(PLANS, st.integers(0, 3))
def test_what_was_written_is_read(entries: list[tuple[str, bool]], spelling: int) -> None:
    plan = read(render(entries, spelling))
    assert [(item.key, item.done) for item in plan.items] == entries
    assert plan.empty == all(done for _, done in entries)


@given(PLANS, st.randoms(), st.integers(0, 3), st.integers(0, 3))
def test_moving_and_reformatting_changes_nothing(
    entries: list[tuple[str, bool]], random: Random, first: int, second: int
) -> None:
    moved = list(entries)
    random.shuffle(moved)
    assert not compare(read(render(entries, first)), read(render(moved, second)))


@given(PLANS, PLANS)
def test_every_item_has_one_fate(first: list[tuple[str, bool]], second: list[tuple[str, bool]]) -> None:
    before, after = read(render(first)), read(render(second))
    changes = compare(before, after)
    gone = len(changes.removed) + len(changes.cleared)
    new = len(changes.added) + len(changes.recorded)
    assert len(before.items) - gone == len(after.items) - new
    assert len(before.open) - len(changes.finished) - len(changes.removed) + len(changes.reopened) + len(
        changes.added
    ) == len(after.open)


@given(st.text(max_size=400))
def test_no_text_makes_it_fail(text: str) -> None:
    plan = read(text)
    assert len({item.key for item in plan.items}) == len(plan.items)
    assert compare(plan, plan) == Changes()


@given(st.text(alphabet=st.sampled_from("ab `*_-#|:\n\t[]x1.()~✅"), max_size=200))
def test_no_markup_makes_it_fail(text: str) -> None:
    plan = read(text)
    assert [item.priority for item in plan.items] == list(range(1, len(plan.items) + 1))
    assert all(item.text and item.line >= 1 for item in plan.items)
