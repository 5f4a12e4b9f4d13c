"""What a ledger keeps and gives back."""

from __future__ import annotations

import asyncio
import sqlite3
from pathlib import Path

import pytest
from ledger_support import KNOWN, lock_of, model_call, new_run, open_ledger

from fabrik.errors import LedgerError, UsageError
from fabrik.ledger.journal import Journal
from fabrik.ledger.ownership import claim
from fabrik.ledger.store import Ledger
from fabrik.ledger.types import NewRun
from fabrik.outcome import Verdict
from fabrik.usage import NOTHING, Usage, total


def test_a_run_comes_back_as_it_was_recorded(tmp_path: Path) -> None:
    wanted = new_run(tmp_path, context={"prompts": {"implement": "grün"}, "n": [1, 2]})
    with open_ledger(tmp_path) as ledger:
        run = ledger.create_run(wanted)
        assert ledger.find_run(wanted.id) == run
        assert [event.kind for event in ledger.events(run.id)] == ["run.created"]
    for name in NewRun.__dataclass_fields__:
        assert getattr(run, name) == getattr(wanted, name)
    assert (run.seq, run.status, run.alive, run.cancel_requested) == (1, "running", False, False)
    assert run.usage == NOTHING


def test_the_same_id_twice_is_refused(tmp_path: Path) -> None:
    with open_ledger(tmp_path) as ledger:
        run = ledger.create_run(new_run(tmp_path))
        with pytest.raises(LedgerError, match="with this id already"):
            ledger.create_run(new_run(tmp_path, id=run.id))
        assert len(ledger.events(run.id)) == 1


A = "01JAAAAAAAAAAAAAAAAAAAAA1X"
B = "01JAAAAAAAAAAAAAAAAAAAAA2Y"
C = "01JBAAAAAAAAAAAAAAAAAAAA3X"


@pytest.mark.parametrize(
    ("ref", "found"),
    [(A, A), (A.lower(), A), ("01jb", C), ("2y", B), ("2Y", B), ("a1x", A), ("last", A), ("LAST", A)],
)
def test_a_run_is_found_by_part_of_its_id(tmp_path: Path, ref: str, found: str) -> None:
    with open_ledger(tmp_path) as ledger:
        for run_id in (C, B, A):  # dispatched in this order
            ledger.create_run(new_run(tmp_path, id=run_id))
        assert ledger.find_run(ref).id == found


@pytest.mark.parametrize("ref", ["", "nothing", "%", "_", "01JC", "' OR 1=1 --", "0" * 27, "ü"])
def test_a_reference_that_means_no_run(tmp_path: Path, ref: str) -> None:
    with open_ledger(tmp_path) as ledger:
        ledger.create_run(new_run(tmp_path, id=A))
        with pytest.raises(UsageError, match="there is no run"):
            ledger.find_run(ref)


def test_an_ambiguous_reference_lists_the_candidates(tmp_path: Path) -> None:
    with open_ledger(tmp_path) as ledger:
        with pytest.raises(UsageError, match="there is no run yet"):
            ledger.find_run("last")
        for run_id in (A, B, C):
            ledger.create_run(new_run(tmp_path, id=run_id))
        for ref, candidates in {"01JA": {A, B}, "X": {A, C}}.items():
            with pytest.raises(UsageError) as caught:
                ledger.find_run(ref)
            assert {run_id for run_id in (A, B, C) if run_id in str(caught.value)} == candidates


def test_many_candidates_are_not_all_listed(tmp_path: Path) -> None:
    with open_ledger(tmp_path) as ledger:
        for _ in range(12):
            ledger.create_run(new_run(tmp_path))
        with pytest.raises(UsageError, match="and 4 more"):
            ledger.find_run("0")


