"""The half of the journal's state machine that works: a worker, its steps, and what happens to it."""

from __future__ import annotations

import asyncio
import tempfile
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any, TypeVar

import pytest
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, precondition, rule
from ledger_model import ENDED, KEYS, OPEN, Model, Worker
from ledger_support import FAST, lock_of, model_call, new_run, open_ledger

from fabrik.errors import Fenced, UsageError
from fabrik.ledger.journal import Journal, StepContext
from fabrik.ledger.ownership import claim
from fabrik.ledger.types import TaskReport
from fabrik.outcome import Verdict

T = TypeVar("T")


class Working(RuleBasedStateMachine):
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
        if self.model.status in ENDED:
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

    @rule(what=st.sampled_from(["event", "finish", "step", "gate", "feedback", "progress", "reopen", "call"]))
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
            "feedback": lambda: ghost.take_feedback("plan"),
            "reopen": lambda: ghost.reopen(),
            "call": lambda: ghost.call_started(1000, "plan", "anthropic", None),
        }
        before = self.eye.events(self.run_id)
        with pytest.raises(Fenced):
            self.do(writes[what]())
        assert self.eye.events(self.run_id) == before
