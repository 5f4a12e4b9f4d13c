"""The journal under every order of work, failure, crash, takeover, cancel and decision that hypothesis finds.

A model beside the ledger says what must be in it. After each rule the ledger is read through a connection
of its own and compared: with the model, and with its own events, from which the state must follow.
"""

from __future__ import annotations

import asyncio
import json
import os
import shutil
import tempfile
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any, TypeVar

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule
from ledger_model import KEYS, OPEN, RESUMABLE, Model, Worker
from ledger_support import lock_of, model_call, new_run, open_ledger

from fabrik.errors import Fenced, UsageError
from fabrik.ledger.journal import Journal, StepContext
from fabrik.ledger.ownership import claim
from fabrik.ledger.types import TaskReport
from fabrik.outcome import Verdict

T = TypeVar("T")

# Thousands of transactions, each with its fsync: in memory where that is possible.
FAST = "/dev/shm" if os.access("/dev/shm", os.W_OK) else None


class JournalMachine(RuleBasedStateMachine):
    @initialize()
    def dispatch(self) -> None:
        self.home = Path(tempfile.mkdtemp(prefix="fabrik-machine-", dir=FAST))
        self.runner = asyncio.Runner()
        self.eye = open_ledger(self.home)
        self.run_id = self.eye.create_run(new_run(self.home)).id
        self.lock = lock_of(self.eye.find_run(self.run_id))
        self.model = Model()
        self.ghosts: list[Worker] = []
        self.seen_fence = 0
        self.worker = self.start_worker()

    def start_worker(self) -> Worker:
        ledger = open_ledger(self.home)
        ownership = claim(ledger, self.run_id, self.lock)
        self.model.fence += 1
        assert ownership.fence == self.model.fence
        return Worker(ledger, ownership, Journal(ledger, ownership))

    def do(self, work: Coroutine[Any, Any, T]) -> T:
        return self.runner.run(work)

    def replace_worker(self) -> None:
        """Another claims the run while the old worker still believes that it is the owner."""
        self.ghosts.append(self.worker)
        self.lock.unlink()
        self.worker = self.start_worker()

    # --- what a worker does

    @rule(
        key=st.sampled_from(KEYS),
        ending=st.sampled_from(["finish", "finish", "fail", "cut", "overtaken"]),
        inputs=st.integers(0, 1),
    )
    def step(self, key: str, ending: str, inputs: int) -> None:
        model, journal = self.model, self.worker.journal
        attempt = model.attempts.get(key, 0) + 1
        value = f"{key} by attempt {attempt}"

        async def fn(context: StepContext) -> str:
            assert context.attempt == attempt
            context.record(TaskReport(task=key, step=key, status="done", commit=None))
            if ending == "fail":
                raise ValueError("as told")
            if ending == "cut":
                raise asyncio.CancelledError
            if ending == "overtaken":
                self.replace_worker()
            model.executions[key] = model.executions.get(key, 0) + 1
            return value

        work = journal.step(key, fn, result=str, inputs={"n": inputs})
        if key in model.results:
            before = dict(model.executions)
            assert self.do(work) == model.results[key]
            assert model.executions == before
            if inputs != model.inputs[key]:
                model.changed.add(key)
            return
        if model.status != "running":
            with pytest.raises(RuntimeError, match="reopen"):
                self.do(work)
            return
        model.attempts[key] = attempt
        model.inputs[key] = inputs
        model.states[key] = {"finish": "finished", "fail": "failed"}.get(ending, "started")
        if ending == "finish":
            assert self.do(work) == value
            model.results[key] = value
        else:
            expected = {"fail": ValueError, "cut": asyncio.CancelledError, "overtaken": Fenced}[ending]
            with pytest.raises(expected):
                self.do(work)

    @rule(endings=st.permutations(["finish", "fail", "finish", "fail"]))
    @precondition(lambda self: self.model.status == "running")
    def steps_side_by_side(self, endings: list[str]) -> None:
        model = self.model
        jobs: list[tuple[str, str]] = [
            (key, ending) for key, ending in zip(KEYS, endings, strict=True) if key not in model.results
        ]

        def function(key: str, ending: str) -> Callable[[StepContext], Coroutine[Any, Any, str]]:
            async def fn(context: StepContext) -> str:
                await context.event("note", key=key)
                if ending == "fail":
                    raise ValueError("as told")
                context.record(TaskReport(task=key, step=key, status="done", commit=None))
                model.executions[key] = model.executions.get(key, 0) + 1
                return f"{key} by attempt {context.attempt}"

            return fn

        async def all_of_them() -> list[str | BaseException]:
            return await asyncio.gather(
                *(
                    self.worker.journal.step(key, function(key, ending), result=str, inputs={"n": 0})
                    for key, ending in jobs
                ),
                return_exceptions=True,
            )

        for (key, ending), outcome in zip(jobs, self.do(all_of_them()), strict=True):
            model.attempts[key] = model.attempts.get(key, 0) + 1
            model.inputs[key] = 0
            if ending == "finish":
                assert outcome == f"{key} by attempt {model.attempts[key]}"
                model.results[key] = str(outcome)
                model.states[key] = "finished"
            else:
                assert isinstance(outcome, ValueError)
                model.states[key] = "failed"

    @rule(text=st.sampled_from(["1/2 tasks", "2/2 tasks"]))
    def progress(self, text: str) -> None:
        self.do(self.worker.journal.set_progress(text))
        self.model.progress = text

    @rule(commit=st.sampled_from(["aaa", "bbb"]))
    def candidate(self, commit: str) -> None:
        self.do(self.worker.journal.set_candidate(commit))
        self.model.candidate = commit

    @rule(number=st.integers(1, 2))
    def open_gate(self, number: int) -> None:
        work = self.worker.journal.open_gate(number, f"candidate {number}", "look")
        state = self.model.gates.get(number)
        if state not in (None, "open"):
            assert self.do(work).state == state
        elif self.model.status not in OPEN:
            with pytest.raises(RuntimeError, match="cannot wait"):
                self.do(work)
        else:
            assert self.do(work).state == "open"
            self.model.gates[number] = "open"
            self.model.status = "waiting"

    @rule(verdict=st.sampled_from(Verdict))
    @precondition(lambda self: len(self.model.results) >= 2)
    def finish(self, verdict: Verdict) -> None:
        work = self.worker.journal.finish(verdict, "because")
        if self.model.status in OPEN:
            self.do(work)
            self.model.status = verdict.value
        elif self.model.status == verdict.value:
            self.do(work)
        else:
            with pytest.raises(RuntimeError, match="cannot also end"):
                self.do(work)

    @rule()
    def reopen(self) -> None:
        if self.model.status in ("shipped", "rejected"):
            with pytest.raises(UsageError):
                self.do(self.worker.journal.reopen())
        else:
            self.do(self.worker.journal.reopen())
            self.model.status, self.model.cancel = "running", False

    @rule(ends=st.booleans())
    def call_a_model(self, ends: bool) -> None:
        number = self.eye.calls_started(self.run_id) + 1
        self.do(self.worker.journal.call_started(number, "plan", "anthropic", None))
        if ends:
            self.do(self.worker.journal.call_finished(model_call(number, step="plan")))
            self.model.calls.add(number)

    # --- what happens to it

    @rule()
    def crash(self) -> None:
        self.worker.die()
        self.worker = self.start_worker()

    @rule()
    def takeover(self) -> None:
        self.replace_worker()

    @rule(what=st.sampled_from(["event", "finish", "step", "gate", "progress", "reopen", "call"]))
    @precondition(lambda self: self.ghosts)
    def ghost_writes(self, what: str) -> None:
        ghost = self.ghosts[-1].journal

        async def nothing(_: StepContext) -> str:
            raise AssertionError("a worker without the run has started a step")

        writes: dict[str, Callable[[], Coroutine[Any, Any, Any]]] = {
            "event": lambda: ghost.event("ghost"),
            "finish": lambda: ghost.finish(Verdict.SHIPPED, None),
            "step": lambda: ghost.step("plan", nothing, result=str),
            "gate": lambda: ghost.open_gate(1, "candidate 1", "look"),
            "progress": lambda: ghost.set_progress("ghost"),
            "reopen": lambda: ghost.reopen(),
            "call": lambda: ghost.call_started(1000, "plan", "anthropic", None),
        }
        before = self.eye.events(self.run_id)
        with pytest.raises(Fenced):
            self.do(writes[what]())
        assert self.eye.events(self.run_id) == before

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

    @rule(number=st.integers(1, 2), approve=st.booleans())
    def decide(self, number: int, approve: bool) -> None:
        if self.model.gates.get(number) == "open" and self.model.status in OPEN:
            self.eye.decide_gate(self.run_id, number, approve=approve, by="ann", notes="n")
            self.model.gates[number] = "approved" if approve else "rejected"
        else:
            with pytest.raises(UsageError):
                self.eye.decide_gate(self.run_id, number, approve=approve, by="ann", notes="n")

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
        assert {gate.number: gate.state for gate in self.eye.gates(self.run_id)} == model.gates
        ended = {call.id for call in self.eye.model_calls(self.run_id) if call.outcome == "ok"}
        assert ended == model.calls
        reported = sorted(report.task for report in self.eye.task_reports(self.run_id))
        assert reported == sorted(model.results)

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
        status, cancel, progress, candidate, fence = "", False, "", None, 0
        states: dict[str, str] = {}
        attempts: dict[str, int] = {}
        gates: dict[int, str] = {}
        changed: list[str] = []
        for event in events:
            kind, data, key = event.kind, event.data, event.step or ""
            match kind:
                case "run.created":
                    status = "running"
                case "run.claimed":
                    assert data["fence"] == fence + 1
                    fence = data["fence"]
                case "run.verdict":
                    assert status in OPEN
                    status = data["verdict"]
                case "run.resumed":
                    assert status in RESUMABLE or cancel
                    status, cancel = "running", False
                case "run.waiting":
                    status = "waiting"
                case "run.cancel_requested":
                    cancel = True
                case "run.progress":
                    progress = data["text"]
                case "run.candidate":
                    candidate = data["commit"]
                case "gate.opened":
                    status = "waiting"
                    gates[data["number"]] = "open"
                case "gate.approved" | "gate.rejected":
                    gates[data["number"]] = kind.removeprefix("gate.")
                case "step.started":
                    assert states.get(key) != "finished"  # no finished step runs twice
                    assert data["attempt"] == attempts.get(key, 0) + 1
                    states[key], attempts[key] = "started", data["attempt"]
                case "step.finished" | "step.failed":
                    assert (states[key], attempts[key]) == ("started", data["attempt"])
                    states[key] = kind.removeprefix("step.")
                case "step.inputs_changed":
                    assert states[key] == "finished"
                    changed.append(key)
        model = self.model
        assert (status, cancel, progress) == (model.status, model.cancel, model.progress)
        assert (candidate, fence) == (model.candidate, model.fence)
        assert (states, attempts, gates) == (model.states, model.attempts, model.gates)
        assert sorted(changed) == sorted(model.changed)

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
        if model.status not in ("shipped", "rejected"):
            self.do(journal.reopen())
            for key in KEYS:

                async def fn(context: StepContext, key: str = key) -> str:
                    return f"{key} by attempt {context.attempt}"

                value = self.do(journal.step(key, fn, result=str, inputs={"n": model.inputs.get(key, 0)}))
                assert value == model.results.get(key, value)
            for number, state in model.gates.items():
                if state == "open":
                    self.eye.decide_gate(self.run_id, number, approve=True, by="ann", notes=None)
            self.do(journal.finish(Verdict.SHIPPED, None))
        assert self.eye.find_run(self.run_id).status in ("shipped", "rejected")
        assert self.eye.check() == []
        assert json.dumps([dict(event.data) for event in self.eye.events(self.run_id)])


JournalMachine.TestCase.settings = settings(
    max_examples=60,
    stateful_step_count=30,
    deadline=None,
    database=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much],
)
TestJournalMachine = JournalMachine.TestCase