def test_runs_are_listed_by_dispatch_not_by_clock_or_id(tmp_path: Path) -> None:
    with open_ledger(tmp_path) as ledger:
        order = [C, A, B]
        for run_id in order:
            ledger.create_run(new_run(tmp_path, id=run_id))
        with ledger.transaction() as db:  # the clock was set back between the dispatches
            db.execute("UPDATE runs SET started_at = started_at - 86400 * seq")
        assert [run.id for run in ledger.list_runs()] == order[::-1]
        assert [run.id for run in ledger.list_runs(limit=1)] == [B]
        assert [run.id for run in ledger.list_runs(limit=None)] == order[::-1]
        assert ledger.list_runs(status="shipped") == []
        assert len(ledger.list_runs(status="running")) == 3


def test_usage_is_summed_and_unknown_stays_unknown(tmp_path: Path) -> None:
    async def calls(journal: Journal) -> None:
        await journal.call_finished(model_call(1))
        await journal.call_finished(model_call(2, step="review"))

    async def one_more(journal: Journal) -> None:
        await journal.call_started(3, "review", "anthropic", "claude")

    with open_ledger(tmp_path) as ledger:
        run = ledger.create_run(new_run(tmp_path))
        other = ledger.create_run(new_run(tmp_path))
        with claim(ledger, run.id, lock_of(run)) as ownership:
            asyncio.run(calls(Journal(ledger, ownership)))
            both = total([KNOWN, KNOWN])
            assert ledger.usage(run.id) == both == ledger.find_run(run.id).usage
            assert ledger.usage_of_step(run.id, "review") == KNOWN
            asyncio.run(one_more(Journal(ledger, ownership)))
        unknown = Usage(calls=3)
        assert ledger.usage(run.id) == unknown == ledger.find_run(run.id).usage
        assert ledger.usage_of_step(run.id, "task/1/implement") == KNOWN
        assert ledger.usage(other.id) == NOTHING == ledger.find_run(other.id).usage
        assert ledger.calls_started(run.id) == 3
        assert ledger.calls_started(other.id) == 0
        last = ledger.model_calls(run.id)[-1]
        assert (last.id, last.outcome, last.status, last.usage.cost_usd) == (3, "cut", 0, None)


def test_events_are_read_from_where_one_stopped(tmp_path: Path) -> None:
    async def some(journal: Journal) -> None:
        for number in range(5):
            await journal.event("note", number=number)

    with open_ledger(tmp_path) as ledger, open_ledger(tmp_path) as follower:
        run = ledger.create_run(new_run(tmp_path))
        noise = ledger.create_run(new_run(tmp_path))
        seen = follower.events(run.id)
        version = follower.data_version()
        assert follower.data_version() == version
        with claim(ledger, run.id, lock_of(run)) as ownership:
            asyncio.run(some(Journal(ledger, ownership)))
        assert follower.data_version() != version
        new = follower.events(run.id, after=seen[-1].seq)
        assert [event.data.get("number") for event in new if event.kind == "note"] == [0, 1, 2, 3, 4]
        assert len(follower.events(run.id, after=seen[-1].seq, limit=2)) == 2
        assert [event.run for event in follower.events(noise.id)] == [noise.id]
        assert follower.events("unknown") == []


def test_a_request_to_cancel_is_made_once(tmp_path: Path) -> None:
    with open_ledger(tmp_path) as ledger:
        run = ledger.create_run(new_run(tmp_path))
        ledger.request_cancel(run.id, "ann")
        ledger.request_cancel(run.id, "bob")
        assert ledger.find_run(run.id).cancel_requested
        asked = [event for event in ledger.events(run.id) if event.kind == "run.cancel_requested"]
        assert [event.data["by"] for event in asked] == ["ann"]
        with claim(ledger, run.id, lock_of(run)) as ownership:
            asyncio.run(Journal(ledger, ownership).finish(Verdict.CANCELLED, "asked to"))
        with pytest.raises(UsageError, match="ended already"):
            ledger.request_cancel(run.id, "ann")
        with pytest.raises(UsageError, match="there is no run"):
            ledger.request_cancel("nothing", "ann")


