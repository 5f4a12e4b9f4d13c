"""Approval gates: opened once, marked, decided once, overridden on record; the way on after a rejection."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest
from ledger_place import place, returning

from fabrik.errors import UsageError
from fabrik.outcome import Verdict

MARKS = ("security has no verdict", "2 findings are open")


def test_a_gate_is_opened_once_and_given_as_it_is(tmp_path: Path) -> None:
    with place(tmp_path) as here:
        gate = asyncio.run(here.journal.open_gate(1, "abc", "look"))
        assert gate == asyncio.run(here.journal.open_gate(1, "abc", "look again"))
        assert (gate.state, gate.reason) == ("open", "look")
        assert (here.now().status, here.now().alive) == ("waiting", False)
        with pytest.raises(RuntimeError, match="about abc, not about xyz"):
            asyncio.run(here.journal.open_gate(1, "xyz", "look"))
        with pytest.raises(RuntimeError, match="is waiting: reopen it"):
            asyncio.run(here.journal.step("one", returning("x"), result=str))
    with place(tmp_path) as here:  # resumed before anybody has decided
        asyncio.run(here.journal.reopen())
        assert asyncio.run(here.journal.open_gate(1, "abc", "look")) == gate
        assert here.now().status == "waiting"
        here.ledger.decide_gate(here.run.id, 1, approve=True, by="ann", notes=None)
        assert here.now().status == "waiting"
    with place(tmp_path) as here:
        asyncio.run(here.journal.reopen())
        assert asyncio.run(here.journal.open_gate(1, "abc", "look")).state == "approved"
        assert here.now().status == "running"
        kinds = [k for k in here.kinds() if k not in ("run.claimed", "run.resumed")]
        assert kinds == ["gate.opened", "run.waiting", "gate.approved"]


@pytest.mark.parametrize("approve", [True, False])
@pytest.mark.parametrize("marks", [MARKS, ()])
def test_who_approves_a_marked_gate_overrides(tmp_path: Path, marks: tuple[str, ...], approve: bool) -> None:
    with place(tmp_path) as here:
        opened = asyncio.run(here.journal.open_gate(1, "abc", "look", marks=marks))
        assert (opened.marks, opened.overriding) == (marks, False)
        gate = here.ledger.decide_gate(here.run.id, 1, approve=approve, by="ann", notes="n")
        overriding = approve and bool(marks)
        assert (gate.marks, gate.overriding) == (marks, overriding)
        assert here.ledger.gates(here.run.id) == [gate]
        (said,) = here.ledger.feedback(here.run.id)
        assert (said.gate, said.overriding, said.decided_by, said.notes) == (1, overriding, "ann", "n")
        event = here.ledger.last_event(here.run.id)
        assert event is not None
        about = {"by": "ann", "notes": "n", "number": 1, "candidate": "abc", "marks": list(marks)}
        if approve:
            assert (event.kind, event.data) == ("gate.approved", about | {"overriding": overriding})
        else:
            assert (event.kind, event.data) == ("gate.rejected", about | {"end": False})


def test_a_rejection_may_say_that_the_run_is_to_end(tmp_path: Path) -> None:
    with place(tmp_path) as here:
        asyncio.run(here.journal.open_gate(1, "abc", "look"))
        here.ledger.decide_gate(here.run.id, 1, approve=False, by="ann", notes="no", end=True)
        event = here.ledger.last_event(here.run.id, {"gate.rejected"})
        assert event is not None
        assert event.data["end"] is True


def test_nobody_approves_a_marked_gate_in_advance(tmp_path: Path) -> None:
    with place(tmp_path) as here:
        gate = asyncio.run(here.journal.open_gate(1, "abc", "look", marks=MARKS, approved_by="--auto"))
        assert (gate.state, here.now().status) == ("open", "waiting")
        assert here.ledger.feedback(here.run.id) == []


def test_nobody_approves_in_advance_past_a_note_that_no_agent_was_told(tmp_path: Path) -> None:
    with place(tmp_path) as here:
        here.ledger.add_feedback(here.run.id, decision="noted", by="ann", notes="not yet")
        gate = asyncio.run(here.journal.open_gate(1, "abc", "look", approved_by="--auto"))
        assert (gate.state, here.now().status) == ("open", "waiting")


def test_a_gate_without_marks_can_be_approved_in_advance(tmp_path: Path) -> None:
    with place(tmp_path) as here:
        gate = asyncio.run(here.journal.open_gate(1, "abc", "look", approved_by="--auto"))
        assert (gate.state, gate.decided_by, here.now().status) == ("approved", "--auto", "running")
        assert here.kinds() == ["gate.opened", "gate.approved"]


def test_an_open_gate_has_the_marks_that_were_found_last(tmp_path: Path) -> None:
    """A reviewer was asked again while the gate was open."""
    with place(tmp_path) as here:
        asyncio.run(here.journal.open_gate(1, "abc", "look", marks=MARKS))
    with place(tmp_path) as here:
        asyncio.run(here.journal.reopen())
        gate = asyncio.run(here.journal.open_gate(1, "abc", "one is left", marks=MARKS[1:]))
        assert (gate.state, gate.marks, gate.reason) == ("open", MARKS[1:], "one is left")
        asyncio.run(here.journal.reopen())
        gate = asyncio.run(here.journal.open_gate(1, "abc", "all is well", approved_by="--auto"))
        assert (gate.state, gate.overriding, gate.reason) == ("approved", False, "all is well")
        marked = [event.data for event in here.ledger.events(here.run.id) if event.kind == "gate.marked"]
        assert [data["marks"] for data in marked] == [list(MARKS[1:]), []]
        assert here.now().status == "running"


def test_a_decided_gate_gets_no_new_marks(tmp_path: Path) -> None:
    with place(tmp_path) as here:
        asyncio.run(here.journal.open_gate(1, "abc", "look"))
        gate = here.ledger.decide_gate(here.run.id, 1, approve=True, by="ann", notes=None)
        assert asyncio.run(here.journal.open_gate(1, "abc", "look", marks=MARKS)) == gate


def test_a_rejected_run_goes_on_to_its_next_gate(tmp_path: Path) -> None:
    with place(tmp_path) as here:
        asyncio.run(here.journal.step("task", returning("abc"), result=str))
        asyncio.run(here.journal.open_gate(1, "abc", "look"))
        here.ledger.decide_gate(here.run.id, 1, approve=False, by="ann", notes="too slow")
    for _ in range(2):  # the second worker finds all of it done
        with place(tmp_path) as here:
            asyncio.run(here.journal.reopen())
            assert asyncio.run(here.journal.step("task", returning("no"), result=str)) == "abc"
            first = asyncio.run(here.journal.open_gate(1, "abc", "look"))
            assert (first.state, first.notes, here.now().status) == ("rejected", "too slow", "running")
            step = here.journal.step("feedback/1/implement#1", returning("def"), result=str)
            assert asyncio.run(step) == "def"
            second = asyncio.run(here.journal.open_gate(2, "def", "look"))
            assert (second.state, here.now().status) == ("open", "waiting")
    with place(tmp_path) as here:
        with pytest.raises(UsageError, match="already rejected by ann"):
            here.ledger.decide_gate(here.run.id, 1, approve=True, by="bob", notes=None)
        here.ledger.decide_gate(here.run.id, 2, approve=True, by="ann", notes=None)
        asyncio.run(here.journal.reopen())
        asyncio.run(here.journal.finish(Verdict.SHIPPED, None))
        assert [gate.state for gate in here.ledger.gates(here.run.id)] == ["rejected", "approved"]
        assert [step.attempt for step in here.ledger.steps(here.run.id)] == [1, 1]
        assert here.ledger.check() == []


@pytest.mark.parametrize("resumed", [True, False])
def test_a_rejected_run_may_end_as_rejected(tmp_path: Path, resumed: bool) -> None:
    with place(tmp_path) as here:
        asyncio.run(here.journal.open_gate(1, "abc", "look"))
        here.ledger.decide_gate(here.run.id, 1, approve=False, by="ann", notes="no", end=True)
        if resumed:
            asyncio.run(here.journal.reopen())
        asyncio.run(here.journal.finish(Verdict.REJECTED, "rejected by ann: no"))
        assert here.now().status == "rejected"


def test_only_the_last_gate_is_decided(tmp_path: Path) -> None:
    """A human who looks at an old page must not decide about a candidate that was replaced."""
    with place(tmp_path) as here:
        asyncio.run(here.journal.open_gate(1, "abc", "look"))
        asyncio.run(here.journal.open_gate(2, "def", "look"))
        with pytest.raises(UsageError, match="gate 2 was opened since"):
            here.ledger.decide_gate(here.run.id, 1, approve=True, by="ann", notes=None)
        with pytest.raises(RuntimeError, match=r"gate 2 of run .* was opened after gate 1"):
            asyncio.run(here.journal.open_gate(1, "abc", "look"))
        here.ledger.decide_gate(here.run.id, 2, approve=True, by="ann", notes=None)
        assert [gate.state for gate in here.ledger.gates(here.run.id)] == ["open", "approved"]
