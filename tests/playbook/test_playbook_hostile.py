"""Files that nobody writes for people: they are read to the end, without an error and without delay."""

from __future__ import annotations

import pytest

from fabrik.playbook import agents_md, plan

pytestmark = pytest.mark.timeout(60)  # a few seconds, or hours

MANY = 300_000
LINES = {
    "a heading with a gap": "# a" + " " * MANY + "b",
    "a heading of marks": "# a" + " #" * MANY + " b",
    "a table after a gap": " " * MANY + "|x",
    "a fence with a gap": "```" + " " * MANY + "`",
    "a fence of tildes": "~" * MANY + "`",
    "stars": "- " + "* " * MANY + "`pytest`",
    "stars without blanks": "- " + "*" * MANY + "a: `pytest`",
    "a label with a gap": "- Lint: " + " " * MANY + "`",
    "a command with a gap": "- Tests: `pytest" + " " * MANY + "x`",
    "a comment with a gap": "```sh\nx" + " " * MANY + "y\n```",
    "many comments": "```sh\n'" + " #" * MANY + "\n```",
    "a script": "```sh\n" + "cd a\npytest\n" * (MANY // 10) + "```",
    "many checks": "```sh\npytest x\n```\n\n" + "".join(f"- `pytest {n}`\n" for n in range(MANY // 50)),
    "a long paragraph": "a\n" * MANY,
    "headings": "# a\n" * (MANY // 10),
}


@pytest.mark.parametrize("line", LINES.values(), ids=LINES)
def test_reads_a_hostile_line_and_what_stands_below_it(line: str) -> None:
    below = "\n\n# Validation\n\n- Tests: `make test`\n- [ ] Write the parser\n"
    assert "make test" in [check.run for check in agents_md.checks(f"# Tests\n\n{line}{below}")]
    assert "Write the parser" in [item.text for item in plan.read(f"# Tasks\n\n{line}{below}").open]


def test_lists_are_read_however_deep_they_are() -> None:
    deep = "".join("\t" * depth + f"- [ ] Task {depth}\n" for depth in range(1200))
    assert plan.read(deep).open[0].text == "Task 0"
    assert agents_md.checks("# Tests\n\n" + deep + "\n# Validation\n\n- Tests: `make test`\n")


def test_a_command_that_is_too_long_is_never_cut_to_another_one() -> None:
    long = "rm -rf build && " * 1000 + "pytest -q"
    assert agents_md.checks(f"# Validation\n\n- Tests: `{long}`\n\n```sh\n{long}\n```\n") == ()


@pytest.mark.parametrize(
    "text", ["- [ ] Thing {}" + " and more of it" * 5, "- [ ] {} " + "a b c d " * 400], ids=["many", "long"]
)
def test_compares_plans_that_were_written_anew(text: str) -> None:
    def words(number: int, sign: str) -> str:
        return "".join(chr(97 + int(digit)) * 3 for digit in str(number)) + sign

    before, after = (
        plan.read("\n".join(text.format(words(number, sign)) for number in range(1500))) for sign in "xy"
    )
    changes = plan.compare(before, after)
    assert len(changes.added) == len(changes.removed)


def test_a_long_item_is_known_when_a_word_of_it_changes() -> None:
    words = [f"{chr(97 + n % 26)}{chr(97 + n // 26)}word" for n in range(100)]
    before = plan.read("- [ ] " + " ".join(words))
    after = plan.read("- [x] " + " ".join([*words[:50], "another", *words[51:]]))
    assert [item.key for item in plan.compare(before, after).finished] == [before.items[0].key]
