"""Every command line in every text of the project names commands and options that exist."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from command_lines import commands, wrong_with
from manual_texts import PAGES, ROOT, command_lines, messages, texts

from fabrik.manual.pages import text, topics

MISTAKES = {"fabrik run spec.md"}  # that a comment tells about


@pytest.mark.parametrize("path", texts(), ids=lambda path: str(path.relative_to(ROOT)))
def test_every_command_line_of_a_text_can_be_parsed(path: Path) -> None:
    wrong = [
        f"{path.relative_to(ROOT)}:{line}: {command}\n    {found}"
        for line, command in command_lines(path)
        if (found := wrong_with(command)) is not None
    ]
    assert not wrong, "\n" + "\n".join(wrong)


def test_every_command_line_in_a_message_can_be_parsed() -> None:
    wrong = [
        f"{path.relative_to(ROOT)}:{line}: {command}\n    {found}"
        for path in sorted((ROOT / "src").rglob("*.py"))
        for line, command in messages(path)
        if command not in MISTAKES and (found := wrong_with(command)) is not None
    ]
    assert not wrong, "\n" + "\n".join(wrong)


def test_every_topic_that_the_source_names_is_there() -> None:
    """`fabrik docs json` in a help or a message leads to a page."""
    known = {topic.name for topic in topics()}
    named = {
        (str(path.relative_to(ROOT)), topic)
        for path in [*(ROOT / "src").rglob("*.py"), *texts()]
        for topic in re.findall(r"\bfabrik docs ([a-z][a-z-]+)", path.read_text("utf-8"))
        if "manual" not in path.parts or path.suffix == ".md"
    }
    words = {"lists", "shows", "has", "fabrik"}  # that follow in a sentence
    assert {name for name in named if name[1] not in known | words} == set()


def test_every_command_that_prints_json_is_on_the_page_about_it() -> None:
    page = text("json")
    missing = [
        name
        for name, command in commands()
        if any("--json" in param.opts for param in command.params)
        and name.removeprefix("fabrik ") not in page
        and not name.startswith("fabrik messages ")  # have a page of their own
        and name != "fabrik spec new"  # where it chooses a format
    ]
    assert missing == []


def test_many_command_lines_are_looked_at() -> None:
    assert len({command for path in texts() for _, command in command_lines(path)}) > 80
    assert PAGES / "index.md" in texts()


@pytest.mark.parametrize(
    "line",
    [
        "fabrik run --spec specs/search.md --agent claude",
        "fabrik run --spec FILE … --budget-usd 20 # at most",
        "fabrik run attach|resume|cancel RUN",
        "fabrik runs list [--json]",
        "fabrik runs list -n 3 | head",
        'fabrik feedback RUN --decision approved --notes "it\'s fine"',
        "fabrik spec",
        "fabrik spec new specs/0001-search.md && fabrik spec validate",
    ],
)
def test_a_right_command_line_passes(line: str) -> None:
    assert wrong_with(line) is None


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("fabrik ship", "no command 'ship'"),
        ("fabrik run --spec s.md --vm ralph-1", "--vm"),
        ("fabrik runs show --id 42", "--id"),
        ("fabrik runs list|lost", "no command 'lost'"),
        ("fabrik why RUN two", "takes no argument"),
        ("fabrik feedback RUN --decision maybe", "cannot be 'maybe'"),
        ("fabrik runs list [--jsn]", "--jsn"),
        ("fabrik run --spec", "requires an argument"),
    ],
)
def test_a_wrong_command_line_is_found(line: str, said: str) -> None:
    assert said in (wrong_with(line) or "")