@pytest.mark.parametrize("approve", [True, False])
def test_a_human_decides_a_gate_once(tmp_path: Path, approve: bool) -> None:
    decision = "approved" if approve else "rejected"
    with open_ledger(tmp_path) as ledger:
        run = ledger.create_run(new_run(tmp_path))
        with pytest.raises(UsageError, match="no gate 1"):
            ledger.decide_gate(run.id, 1, approve=approve, by="ann", notes=None)
        with claim(ledger, run.id, lock_of(run)) as ownership:
            asyncio.run(Journal(ledger, ownership).open_gate(1, "c" * 40, "look at the diff"))
        decided = ledger.decide_gate(run.id, 1, approve=approve, by="ann", notes="naïve, but fine")
        assert (decided.state, decided.decided_by, decided.notes) == (decision, "ann", "naïve, but fine")
        assert ledger.gates(run.id) == [decided]
        event = ledger.events(run.id)[-1]
        assert (event.kind, event.data["by"]) == (f"gate.{decision}", "ann")
        feedback = sqlite3.connect(ledger.path).execute("SELECT run_id, decision, notes FROM human_feedback")
        assert feedback.fetchall() == [(run.id, decision, "naïve, but fine")]
        feedback.connection.close()
        with pytest.raises(UsageError, match=f"already {decision} by ann"):
            ledger.decide_gate(run.id, 1, approve=not approve, by="bob", notes=None)
        assert ledger.gates(run.id) == [decided]


def test_the_gate_of_a_run_that_has_ended_cannot_be_decided(tmp_path: Path) -> None:
    async def wait_and_end(journal: Journal) -> None:
        await journal.open_gate(1, "c" * 40, "look")
        await journal.finish(Verdict.CANCELLED, "asked to")

    with open_ledger(tmp_path) as ledger:
        run = ledger.create_run(new_run(tmp_path))
        with claim(ledger, run.id, lock_of(run)) as ownership:
            asyncio.run(wait_and_end(Journal(ledger, ownership)))
        with pytest.raises(UsageError, match="ended as cancelled"):
            ledger.decide_gate(run.id, 1, approve=True, by="ann", notes=None)
        assert ledger.gates(run.id)[0].state == "open"


def test_a_reader_finds_no_ledger_where_there_is_none(tmp_path: Path) -> None:
    assert Ledger.open_existing(tmp_path / "deep" / "ledger.db") is None
    assert list(tmp_path.iterdir()) == []
    with open_ledger(tmp_path):
        pass
    reader = Ledger.open_existing(tmp_path / "ledger.db")
    assert reader is not None
    assert reader.list_runs() == []
    reader.close()
    reader.close()


def test_half_characters_of_broken_output_are_stored_readably(tmp_path: Path) -> None:
    broken = b"caf\xe9 \xf0\x9f\x99\x82".decode("utf-8", "surrogateescape")

    async def write(journal: Journal) -> None:
        await journal.set_progress(broken)
        await journal.event("said", text=broken)
        await journal.finish(Verdict.FAILED, broken)

    with open_ledger(tmp_path) as ledger:
        run = ledger.create_run(new_run(tmp_path))
        with claim(ledger, run.id, lock_of(run)) as ownership:
            asyncio.run(write(Journal(ledger, ownership)))
        assert ledger.find_run(run.id).progress == "caf\\udce9 🙂"
        assert ledger.find_run(run.id).failure_reason == "caf\\udce9 🙂"
        said = next(event for event in ledger.events(run.id) if event.kind == "said")
        assert said.data["text"] == broken


def test_check_finds_what_was_changed_behind_its_back(tmp_path: Path) -> None:
    async def work(journal: Journal) -> None:
        async def one(_: object) -> str:
            return "x"

        await journal.step("one", one, result=str)

    with open_ledger(tmp_path) as ledger:
        run = ledger.create_run(new_run(tmp_path))
        with claim(ledger, run.id, lock_of(run)) as ownership:
            asyncio.run(work(Journal(ledger, ownership)))
        assert ledger.check() == []
        with ledger.transaction() as db:
            db.execute("DELETE FROM events WHERE kind = 'step.finished'")
            db.execute("UPDATE runs SET status = 'shipped'")
        problems = ledger.check()
        assert len(problems) == 2
        assert all(run.id in problem for problem in problems)
