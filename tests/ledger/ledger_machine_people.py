"""The half of the journal's state machine that humans have a part in: gates, feedback, cancelling."""

from __future__ import annotations

import pytest
from hypothesis import strategies as st
from hypothesis.stateful import precondition, rule
from ledger_machine_work import Working
from ledger_model import OPEN, GateModel, Said

from fabrik.errors import UsageError

MARKS = [(), (), ("security has no verdict",), ("unchecked", "2 findings are open")]


class Deciding(Working):
    # --- what a worker does

    @rule(
        number=st.integers(1, 3),
        marks=st.sampled_from(MARKS),
        in_advance=st.sampled_from([False] * 3 + [True]),
    )
    def open_gate(self, number: int, marks: tuple[str, ...], in_advance: bool) -> None:
        model = self.model
        work = self.worker.journal.open_gate(
            number,
            f"candidate {number}",
            "look",
            marks=marks,
            approved_by="in advance" if in_advance else None,
        )
        gate = model.gates.get(number)
        if gate is not None and gate.state != "open":
            assert self.do(work).state == gate.state
        elif model.status not in OPEN:
            with pytest.raises(RuntimeError, match="cannot wait"):
                self.do(work)
        elif number < max(model.gates, default=0):
            with pytest.raises(RuntimeError, match="was opened after"):
                self.do(work)
        else:
            unheard = any(said.decision == "noted" and said.used_by is None for said in model.feedback)
            given = self.do(work)
            gate = model.gates[number] = GateModel(marks=marks)
            if in_advance and not marks and not unheard:
                gate.state = "approved"
                model.feedback.append(Said("approved", gate=number))
            else:
                model.status = "waiting"
            assert (given.state, given.marks, given.overriding) == (gate.state, marks, False)

    @rule(marks=st.sampled_from(MARKS))
    @precondition(lambda self: self.model.status in OPEN and self.model.gates)
    def go_on_after_a_rejection(self, marks: tuple[str, ...]) -> None:
        """The whole way from a rejection to the next gate, with a new worker at each turn."""
        last = max(self.model.gates)
        if self.model.gates[last].state == "open":
            self.decide(last, approve=False)
        if self.model.gates[last].state != "rejected":
            return
        self.crash()
        self.reopen()
        key = f"feedback/{last}/implement#1"
        self.note("noted", "and faster")
        self.take_feedback(key)
        self.step(key, "cut", 0)
        self.crash()
        self.take_feedback(key)
        self.step(key, "finish", 0)
        self.take_feedback(key)
        self.open_gate(last + 1, marks, in_advance=False)

    @rule(key=st.sampled_from(["plan", "task/1/implement#1", "task/2/implement#1"]))
    def take_feedback(self, key: str) -> None:
        model = self.model
        for said in model.feedback:
            if said.decision == "noted" and said.used_by is None and key not in model.results:
                said.used_by = key
        before = len(self.eye.events(self.run_id))
        given = self.do(self.worker.journal.take_feedback(key))
        assert [said.id for said in given] == [
            stored.id
            for stored, said in zip(self.eye.feedback(self.run_id), model.feedback, strict=True)
            if said.used_by == key
        ]
        assert self.do(self.worker.journal.take_feedback(key)) == given
        assert len(self.eye.events(self.run_id)) <= before + 1

    # --- what humans do

    @rule()
    def request_cancel(self) -> None:
        if self.model.status in OPEN:
            self.eye.request_cancel(self.run_id, "ann")
            self.model.cancel = True
            assert self.worker.journal.cancel_requested()
        else:
            with pytest.raises(UsageError):
                self.eye.request_cancel(self.run_id, "ann")

    @rule(number=st.integers(1, 3), approve=st.booleans())
    def decide(self, number: int, approve: bool) -> None:
        gate = self.model.gates.get(number)
        if self.model.gate_waits() and gate is self.model.last_gate():
            decided = self.eye.decide_gate(self.run_id, number, approve=approve, by="ann", notes="n")
            assert gate is not None
            gate.state = "approved" if approve else "rejected"
            gate.overriding = approve and bool(gate.marks)
            self.model.feedback.append(Said(gate.state, gate=number, overriding=gate.overriding))
            assert (decided.state, decided.overriding) == (gate.state, gate.overriding)
        else:
            with pytest.raises(UsageError):
                self.eye.decide_gate(self.run_id, number, approve=approve, by="ann", notes="n")

    @rule(
        decision=st.sampled_from(["noted", "noted", "approved", "rejected"]),
        notes=st.sampled_from(["use the cache", "too slow", " "]),
    )
    def note(self, decision: str, notes: str) -> None:
        if not notes.strip() or (decision != "noted" and self.model.gate_waits()):
            with pytest.raises(UsageError):
                self.eye.add_feedback(self.run_id, decision=decision, by="ann", notes=notes)  # type: ignore[arg-type]
        else:
            said = self.eye.add_feedback(self.run_id, decision=decision, by="ann", notes=notes)  # type: ignore[arg-type]
            assert (said.gate, said.used_by, said.notes) == (None, None, notes)
            self.model.feedback.append(Said(decision))
