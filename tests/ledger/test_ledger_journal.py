"""The journal: what is written when, and what a resumed run does not do again."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from ledger_place import place, returning
from ledger_support import lock_of, model_call, open_ledger

from fabrik.errors import Fenced, LedgerError
from fabrik.ledger.codec import Mismatch
from fabrik.ledger.journal import Journal, StepContext
from fabrik.ledger.ownership import Ownership, claim
from fabrik.ledger.types import TaskReport
from fabrik.outcome import Verdict


@dataclass(frozen=True, kw_only=True)
class Outcome:
    commit: str
    files: tuple[str, ...] = ()


def raising(error: BaseException) -> Callable[[StepContext], Awaitable[str]]:
    async def fn(context: StepContext) -> str:
        raise error

    return fn


def test_a_finished_step_is_not_run_again(tmp_path: Path) -> None:
    calls: list[int] = []
    wanted = Outcome(commit="abc", files=("a", "b"))
    for _ in range(3):
        with place(tmp_path) as here:
            step = here.journal.step("task/1", returning(wanted, calls), result=Outcome, inputs={"spec": "s"})
            assert asyncio.run(step) == wanted
            assert here.now().step == "task/1"
            (stored,) = here.ledger.steps(here.run.id)
            assert (stored.state, stored.attempt, stored.inputs) == ("finished", 1, {"spec": "s"})
            assert stored.result == {"commit": "abc", "files": ["a", "b"]}
    assert calls == [1]


def test_what_a_step_gives_is_what_a_resumed_one_gives(tmp_path: Path) -> None:
    value: Any = {"b": (1, 2.0), "a": [Outcome(commit="x")]}
    seen: list[Any] = []
    for _ in range(2):
        with place(tmp_path) as here:
            seen.append(asyncio.run(here.journal.step("s", returning(value), result=Any)))
    assert seen[0] == seen[1]
    assert repr(seen[0]) != repr(value)


def test_the_intent_is_there_while_the_step_runs(tmp_path: Path) -> None:
    with place(tmp_path) as here:

        async def fn(context: StepContext) -> str:
            (step,) = here.ledger.steps(here.run.id)
            assert (step.state, step.attempt, step.result, step.finished_at) == ("started", 1, None, None)
            assert (context.key, context.attempt, context.inputs) == ("one", 1, {"n": 1})
            return "x"

        asyncio.run(here.journal.step("one", fn, result=str, inputs={"n": 1}))
        assert here.kinds() == ["step.started", "step.finished"]


def test_a_failed_step_says_why_and_runs_again(tmp_path: Path) -> None:
    calls: list[int] = []
    with place(tmp_path) as here:
        with pytest.raises(ValueError, match="no luck"):
            asyncio.run(here.journal.step("one", raising(ValueError("no luck")), result=str))
        (step,) = here.ledger.steps(here.run.id)
        assert (step.state, step.error, step.result) == ("failed", "ValueError: no luck", None)
        assert asyncio.run(here.journal.step("one", returning("x", calls), result=str)) == "x"
        (step,) = here.ledger.steps(here.run.id)
        assert (step.state, step.attempt, step.error) == ("finished", 2, None)
        assert calls == [2]
        assert here.kinds() == ["step.started", "step.failed", "step.started", "step.finished"]


@pytest.mark.parametrize("error", [asyncio.CancelledError(), Fenced("gone")])
def test_a_step_that_was_cut_off_leaves_its_intent(tmp_path: Path, error: BaseException) -> None:
    calls: list[int] = []
    with place(tmp_path) as here:
        with pytest.raises(type(error)):
            asyncio.run(here.journal.step("one", raising(error), result=str))
        assert here.ledger.steps(here.run.id)[0].state == "started"
        assert here.kinds() == ["step.started"]
    with place(tmp_path) as here:
        assert asyncio.run(here.journal.step("one", returning("x", calls), result=str)) == "x"
    assert calls == [2]


def test_ctrl_c_in_a_step_leaves_its_intent(tmp_path: Path) -> None:
    with place(tmp_path) as here:
        with pytest.raises(KeyboardInterrupt):
            asyncio.run(here.journal.step("one", raising(KeyboardInterrupt()), result=str))
        assert here.ledger.steps(here.run.id)[0].state == "started"


def test_cancelling_leaves_the_ledger_at_rest(tmp_path: Path) -> None:
    """Cancelled in the middle of the transaction: when the step ends, the transaction has ended too."""
    with place(tmp_path) as here:

        async def main() -> None:
            blocker = open_ledger(tmp_path)
            with blocker.transaction():
                waiting = asyncio.create_task(here.journal.event("late"))
                while not here.journal._turn.locked():
                    await asyncio.sleep(0)
                waiting.cancel()
                done, _ = await asyncio.wait([waiting], timeout=0.05)
                assert not done
            with pytest.raises(asyncio.CancelledError):
                await waiting
            assert here.kinds() == ["late"]
            blocker.close()

        asyncio.run(main())


def test_everything_a_step_records_comes_with_its_result_or_not_at_all(tmp_path: Path) -> None:
    report = TaskReport(
        task="1",
        step="one",
        status="done",
        commit="c" * 40,
        work=("made it",),
        files=("a.py",),
        issues=("ü",),
    )
    with place(tmp_path) as here:

        async def fn(context: StepContext) -> str:
            context.record(report)
            await context.event("check.passed", name="unit")
            assert here.ledger.task_reports(here.run.id) == []
            if context.attempt == 1:
                raise ValueError
            return "x"

        with pytest.raises(ValueError):
            asyncio.run(here.journal.step("one", fn, result=str))
        assert here.ledger.task_reports(here.run.id) == []
        asyncio.run(here.journal.step("one", fn, result=str))
        assert here.ledger.task_reports(here.run.id) == [report]
        assert here.kinds()[-4:] == ["step.started", "check.passed", "task.report", "step.finished"]
        assert here.ledger.events(here.run.id)[-3].step == "one"


def test_changed_inputs_are_said_once_and_the_result_stays(tmp_path: Path) -> None:
    inputs = [{"a": 1, "b": 2}, {"a": 1, "b": 3, "c": 4}, {"b": 9}, {"a": 1, "b": 2}]
    for given in inputs:
        with place(tmp_path) as here:
            step = here.journal.step("one", returning("first"), result=str, inputs=given)
            assert asyncio.run(step) == "first"
    with place(tmp_path) as here:
        changes = [e for e in here.ledger.events(here.run.id) if e.kind == "step.inputs_changed"]
        assert [(e.step, e.data) for e in changes] == [("one", {"changed": ["b", "c"]})]


def test_equal_inputs_in_another_form_are_not_a_change(tmp_path: Path) -> None:
    with place(tmp_path) as here:
        for given in ({"a": (1, 2), "b": None}, {"b": None, "a": [1, 2]}):
            asyncio.run(here.journal.step("one", returning("x"), result=str, inputs=given))
        assert here.kinds() == ["step.started", "step.finished"]


def test_a_restart_with_other_inputs_uses_them(tmp_path: Path) -> None:
    with place(tmp_path) as here:
        with pytest.raises(ValueError):
            asyncio.run(here.journal.step("one", raising(ValueError()), result=str, inputs={"a": 1}))
        asyncio.run(here.journal.step("one", returning("x"), result=str, inputs={"a": 2}))
        assert here.ledger.steps(here.run.id)[0].inputs == {"a": 2}
        started = [e.data for e in here.ledger.events(here.run.id) if e.kind == "step.started"]
        assert started == [{"attempt": 1}, {"attempt": 2, "changed": ["a"]}]


def test_steps_run_side_by_side(tmp_path: Path) -> None:
    with place(tmp_path) as here:

        async def main() -> list[str]:
            everybody = asyncio.Barrier(8)

            async def fn(context: StepContext) -> str:
                await everybody.wait()  # passes only when all eight run at once
                return context.key

            keys = [f"review/{number}" for number in range(8)]
            return await asyncio.gather(*(here.journal.step(key, fn, result=str) for key in keys))

        assert asyncio.run(main()) == [f"review/{number}" for number in range(8)]
        assert {step.state for step in here.ledger.steps(here.run.id)} == {"finished"}
        assert here.ledger.check() == []


def test_the_same_key_at_the_same_time_is_a_mistake(tmp_path: Path) -> None:
    with place(tmp_path) as here:

        async def outer(context: StepContext) -> str:
            with pytest.raises(RuntimeError, match="started while it runs"):
                await here.journal.step("one", returning("inner"), result=str)
            return "outer"

        assert asyncio.run(here.journal.step("one", outer, result=str)) == "outer"


def test_a_result_of_another_type_fails_the_step(tmp_path: Path) -> None:
    with place(tmp_path) as here:
        with pytest.raises(Mismatch, match="wanted str, found 3"):
            asyncio.run(here.journal.step("one", returning(3), result=str))  # type: ignore[arg-type]
        assert here.ledger.steps(here.run.id)[0].state == "failed"


def test_inputs_that_cannot_be_stored_start_nothing(tmp_path: Path) -> None:
    with place(tmp_path) as here:
        with pytest.raises(Mismatch, match="path"):
            asyncio.run(here.journal.step("one", returning("x"), result=str, inputs={"path": tmp_path}))
        assert here.ledger.steps(here.run.id) == []
        asyncio.run(here.journal.step("one", returning("x"), result=str))


def test_a_stored_result_of_an_older_type_is_a_clear_error(tmp_path: Path) -> None:
    with place(tmp_path) as here:
        asyncio.run(here.journal.step("one", returning("x"), result=str))
        with pytest.raises(LedgerError, match="step one does not fit") as caught:
            asyncio.run(here.journal.step("one", returning(Outcome(commit="a")), result=Outcome))
        assert "with the version that started it" in str(caught.value)


def test_a_worker_that_was_overtaken_writes_nothing(tmp_path: Path) -> None:
    with place(tmp_path) as here, open_ledger(tmp_path) as other_ledger:
        taken: list[Ownership] = []

        async def fn(context: StepContext) -> str:
            # The lock file goes, as when somebody cleans up by hand, so that another can claim the run.
            lock_of(here.run).unlink()
            taken.append(claim(other_ledger, here.run.id, lock_of(here.run)))
            return "too late"

        with pytest.raises(Fenced):
            asyncio.run(here.journal.step("one", fn, result=str))
        before = here.ledger.events(here.run.id)
        writes: list[Callable[[], Awaitable[Any]]] = [
            lambda: here.journal.event("x"),
            lambda: here.journal.set_progress("x"),
            lambda: here.journal.set_candidate("x"),
            lambda: here.journal.open_gate(1, "x", "x"),
            lambda: here.journal.finish(Verdict.SHIPPED, None),
            lambda: here.journal.reopen(),
            lambda: here.journal.call_started(1, "one", "anthropic", None),
            lambda: here.journal.call_finished(model_call(1)),
            lambda: here.journal.step("two", returning("x"), result=str),
        ]
        for write in writes:

            async def perform(write: Callable[[], Awaitable[Any]] = write) -> None:
                await write()

            with pytest.raises(Fenced, match="taken this run over"):
                asyncio.run(perform())
        assert here.ledger.events(here.run.id) == before
        assert here.ledger.steps(here.run.id)[0].state == "started"
        new = Journal(other_ledger, taken[0])
        assert asyncio.run(new.step("one", returning("mine"), result=str)) == "mine"
        taken[0].release()


def test_a_released_owner_writes_nothing(tmp_path: Path) -> None:
    with place(tmp_path) as here:
        here.ownership.release()
        with pytest.raises(Fenced):
            asyncio.run(here.journal.event("x"))


def test_what_is_told_comes_with_the_next_transaction_in_order(tmp_path: Path) -> None:
    with place(tmp_path) as here:

        async def fn(context: StepContext) -> str:
            context.tell("said", number=1)
            here.journal.tell_progress("1/2 tasks")
            context.tell("said", number=2)
            assert here.kinds() == ["step.started"]
            return "x"

        asyncio.run(here.journal.step("one", fn, result=str))
        assert here.kinds() == ["step.started", "said", "run.progress", "said", "step.finished"]
        assert {event.step for event in here.ledger.events(here.run.id) if event.kind == "said"} == {"one"}
        assert here.now().progress == "1/2 tasks"


def test_what_is_told_does_not_wait_for_ever(tmp_path: Path) -> None:
    with place(tmp_path) as here:

        async def main() -> None:
            here.journal.tell("said")
            async with asyncio.timeout(60):
                while here.kinds() != ["said"]:
                    await asyncio.sleep(0.01)

        asyncio.run(main())


def test_what_is_told_does_not_wait_for_ever_behind_what_only_reads(tmp_path: Path) -> None:
    with place(tmp_path) as here:
        asyncio.run(here.journal.step("one", returning("x"), result=str))

        async def main() -> None:
            here.journal.tell("said")
            await here.journal.step("one", returning("y"), result=str)
            async with asyncio.timeout(60):
                while here.kinds()[-1] != "said":
                    await asyncio.sleep(0.01)

        asyncio.run(main())


def test_what_is_told_outlives_a_transaction_that_fails(tmp_path: Path) -> None:
    with place(tmp_path) as here:

        async def main() -> None:
            here.journal.tell("said", number=1)
            with pytest.raises(RuntimeError, match="recorded already"):
                await here.journal.call_finished(model_call(1))
            await here.journal.event("x")

        asyncio.run(here.journal.call_finished(model_call(1)))
        asyncio.run(main())
        assert here.kinds() == ["model.call", "said", "x"]


def test_a_resumed_run_passes_its_finished_steps_without_writing(tmp_path: Path) -> None:
    with place(tmp_path) as here:
        asyncio.run(here.journal.step("one", returning("x"), result=str))
        with open_ledger(tmp_path) as other, other.transaction():  # nobody else can write now
            assert asyncio.run(here.journal.step("one", returning("y"), result=str)) == "x"
