"""How far an interview is: answers, what is skipped and taken back, and when the spec has to be written."""

from __future__ import annotations

from interviews import ORDER, proposal, question

from fabrik.workflows.consult import Told
from fabrik.workflows.interview.briefing import prompt_of
from fabrik.workflows.interview.model import Asked, Exchange, Reply
from fabrik.workflows.interview.talk import CHANGED, ENOUGH, Talk


def said(talk: Talk, asked: Asked, reply: Reply) -> None:
    talk.pending = asked
    talk.reply(reply)


def answer(text: str) -> Reply:
    return Reply(kind="answer", text=text)


def test_answers_are_kept_in_order() -> None:
    talk = Talk(most=12)
    said(talk, question("One?"), answer("1"))
    said(talk, question("Two?"), Reply(kind="skip"))
    assert [each.answer for each in talk.exchanges] == ["1", None]
    assert talk.number == 3 and talk.pending is None and talk.finish == "" and talk.accepted is None


def test_back_asks_the_last_question_again() -> None:
    talk = Talk(most=12)
    said(talk, question("One?"), answer("1"))
    said(talk, question("Two?"), answer("2"))
    said(talk, question("Three?"), Reply(kind="back"))
    assert talk.pending == question("Two?") and talk.number == 2
    talk.reply(Reply(kind="back"))
    assert talk.pending == question("One?") and talk.exchanges == []
    talk.reply(Reply(kind="back"))
    assert talk.pending == question("One?")


def test_done_and_the_bound_end_the_questions() -> None:
    talk = Talk(most=2)
    said(talk, question("One?"), Reply(kind="done"))
    assert talk.finish == ENOUGH and talk.exchanges == []
    talk = Talk(most=1)
    said(talk, question("One?"), answer("1"))
    assert talk.finish == "All 1 questions are used up."
    assert Talk(most=0).finish


def test_back_after_done_goes_on_asking() -> None:
    talk = Talk(most=12)
    said(talk, question("One?"), answer("1"))
    said(talk, question("Two?"), Reply(kind="done"))
    said(talk, proposal(), Reply(kind="back"))
    assert talk.pending == question("One?") and talk.finish == ""


def test_a_proposal_is_written_or_changed() -> None:
    first, second = proposal(), proposal(title="Another")
    talk = Talk(most=12)
    said(talk, first, answer("shorter"))
    assert (talk.draft, talk.finish, talk.number) == (first, CHANGED, 1)
    said(talk, second, Reply(kind="back"))
    assert (talk.pending, talk.draft) == (first, None)
    talk.reply(Reply(kind="write"))
    assert talk.accepted == first


TOLD = Told(workspace="/workspace", report="/home/report.json")


def test_the_agent_is_told_what_was_said() -> None:
    exchanges = [
        Exchange(asked=question("Who?", "Owners", "All"), answer="2 of\nthem"),
        Exchange(asked=question("Which?", "Red", "Blue"), answer="Blue"),
        Exchange(asked=question("When?"), answer=None),
    ]
    prompt = prompt_of(TOLD, ORDER, Talk(most=12, exchanges=exchanges), "Be brief.")
    assert "number 4 of at most 12" in prompt and "find notes" in prompt and "/home/report.json" in prompt
    assert "1. Who?\n\n   You offered: (1) Owners; (2) All\n\n   Answer: 2 of\n   them\n" in prompt
    assert "2. Which?\n\n   Answer: Blue\n" in prompt and "Answer: (skipped)" in prompt
    assert "checkout that you can read" in prompt and "There is no project yet" not in prompt
    assert "Write the specification now" not in prompt and "Be brief." in prompt


def test_the_agent_is_told_what_is_to_be_changed() -> None:
    talk = Talk(most=12, exchanges=[Exchange(asked=proposal(), answer="shorter")])
    prompt = prompt_of(TOLD, ORDER, talk, "")
    assert "Write the specification now" in prompt and "# Find notes by their text" in prompt
    assert "Answer: shorter" in prompt


def test_the_kinds_of_specs_have_guides_of_their_own() -> None:
    from dataclasses import replace

    plain = prompt_of(TOLD, ORDER, Talk(most=12), "")
    guides = {
        kind: prompt_of(TOLD, replace(ORDER, kind=kind), Talk(most=12), "")
        for kind in ("feature", "bug", "refactoring", "release")
    }
    assert len({plain, *guides.values()}) == 5
    assert "fails today because of the bug" in guides["bug"]
    nowhere = prompt_of(TOLD, replace(ORDER, no_project="this is no git repository"), Talk(most=12), "")
    assert "this is no git repository" in nowhere and "checkout that you can read" not in nowhere
