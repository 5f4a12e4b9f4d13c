"""The journal under every order of work, failure, crash, takeover, cancel and decision that hypothesis finds.

A model beside the ledger says what must be in it. After each rule the ledger is read through a connection
of its own and compared: with the model, and with its own events, from which the state must follow.
"""

from __future__ import annotations

import json
import shutil

from hypothesis import HealthCheck, settings
from hypothesis.stateful import invariant
from ledger_machine_people import Deciding
from ledger_model import ENDED, KEYS, OPEN, GateModel, Said
from ledger_story import told_by

from fabrik.ledger.journal import StepContext
from fabrik.outcome import Verdict


class JournalMachine(Deciding):
    # --- what must hold

    @invariant()
    def the_ledger_is_what_the_model_says(self) -> None:
        model, run = self.model, self.eye.find_run(self.run_id)
        assert (run.status, run.cancel_requested) == (model.status, model.cancel)
        assert (run.progress, run.candidate) == (model.progress, model.candidate)
        assert (run.finished_at is None) == (model.status in OPEN)
        assert run.alive == (model.status == "running")
        steps = {step.key: step for step in self.eye.steps(self.run_id)}
        assert {key: step.attempt for key, step in steps.items()} == model.attempts
        assert {key: step.state for key, step in steps.items()} == model.states
        assert {key: s.result for key, s in steps.items() if s.state == "finished"} == model.results
        assert {key: step.inputs["n"] for key, step in steps.items()} == model.inputs
        ended = {call.id for call in self.eye.model_calls(self.run_id) if call.outcome == "ok"}
        assert ended == model.calls
        reported = sorted(report.task for report in self.eye.task_reports(self.run_id))
        assert reported == sorted(model.results)

    @invariant()
    def what_humans_said_is_there_once(self) -> None:
        model = self.model
        assert {
            gate.number: GateModel(marks=gate.marks, state=gate.state, overriding=gate.overriding)
            for gate in self.eye.gates(self.run_id)
        } == model.gates
        feedback = self.eye.feedback(self.run_id)
        assert [Said(said.decision, said.gate, said.overriding, said.used_by) for said in feedback] == (
            model.feedback
        )
        unused = [said for said in model.feedback if said.decision == "noted" and said.used_by is None]
        assert self.eye.unused_feedback(self.run_id) == len(unused)
        in_words = [said for said in feedback if said.notes]
        assert self.eye.feedback_on_spec("specs/login.json", limit=3) == in_words[-3:]

    @invariant()
    def the_fence_only_grows(self) -> None:
        row = self.eye.owner_row(self.run_id)
        assert row is not None
        assert row["fence"] == self.model.fence >= self.seen_fence
        self.seen_fence = row["fence"]

    @invariant()
    def the_events_tell_the_same_story(self) -> None:
        events = self.eye.events(self.run_id)
        seqs = [event.seq for event in events]
        assert seqs == sorted(set(seqs))
        assert self.eye.last_event(self.run_id) == events[-1]
        decisions = [event for event in events if event.kind in ("gate.approved", "gate.rejected")]
        decided = self.eye.last_event(self.run_id, {"gate.approved", "gate.rejected"})
        assert decided == (decisions[-1] if decisions else None)
        story, model = told_by(events), self.model
        assert (story.status, story.cancel, story.progress) == (model.status, model.cancel, model.progress)
        assert (story.candidate, story.fence) == (model.candidate, model.fence)
        assert (story.states, story.attempts) == (model.states, model.attempts)
        assert (story.gates, story.feedback) == (model.gates, model.feedback)
        assert sorted(story.changed) == sorted(model.changed)

    def teardown(self) -> None:
        if not hasattr(self, "worker"):
            return
        try:
            self.everything_can_be_brought_to_an_end()
        finally:
            for worker in [self.worker, *self.ghosts]:
                worker.die()
            self.eye.close()
            self.runner.close()
            shutil.rmtree(self.home)

    def everything_can_be_brought_to_an_end(self) -> None:
        """Liveness: wherever a run is left, claiming and running it to the end finishes it."""
        self.worker.die()
        self.worker = self.start_worker()
        journal, model = self.worker.journal, self.model
        if model.status not in ENDED:
            self.do(journal.reopen())
            model.status = "running"
            for key in KEYS:

                async def fn(context: StepContext, key: str = key) -> str:
                    return f"{key} by attempt {context.attempt}"

                value = self.do(journal.step(key, fn, result=str, inputs={"n": model.inputs.get(key, 0)}))
                assert value == model.results.get(key, value)
            waits = self.eye.unused_feedback(self.run_id)
            assert len(self.do(journal.take_feedback("the last"))) == waits
            assert self.eye.unused_feedback(self.run_id) == 0
            if model.gate_waits():
                self.eye.decide_gate(self.run_id, max(model.gates), approve=True, by="ann", notes=None)
            self.do(journal.finish(Verdict.SHIPPED, None))
        assert self.eye.find_run(self.run_id).status in ENDED
        assert self.eye.check() == []
        assert json.dumps([dict(event.data) for event in self.eye.events(self.run_id)])


JournalMachine.TestCase.settings = settings(
    max_examples=80,
    stateful_step_count=35,
    deadline=None,
    database=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much],
)
TestJournalMachine = JournalMachine.TestCase
