"""The required tests of an item, in all their forms."""

from __future__ import annotations

import pytest

from fabrik.playbook.plan import read
from fabrik.playbook.required_tests import RequiredTests

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
    assert [item.text for item in read(text).open] == [
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
