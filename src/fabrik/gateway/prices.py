"""What a model call costs, from the dated table beside this file. A model not in it has no known cost.

Only tokens are priced. Fees for a provider's own tools (a web search, a container) are not in any count.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Any

from fabrik.gateway.counts import Counts
from fabrik.usage import Vendor

_TABLE = "prices-2026-11.toml"
_MILLION = 1_000_000
_VERSION = re.compile(r"-(?:\d{8}|\d{4}-\d{2}-\d{2}|\d{3}|latest)$")


@dataclass(frozen=True, kw_only=True)
class Rates:
    """USD per million tokens. None: the table does not say."""

    input: float
    output: float
    cache_read: float | None = None
    cache_write: float | None = None
    cache_write_1h: float | None = None


@dataclass(frozen=True, kw_only=True)
class Price:
    """The price of a model."""

    table: str  # the table's date
    usual: Rates
    long: Rates | None = None  # for a prompt of more than long_above tokens, applied to the whole call
    long_above: int = 0


@dataclass(frozen=True, kw_only=True)
class Prices:
    """The table, read."""

    date: str
    models: Mapping[tuple[Vendor, str], Price]

    def find(self, vendor: Vendor, model: str | None) -> Price | None:
        """The price of a model: its own row, or the row of the model of which it is a dated version."""
        name = (model or "").removeprefix("models/")
        return self.models.get((vendor, name)) or self.models.get((vendor, _VERSION.sub("", name)))


@cache
def current() -> Prices:
    """The table that ships with this version."""
    document = tomllib.loads(files(__package__).joinpath(_TABLE).read_text(encoding="utf-8"))
    date = str(document["date"])
    vendors: tuple[Vendor, ...] = ("anthropic", "openai", "gemini")
    return Prices(
        date=date,
        models={
            (vendor, name): _price(date, row) for vendor in vendors for name, row in document[vendor].items()
        },
    )


def cost(price: Price | None, counts: Counts) -> float | None:
    """USD for these counts, or None when a count or the price of a count that is not zero is unknown."""
    if price is None:
        return None
    total = 0.0
    for tokens, rate in _parts(price, counts):
        if tokens is None or (tokens and rate is None):
            return None
        total += tokens * (rate or 0.0)
    return total / _MILLION


def at_least(price: Price | None, counts: Counts) -> float:
    """USD for what is known of these counts: a lower bound, 0 where nothing is known."""
    if price is None:
        return 0.0
    return sum((tokens or 0) * (rate or 0.0) for tokens, rate in _parts(price, counts)) / _MILLION


def _parts(price: Price, counts: Counts) -> tuple[tuple[int | None, float | None], ...]:
    """Each kind of token with its rate."""
    rates = price.long if price.long and _prompt(counts) > price.long_above else price.usual
    write_1h = min(counts.cache_write_1h, counts.cache_write or 0)
    return (
        (counts.input, rates.input),
        (counts.cache_read, rates.cache_read),
        (None if counts.cache_write is None else counts.cache_write - write_1h, rates.cache_write),
        (write_1h, rates.cache_write_1h),
        (counts.output, rates.output),
        (counts.reasoning, rates.output),
    )


def _prompt(counts: Counts) -> int:
    return (counts.input or 0) + (counts.cache_read or 0) + (counts.cache_write or 0)


def _price(date: str, row: Mapping[str, Any]) -> Price:
    long = row.get("long")
    return Price(
        table=date,
        usual=_rates(row),
        long=_rates(long) if long else None,
        long_above=int(long["above"]) if long else 0,
    )


def _rates(row: Mapping[str, Any]) -> Rates:
    return Rates(
        input=float(row["input"]),
        output=float(row["output"]),
        cache_read=_optional(row, "cache_read"),
        cache_write=_optional(row, "cache_write"),
        cache_write_1h=_optional(row, "cache_write_1h"),
    )


def _optional(row: Mapping[str, Any], name: str) -> float | None:
    return float(row[name]) if name in row else None
