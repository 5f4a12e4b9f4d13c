"""Numbers as people read them; unknown is never 0."""

from __future__ import annotations

import pytest

from fabrik.cli import units
from fabrik.usage import NOTHING, Usage


@pytest.mark.parametrize(
    ("usd", "shown"),
    [
        (None, "unknown"),
        (0.0, "$0.00"),
        (0.0042, "$0.0042"),
        (0.01, "$0.01"),
        (12.345, "$12.35"),
        (1000.0, "$1000.00"),
    ],
)
def test_money(usd: float | None, shown: str) -> None:
    assert units.money(usd) == shown


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        (-1.0, "0.0 s"),
        (0.04, "0.0 s"),
        (9.94, "9.9 s"),
        (9.96, "10 s"),
        (59.6, "1 m 00 s"),
        (200.0, "3 m 20 s"),
        (7500.0, "2 h 05 m"),
        (3600.0 * 28, "1 d 4 h"),
    ],
)
def test_seconds(value: float, shown: str) -> None:
    assert units.seconds(value) == shown


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        (-5.0, "0s"),
        (59.9, "59s"),
        (60.0, "1m"),
        (3599.0, "59m"),
        (3600.0, "1h"),
        (47 * 3600.0, "47h"),
        (48 * 3600.0, "2d"),
    ],
)
def test_age(value: float, shown: str) -> None:
    assert units.age(value) == shown


@pytest.mark.parametrize(
    ("number", "shown"),
    [(0, "0 B"), (1023, "1023 B"), (1024, "1.0 KiB"), (1 << 30, "1.0 GiB"), (5 << 40, "5.0 TiB")],
)
def test_size(number: int, shown: str) -> None:
    assert units.size(number) == shown


def test_cost_in_one_phrase() -> None:
    assert units.cost(NOTHING) == "no model calls"
    assert units.cost(Usage(calls=1)) == "cost unknown · 1 model call · tokens unknown"
    known = Usage(
        input_tokens=1000,
        cache_read_tokens=0,
        cache_write_tokens=0,
        output_tokens=234,
        reasoning_tokens=0,
        cost_usd=0.5,
        calls=3,
    )
    assert units.cost(known) == "$0.50 · 3 model calls · 1,234 tokens"


def test_times_for_machines_are_utc_and_rounded_once() -> None:
    assert units.iso(None) is None
    assert units.iso(0.0) == "1970-01-01T00:00:00.000Z"
    assert units.iso(1.9996) == "1970-01-01T00:00:02.000Z"
