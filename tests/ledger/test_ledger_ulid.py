"""Run ids are ULIDs that grow within a process, whatever the clock does."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from fabrik.ledger import ulid
from fabrik.ledger.ulid import encode, new_run_id


def test_the_form_is_that_of_a_ulid() -> None:
    before = int(time.time() * 1000)
    made = new_run_id()
    after = int(time.time() * 1000)
    assert len(made) == 26
    assert set(made) <= set("0123456789ABCDEFGHJKMNPQRSTVWXYZ")
    number = 0
    for character in made:
        number = number * 32 + "0123456789ABCDEFGHJKMNPQRSTVWXYZ".index(character)
    assert before <= number >> 80 <= after


def test_known_numbers() -> None:
    assert encode(0) == "0" * 26
    assert encode(31) == "0" * 25 + "Z"
    assert encode((1 << 128) - 1) == "7" + "Z" * 25


def test_ids_grow_also_from_several_threads() -> None:
    mine = [new_run_id() for _ in range(2000)]
    assert mine == sorted(set(mine))
    with ThreadPoolExecutor(8) as pool:
        made = list(pool.map(lambda _: new_run_id(), range(2000)))
    assert len(set(made)) == 2000
    assert min(made) > mine[-1]


def test_a_clock_that_was_set_back_does_not_make_them_smaller(monkeypatch: pytest.MonkeyPatch) -> None:
    # As if the last id had been made an hour ahead of what the clock says now.
    ahead = (int(time.time() * 1000) + 3_600_000) << 80 | 17
    monkeypatch.setattr(ulid, "_last", ahead)
    assert [new_run_id(), new_run_id()] == [encode(ahead + 1), encode(ahead + 2)]
