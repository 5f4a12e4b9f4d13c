"""A run's state: progress, gates, verdicts, resuming, cancelling, model calls, each with its event."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest
from ledger_place import Place, place, returning
from ledger_support import KNOWN, model_call, open_ledger

from fabrik.errors import UsageError
from fabrik.ledger.journal import Journal
from fabrik.outcome import Verdict
from fabrik.usage import Usage


def test_progress_and_candidate_change_with_their_events(tmp_path: Path) -> None:
    async def main(journal: Journal) -> None:
        for text in ("1/2 tasks", "1/2 tasks", "2/2 tasks"):
            await journal.set_progress(text)
        for commit in ("a", "b", "b"):
            await journal.set_candidate(commit)

    with place(tmp_path) as here:
        asyncio.run(main(here.journal))
        assert (here.now().progress, here.now().candidate) == ("2/2 tasks", "b")
        assert here.kinds() == ["run.progress"] * 2 + ["run.candidate"] * 2


@pytest.mark.parametrize(
    ("verdict", "exit_code"),
    [(Verdict.SHIPPED, 0), (Verdict.FAILED, 1), (Verdict.EXHAUSTED, 4), (Verdict.CANCELLED, 130)],
)
def test_a_verdict_ends_the_run(tmp_path: Path, verdict: Verdict, exit_code: int) -> None:
    with place(tmp_path) as here:
        for _ in range(2):
            asyncio.run(here.journal.finish(verdict, "because"))
        run = here.now()
        assert (run.status, run.failure_reason, run.alive) == (verdict.value, "because", False)
        assert run.finished_at is not None
        with here.ledger.transaction() as db:
            assert db.execute("SELECT exit_code FROM runs").fetchone()[0] == exit_code
        assert here.kinds() == ["run.verdict"]
        with pytest.raises(RuntimeError, match="cannot also end"):
            asyncio.run(here.journal.finish(Verdict.BLOCKED, "other"))
        with pytest.raises(RuntimeError, match="reopen it"):
            asyncio.run(here.journal.step("one", returning("x"), result=str))
        with pytest.raises(RuntimeError, match="cannot wait"):
            asyncio.run(here.journal.open_gate(1, "abc", "look"))


@pytest.mark.parametrize("verdict", [Verdict.BLOCKED, Verdict.EXHAUSTED, Verdict.FAILED, Verdict.CANCELLED])
def test_a_run_that_stopped_can_go_on(tmp_path: Path, verdict: Verdict) -> None:
    with place(tmp_path) as here:
        here.ledger.request_cancel(here.run.id, "ann")
        assert here.journal.cancel_requested()
        asyncio.run(here.journal.finish(verdict, "because"))
        asyncio.run(here.journal.reopen())
        run = here.now()
        assert (run.status, run.alive, run.failure_reason) == ("running", True, None)
        assert (run.finished_at, run.cancel_requested) == (None, False)
        assert not here.journal.cancel_requested()
        assert here.kinds()[-1] == "run.resumed"
        asyncio.run(here.journal.reopen())
        assert here.kinds().count("run.resumed") == 1
        assert asyncio.run(here.journal.step("one", returning("x"), result=str)) == "x"


@pytest.mark.parametrize("verdict", [Verdict.SHIPPED, Verdict.REJECTED])
def test_a_run_that_was_decided_cannot_go_on(tmp_path: Path, verdict: Verdict) -> None:
    with place(tmp_path) as here:
        asyncio.run(here.journal.finish(verdict, None))
        with pytest.raises(UsageError, match=f"ended as {verdict.value}"):
            asyncio.run(here.journal.reopen())


def test_a_request_to_cancel_is_seen_also_while_the_ledger_is_busy(tmp_path: Path) -> None:
    with place(tmp_path) as here, open_ledger(tmp_path) as human:

        async def main() -> None:
            assert not here.journal.cancel_requested()
            human.request_cancel(here.run.id, "ann")
            with human.transaction():
                waiting = asyncio.create_task(here.journal.event("x"))
                while not here.journal._turn.locked():
                    await asyncio.sleep(0)
                assert not here.journal.cancel_requested()  # as the last one saw it, without waiting
            await waiting
            assert here.journal.cancel_requested()

        asyncio.run(main())


def test_a_model_call_is_unknown_until_it_ends(tmp_path: Path) -> None:
    async def main(here: Place) -> None:
        await here.journal.call_started(1, "task/1/implement", "anthropic", "claude")
        assert here.ledger.usage(here.run.id) == Usage(calls=1)
        await here.journal.call_finished(model_call(1))
        assert here.ledger.model_calls(here.run.id) == [model_call(1)]
        await here.journal.call_finished(model_call(2))  # its start was never written
        assert here.ledger.usage_of_step(here.run.id, "task/1/implement").calls == 2
        with pytest.raises(RuntimeError, match="recorded already"):
            await here.journal.call_finished(model_call(2, usage=Usage(calls=1)))
        assert here.ledger.model_calls(here.run.id)[1].usage == KNOWN

    with place(tmp_path) as here:
        asyncio.run(main(here))
        calls = [e for e in here.ledger.events(here.run.id) if e.kind == "model.call"]
        assert [e.data["id"] for e in calls] == [1, 2]
        assert calls[0].data["usage"]["output_tokens"] == KNOWN.output_tokens


def test_data_that_is_no_json_writes_no_event(tmp_path: Path) -> None:
    with place(tmp_path) as here:
        for data in (object(), float("nan")):
            with pytest.raises((TypeError, ValueError)):
                asyncio.run(here.journal.event("x", data=data))
        assert here.kinds() == []
        asyncio.run(here.journal.event("x", data=1))
