"""What humans say at any time: kept, given to one step, and found again for the next run of the spec."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest
from ledger_place import Place, place, returning
from ledger_support import new_run, open_ledger

from fabrik.errors import Fenced, UsageError
from fabrik.ledger.feedback import Decision
from fabrik.ledger.types import Feedback
from fabrik.outcome import Verdict

STEP = "task/2/implement#1"


def noted(here: Place, notes: str) -> Feedback:
    return here.ledger.add_feedback(here.run.id, decision="noted", by="ann", notes=notes)


def taken(here: Place, step: str = STEP) -> list[str | None]:
    given = asyncio.run(here.journal.take_feedback(step))
    assert {said.used_by for said in given} <= {step}
    return [said.notes for said in given]


def test_feedback_is_kept_with_its_event(tmp_path: Path) -> None:
    with place(tmp_path) as here:
        said = noted(here, "use the cache — bitte ✓")
        assert (said.run, said.spec_path, said.gate) == (here.run.id, here.run.spec_path, None)
        assert (said.decision, said.decided_by, said.notes) == ("noted", "ann", "use the cache — bitte ✓")
        assert here.ledger.feedback(here.run.id) == [said]
        event = here.ledger.last_event(here.run.id)
        assert event is not None
        assert event.kind == "feedback.noted"
        assert event.data == {"id": said.id, "decision": "noted", "by": "ann", "notes": said.notes}


@pytest.mark.parametrize("notes", ["", " \n\t"])
def test_feedback_without_words_is_refused(tmp_path: Path, notes: str) -> None:
    with place(tmp_path) as here:
        with pytest.raises(UsageError, match="without words"):
            noted(here, notes)
        assert (here.ledger.feedback(here.run.id), here.kinds()) == ([], [])


def test_feedback_on_a_run_that_is_not_there(tmp_path: Path) -> None:
    with open_ledger(tmp_path) as ledger, pytest.raises(UsageError, match="there is no run"):
        ledger.add_feedback("nothing", decision="noted", by="ann", notes="n")


@pytest.mark.parametrize("verdict", Verdict)
@pytest.mark.parametrize("decision", ["noted", "approved", "rejected"])
def test_feedback_on_a_run_that_has_ended(tmp_path: Path, verdict: Verdict, decision: Decision) -> None:
    with place(tmp_path) as here:
        asyncio.run(here.journal.open_gate(1, "abc", "look"))  # nobody has decided it, nobody can now
        asyncio.run(here.journal.finish(verdict, None))
        said = here.ledger.add_feedback(here.run.id, decision=decision, by="ann", notes="it broke the menu")
        assert (said.gate, said.decision, said.overriding) == (None, decision, False)
        assert here.now().status == verdict.value
        assert here.ledger.gates(here.run.id)[0].state == "open"
        assert here.ledger.check() == []


@pytest.mark.parametrize("decision", ["approved", "rejected"])
def test_an_opinion_does_not_stand_for_the_decision_at_a_gate(tmp_path: Path, decision: Decision) -> None:
    with place(tmp_path) as here:
        asyncio.run(here.journal.open_gate(1, "abc", "look", marks=["unchecked"]))
        with pytest.raises(UsageError, match="gate 1 of the run waits") as caught:
            here.ledger.add_feedback(here.run.id, decision=decision, by="ann", notes="fine")
        assert f"fabrik approve {here.run.id}" in str(caught.value)
        noted(here, "a note is only a note")
        here.ledger.decide_gate(here.run.id, 1, approve=True, by="ann", notes=None)
        said = here.ledger.add_feedback(here.run.id, decision=decision, by="ann", notes="fine")
        assert (said.gate, said.overriding) == (None, False)


def test_a_note_goes_to_one_step(tmp_path: Path) -> None:
    with place(tmp_path) as here:
        assert taken(here) == []
        assert here.kinds() == []  # nothing was written
        one, two = noted(here, "one"), noted(here, "two")
        assert here.ledger.unused_feedback(here.run.id) == 2
        assert taken(here) == ["one", "two"]
        assert here.ledger.unused_feedback(here.run.id) == 0
        event = here.ledger.last_event(here.run.id)
        assert event is not None
        assert (event.kind, event.step) == ("feedback.used", STEP)
        assert event.data == {"step": STEP, "ids": [one.id, two.id]}
        assert taken(here, "task/3/implement#1") == []
        assert taken(here) == ["one", "two"]
        assert here.kinds() == ["feedback.noted"] * 2 + ["feedback.used"]


def test_a_step_that_is_started_again_gets_what_it_got_and_what_is_new(tmp_path: Path) -> None:
    with place(tmp_path) as here:
        noted(here, "one")
        assert taken(here) == ["one"]

        async def cut_off(_: object) -> str:
            raise asyncio.CancelledError

        with pytest.raises(asyncio.CancelledError):
            asyncio.run(here.journal.step(STEP, cut_off, result=str))
    with place(tmp_path) as here:
        assert taken(here) == ["one"]
        noted(here, "two")
        assert taken(here) == ["one", "two"]


def test_a_finished_step_takes_no_note_away_from_the_next(tmp_path: Path) -> None:
    """A resumed run asks for every step again; a note that only a finished one was given would be lost."""
    with place(tmp_path) as here:
        noted(here, "one")
        assert taken(here) == ["one"]
        asyncio.run(here.journal.step(STEP, returning("x"), result=str))
    with place(tmp_path) as here:
        noted(here, "two")
        assert taken(here) == ["one"]
        assert here.ledger.unused_feedback(here.run.id) == 1
        assert taken(here, "task/3/implement#1") == ["two"]


def test_decisions_and_opinions_are_not_put_into_prompts_as_notes(tmp_path: Path) -> None:
    with place(tmp_path) as here:
        asyncio.run(here.journal.open_gate(1, "abc", "look"))
        here.ledger.decide_gate(here.run.id, 1, approve=False, by="ann", notes="too slow")
        here.ledger.add_feedback(here.run.id, decision="rejected", by="bob", notes="me too")
        assert (taken(here), here.ledger.unused_feedback(here.run.id)) == ([], 0)


def test_steps_that_start_at_once_do_not_share_a_note(tmp_path: Path) -> None:
    with place(tmp_path) as here:
        said = [noted(here, str(number)) for number in range(3)]

        async def main() -> list[tuple[Feedback, ...]]:
            return await asyncio.gather(*(here.journal.take_feedback(f"s{number}") for number in range(9)))

        given = [one.id for some in asyncio.run(main()) for one in some]
        assert given == [one.id for one in said]


def test_who_has_lost_the_run_takes_nothing(tmp_path: Path) -> None:
    with place(tmp_path) as here:
        noted(here, "one")
        here.ownership.release()
        with pytest.raises(Fenced):
            taken(here)
        assert here.ledger.unused_feedback(here.run.id) == 1


def test_the_next_run_of_a_spec_finds_what_was_said_in_words(tmp_path: Path) -> None:
    with place(tmp_path) as here:
        asyncio.run(here.journal.open_gate(1, "abc", "look"))
        here.ledger.decide_gate(here.run.id, 1, approve=False, by="ann", notes="too slow")
        asyncio.run(here.journal.reopen())
        asyncio.run(here.journal.open_gate(2, "def", "look", approved_by="--auto"))  # without words
        noted(here, "use the cache")
        other = here.ledger.create_run(new_run(tmp_path))
        here.ledger.add_feedback(other.id, decision="approved", by="bob", notes="now it is good")
        with here.ledger.transaction() as db:
            db.execute(
                "INSERT INTO human_feedback (run_id, spec_path, decision, decided_by, notes, created_at)"
                " VALUES (?, 'specs/another.json', 'noted', 'ann', 'about another spec', 0)",
                (other.id,),
            )
        found = here.ledger.feedback_on_spec(here.run.spec_path)
        assert [said.notes for said in found] == ["too slow", "use the cache", "now it is good"]
        assert [said.run for said in found] == [here.run.id, here.run.id, other.id]
        assert here.ledger.feedback_on_spec(here.run.spec_path, limit=2) == found[1:]
        assert here.ledger.feedback_on_spec("specs/none.json") == []
        assert len(here.ledger.feedback(here.run.id)) == 3
