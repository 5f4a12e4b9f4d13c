"""What a person types in an interview: numbers, words, own words, and what is asked again."""

from __future__ import annotations

import pytest

from fabrik.cli.replies import read_reply
from fabrik.workflows.interview.model import Proposal, Question, Reply

PLAIN = Question(text="What?")
CHOICE = Question(text="Which?", options=("Red", "Blue", "Green"))
SPEC = Proposal(id="x", title="X", document={}, markdown="# X\n")


@pytest.mark.parametrize(
    ("typed", "reply"),
    [
        ("2", "Blue"),
        (" 3 ", "Green"),
        ("1,3", "Red; Green"),
        ("1 and 2", "Red; Blue"),
        ("1 2 3", "Red; Blue; Green"),
        ("12", "12"),
        ("2 but darker", "2 but darker"),
        ("Red", "Red"),
        ("one\ntwo", "one\ntwo"),
    ],
)
def test_an_answer_to_a_choice(typed: str, reply: str) -> None:
    assert read_reply(typed, CHOICE, first=True) == Reply(kind="answer", text=reply)


def test_a_number_is_an_answer_where_nothing_is_offered() -> None:
    assert read_reply("4", PLAIN, first=True) == Reply(kind="answer", text="4")


@pytest.mark.parametrize("typed", ["4", "9", "1, 4"])
def test_a_number_that_is_not_offered_is_asked_again(typed: str) -> None:
    found = read_reply(typed, CHOICE, first=True)
    assert isinstance(found, str) and "1 to 3" in found


@pytest.mark.parametrize("word", ["skip", "Back", " DONE "])
def test_words_that_mean_something(word: str) -> None:
    found = read_reply(word, CHOICE, first=False)
    assert isinstance(found, Reply) and found.kind == word.strip().lower()


def test_nothing_is_no_answer_and_nothing_can_be_taken_back_at_first() -> None:
    assert isinstance(read_reply("  ", PLAIN, first=False), str)
    assert isinstance(read_reply("back", PLAIN, first=True), str)
    assert isinstance(read_reply("back", SPEC, first=True), str)


def test_replies_to_a_spec() -> None:
    assert read_reply("Yes", SPEC, first=False) == Reply(kind="write")
    assert read_reply("no", SPEC, first=False) is None
    assert read_reply("back", SPEC, first=False) == Reply(kind="back")
    assert read_reply("make it shorter", SPEC, first=False) == Reply(kind="answer", text="make it shorter")
    assert all(isinstance(read_reply(word, SPEC, first=False), str) for word in ("", "skip", "done"))
