"""Nine steps of one run at once, as in a round of reviews: each is served, and none disturbs another."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest
from ledger_place import Place, place, returning
from ledger_support import lock_of, open_ledger

from fabrik.errors import Fenced, LedgerError
from fabrik.ledger.journal import Journal, StepContext
from fabrik.ledger.ownership import claim

KEYS = [f"review#1/{number}" for number in range(9)]
DEADLINE = 60


def states(here: Place) -> dict[str, str]:
    return {step.key: step.state for step in here.ledger.steps(here.run.id)}


async def until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(DEADLINE):
        while not condition():
            await asyncio.sleep(0.001)


def test_one_that_fails_leaves_the_others_alone(tmp_path: Path) -> None:
    with place(tmp_path) as here:
        failed = asyncio.Event()

        async def fn(context: StepContext) -> str:
            if context.key == KEYS[4] and context.attempt == 1:
                raise ValueError("no luck")
            if context.attempt == 1:
                await failed.wait()
            return f"{context.key} by attempt {context.attempt}"

        async def main() -> list[str]:
            steps = [asyncio.create_task(here.journal.step(key, fn, result=str)) for key in KEYS]
            with pytest.raises(ValueError, match="no luck"):
                await asyncio.gather(*steps)  # gives the first failure; the others are still under way
            assert states(here) == {key: "failed" if key == KEYS[4] else "started" for key in KEYS}
            failed.set()
            ended = await asyncio.gather(*steps, return_exceptions=True)
            assert [key for key, end in zip(KEYS, ended, strict=True) if isinstance(end, ValueError)] == [
                KEYS[4]
            ]
            return await asyncio.gather(*(here.journal.step(key, fn, result=str) for key in KEYS))

        attempts = [2 if key == KEYS[4] else 1 for key in KEYS]
        assert asyncio.run(main()) == [f"{k} by attempt {n}" for k, n in zip(KEYS, attempts, strict=True)]
        assert here.ledger.check() == []


def test_one_that_is_cancelled_leaves_the_others_alone(tmp_path: Path) -> None:
    with place(tmp_path) as here:

        async def main() -> None:
            go_on = asyncio.Event()

            async def fn(context: StepContext) -> str:
                await go_on.wait()
                return "x"

            steps = {key: asyncio.create_task(here.journal.step(key, fn, result=str)) for key in KEYS}
            await until(lambda: set(states(here).values()) == {"started"} and len(states(here)) == len(KEYS))
            steps[KEYS[0]].cancel()
            go_on.set()
            ended = await asyncio.gather(*steps.values(), return_exceptions=True)
            assert isinstance(ended[0], asyncio.CancelledError)
            assert ended[1:] == ["x"] * 8

        asyncio.run(main())
        assert states(here) == {key: "started" if key == KEYS[0] else "finished" for key in KEYS}
    calls: list[int] = []
    with place(tmp_path) as here:

        async def again() -> None:
            await asyncio.gather(*(here.journal.step(key, returning("y", calls), result=str) for key in KEYS))

        asyncio.run(again())
        assert calls == [2]  # only the one that was cut off
        assert set(states(here).values()) == {"finished"}


def test_one_that_is_cancelled_in_the_queue_writes_nothing(tmp_path: Path) -> None:
    with place(tmp_path) as here, open_ledger(tmp_path) as other:

        async def main() -> None:
            with other.transaction():
                first = asyncio.create_task(here.journal.event("first"))
                await until(here.journal._turn.locked)
                second = asyncio.create_task(here.journal.event("second"))
                third = asyncio.create_task(here.journal.event("third"))
                await asyncio.sleep(0)
                second.cancel()
                with pytest.raises(asyncio.CancelledError):
                    await second  # does not wait for those before it
                assert not first.done()
            await asyncio.gather(first, third)

        asyncio.run(main())
        assert here.kinds() == ["first", "third"]


def test_cancelling_again_does_not_leave_a_transaction_behind(tmp_path: Path) -> None:
    """As when a task group ends because one failed, and then a timeout strikes."""
    with place(tmp_path) as here, open_ledger(tmp_path) as other:

        async def main() -> None:
            with other.transaction():
                writing = asyncio.create_task(here.journal.event("late"))
                await until(here.journal._turn.locked)
                for _ in range(3):
                    writing.cancel()
                    done, _ = await asyncio.wait([writing], timeout=0.02)
                    assert not done
            with pytest.raises(asyncio.CancelledError):
                await writing
            assert here.kinds() == ["late"]
            assert not here.journal._turn.locked()

        asyncio.run(main())


def test_everybody_is_served_in_turn(tmp_path: Path) -> None:
    """Eight that write without a pause hold up the ninth by one transaction each, whenever it writes."""
    with place(tmp_path) as here:

        async def main() -> None:
            ended = asyncio.Event()

            async def talk(context: StepContext) -> str:
                while not ended.is_set():
                    await context.event("talk")
                return "x"

            talkers = [asyncio.create_task(here.journal.step(key, talk, result=str)) for key in KEYS[:8]]
            await until(lambda: "talk" in here.kinds())
            before = here.kinds().count("talk")
            await here.journal.step(KEYS[8], returning("x"), result=str)
            ended.set()
            between = here.kinds().count("talk") - before
            await asyncio.gather(*talkers)
            # It waits three times: to look for its result, to write its intent, to write its end. What was
            # under way when it was counted comes on top.
            assert between <= 8 * 4 + 1

        asyncio.run(main())
        assert set(states(here).values()) == {"finished"}


def test_the_journal_does_not_wait_for_the_threads_of_the_event_loop(tmp_path: Path) -> None:
    """All of them may be busy with what waits for this very journal."""
    with place(tmp_path) as here:

        async def main() -> None:
            written = threading.Event()
            busy = [asyncio.create_task(asyncio.to_thread(written.wait, DEADLINE)) for _ in range(40)]
            try:
                async with asyncio.timeout(DEADLINE / 2):
                    await asyncio.gather(*(here.journal.step(k, returning("x"), result=str) for k in KEYS))
            finally:
                written.set()
                await asyncio.gather(*busy)

        asyncio.run(main())
        assert set(states(here).values()) == {"finished"}


def test_what_is_told_while_the_last_was_written_does_not_wait_for_ever(tmp_path: Path) -> None:
    with place(tmp_path) as here, open_ledger(tmp_path) as other:

        async def main() -> None:
            with other.transaction():
                here.journal.tell("first")
                await until(here.journal._turn.locked)
                here.journal.tell("second")
            await until(lambda: here.kinds() == ["first", "second"])

        asyncio.run(main())


def test_what_is_told_outlives_a_write_that_is_cancelled_and_fails(tmp_path: Path) -> None:
    with (
        open_ledger(tmp_path, busy_seconds=0.2) as ledger,
        place(tmp_path) as here,
        open_ledger(tmp_path) as other,
    ):
        journal = Journal(ledger, here.ownership)

        async def main() -> None:
            with other.transaction():
                journal.tell("said")
                writing = asyncio.create_task(journal.event("lost"))
                await until(journal._turn.locked)
                writing.cancel()
                with pytest.raises(asyncio.CancelledError):
                    await writing
            await journal.event("next")

        asyncio.run(main())
        assert here.kinds() == ["said", "next"]


def test_what_all_of_them_tell_is_there_once_and_in_order(tmp_path: Path) -> None:
    with place(tmp_path) as here:

        async def fn(context: StepContext) -> str:
            for number in range(5):
                context.tell("said", number=number)
                await context.event("did", number=number)
            return "x"

        async def main() -> None:
            await asyncio.gather(*(here.journal.step(key, fn, result=str) for key in KEYS))

        asyncio.run(main())
        events = here.ledger.events(here.run.id)
        for key in KEYS:
            story = [
                (e.kind, e.data["number"]) for e in events if e.step == key and e.kind in ("said", "did")
            ]
            assert story == [(kind, number) for number in range(5) for kind in ("said", "did")]


def test_a_request_to_cancel_reaches_all_of_them(tmp_path: Path) -> None:
    with place(tmp_path) as here, open_ledger(tmp_path) as human:

        async def fn(context: StepContext) -> str:
            async with asyncio.timeout(DEADLINE):
                while not here.journal.cancel_requested():
                    await context.event("works")
            return "told"

        async def main() -> list[str]:
            steps = [asyncio.create_task(here.journal.step(key, fn, result=str)) for key in KEYS]
            await until(lambda: here.kinds().count("works") >= len(KEYS))
            await asyncio.to_thread(human.request_cancel, here.run.id, "ann")
            return await asyncio.gather(*steps)

        assert asyncio.run(main()) == ["told"] * len(KEYS)


def test_the_same_key_twice_at_once_is_refused_and_the_first_goes_on(tmp_path: Path) -> None:
    with place(tmp_path) as here:

        async def main() -> list[str | BaseException]:
            keys = [*KEYS, KEYS[0]]
            steps: list[Awaitable[str]] = [here.journal.step(k, returning("x"), result=str) for k in keys]
            return await asyncio.gather(*steps, return_exceptions=True)

        *ended, refused = asyncio.run(main())
        assert ended == ["x"] * len(KEYS)
        assert isinstance(refused, RuntimeError)
        assert {step.attempt for step in here.ledger.steps(here.run.id)} == {1}


def test_all_of_them_end_when_another_has_the_run(tmp_path: Path) -> None:
    with place(tmp_path) as here, open_ledger(tmp_path) as other:

        async def main() -> None:
            taken = asyncio.Event()

            async def fn(context: StepContext) -> str:
                if context.key not in KEYS[:4]:
                    await taken.wait()
                return "x"

            steps = [asyncio.create_task(here.journal.step(key, fn, result=str)) for key in KEYS]
            await until(lambda: list(states(here).values()).count("finished") == 4)
            lock_of(here.run).unlink()
            new = claim(other, here.run.id, lock_of(here.run))
            taken.set()
            ended = await asyncio.gather(*steps, return_exceptions=True)
            assert ended[:4] == ["x"] * 4
            assert all(isinstance(end, Fenced) for end in ended[4:])
            assert here.kinds()[-1] == "run.claimed"
            calls: list[int] = []
            journal = Journal(other, new)
            await asyncio.gather(*(journal.step(key, returning("y", calls), result=str) for key in KEYS))
            assert calls == [2] * 5
            new.release()

        asyncio.run(main())
        assert here.ledger.check() == []


def test_a_ledger_that_cannot_be_written_is_said_to_all_of_them(tmp_path: Path) -> None:
    with (
        open_ledger(tmp_path, busy_seconds=0.05) as ledger,
        place(tmp_path) as here,
        open_ledger(tmp_path) as other,
    ):
        journal = Journal(ledger, here.ownership)

        async def main() -> None:
            with other.transaction():
                ended = await asyncio.gather(
                    *(journal.step(key, returning("x"), result=str) for key in KEYS), return_exceptions=True
                )
            assert all(isinstance(end, LedgerError) and "locked" in str(end) for end in ended)
            assert states(here) == {}
            again = await asyncio.gather(*(journal.step(key, returning("x"), result=str) for key in KEYS))
            assert again == ["x"] * len(KEYS)

        asyncio.run(main())
