"""Who an item is, what became of it, and that no plan is too strange."""

from __future__ import annotations

from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fabrik.playbook.plan import Changes, Item, compare, read
from fabrik.playbook.required_tests import RequiredTests


def texts(items: tuple[Item, ...]) -> list[str]:
    return [item.text for item in items]


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
