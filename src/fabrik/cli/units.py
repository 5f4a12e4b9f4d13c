"""Numbers as people read them. Unknown is said to be unknown, never shown as 0. Pure."""

from __future__ import annotations

import time

from fabrik.usage import Usage

UNKNOWN = "unknown"


def money(usd: float | None) -> str:
    """US dollars: cents where there are any, four digits below one cent."""
    if usd is None:
        return UNKNOWN
    return f"${usd:.2f}" if usd == 0 or usd >= 0.01 else f"${usd:.4f}"


def count(number: int | None) -> str:
    """An integer with separators."""
    return UNKNOWN if number is None else f"{number:,}"


def cost(usage: Usage) -> str:
    """What was spent, in one phrase."""
    if not usage.calls:
        return "no model calls"
    calls = f"{usage.calls:,} model call{'s' * (usage.calls != 1)}"
    tokens = usage.total_tokens
    known = "tokens unknown" if tokens is None else f"{tokens:,} tokens"
    return f"{'cost unknown' if usage.cost_usd is None else money(usage.cost_usd)} · {calls} · {known}"


def seconds(value: float) -> str:
    """A length of time: 0.4 s, 12 s, 3 m 20 s, 2 h 05 m, 3 d 4 h."""
    value = max(0.0, value)
    if value < 9.95:
        return f"{value:.1f} s"
    whole = round(value)
    if whole < 60:
        return f"{whole} s"
    minutes, rest = divmod(whole, 60)
    if minutes < 60:
        return f"{minutes} m {rest:02} s"
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes:02} m" if hours < 24 else f"{hours // 24} d {hours % 24} h"


def age(value: float) -> str:
    """How long ago, in one unit: 5s, 12m, 3h, 9d."""
    value = max(0.0, value)
    for unit, size in (("s", 60), ("m", 60), ("h", 48)):
        if value < size:
            return f"{int(value)}{unit}"
        value /= 60 if unit != "h" else 24
    return f"{int(value)}d"


def size(number: int) -> str:
    """Bytes in powers of 1,024."""
    value = float(number)
    for unit in ("B", "KiB", "MiB", "GiB"):
        if value < 1024:
            return f"{value:.0f} {unit}" if unit == "B" else f"{value:.1f} {unit}"
        value /= 1024
    return f"{value:.1f} TiB"


def clock(at: float) -> str:
    """The local time of day: 14:03:07."""
    return time.strftime("%H:%M:%S", time.localtime(at))


def moment(at: float) -> str:
    """The local date and time."""
    return time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(at))


def iso(at: float | None) -> str | None:
    """UTC for machines, to the millisecond: 2026-11-20T12:00:00.000Z."""
    if at is None:
        return None
    # Rounded once, so that .9996 does not become .1000 of the same second.
    millis = round(at * 1000)
    return time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(millis // 1000)) + f".{millis % 1000:03}Z"
