"""When a provider says that it can be asked again, in seconds since the epoch."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any

LONGEST_BODY = 64 * 1024  # bytes of an error's body that are looked at
_FARTHEST = 31 * 24 * 3600.0  # a reset later than a month is a mistake, not a time

_DURATION = re.compile(r"(?:(\d+)d)?(?:(\d+)h)?(?:(\d+)m(?!s))?(?:(\d+(?:\.\d+)?)s)?(?:(\d+(?:\.\d+)?)ms)?")
_ANTHROPIC = ("requests", "tokens", "input-tokens", "output-tokens")
_OPENAI = ("requests", "tokens")


def wait_seconds(headers: Mapping[str, str], now: float) -> float | None:
    """What `retry-after-ms` or `retry-after` (seconds or a date) ask for; None when there is neither."""
    if (milliseconds := _number(headers.get("retry-after-ms"))) is not None:
        return milliseconds / 1000
    value = headers.get("retry-after")
    if (seconds := _number(value)) is not None:
        return seconds
    try:
        return max(0.0, parsedate_to_datetime(value or "").timestamp() - now)
    except (ValueError, TypeError, OverflowError):
        return None


def retry_at(headers: Mapping[str, str], body: bytes, now: float) -> float | None:
    """The time from any of the vendors' own ways to name it; None when none is there.

    headers: names in lower case. `retry-after` wins; then `anthropic-ratelimit-*-reset` (RFC 3339, or seconds
    since the epoch for the unified ones), `x-ratelimit-reset-*` (durations like 6m0s), Google's RetryInfo and
    OpenAI's `resets_in_seconds` in the body. Of several limits only those used up matter.
    """
    waiting = wait_seconds(headers, now)
    candidates = (
        [] if waiting is None else [now + waiting],
        _anthropic(headers),
        _openai(headers, now),
        _body(body, now),
    )
    for times in candidates:
        plausible = [time for time in times if now - 60 <= time <= now + _FARTHEST]
        if plausible:
            return max(plausible)
    return None


def _anthropic(headers: Mapping[str, str]) -> list[float]:
    unified = _number(headers.get("anthropic-ratelimit-unified-reset"))
    if unified is not None:
        return [unified]
    return _used_up(
        (
            headers.get(f"anthropic-ratelimit-{kind}-remaining"),
            _date(headers.get(f"anthropic-ratelimit-{kind}-reset")),
        )
        for kind in _ANTHROPIC
    )


def _openai(headers: Mapping[str, str], now: float) -> list[float]:
    def time(kind: str) -> float | None:
        seconds = _duration(headers.get(f"x-ratelimit-reset-{kind}"))
        return None if seconds is None else now + seconds

    return _used_up((headers.get(f"x-ratelimit-remaining-{kind}"), time(kind)) for kind in _OPENAI)


def _used_up(limits: Iterable[tuple[str | None, float | None]]) -> list[float]:
    """The resets of the limits with nothing left; of all of them when none says so."""
    named = [(remaining, time) for remaining, time in limits if time is not None]
    empty = [time for remaining, time in named if remaining is not None and remaining.strip() == "0"]
    return empty or [time for _, time in named]


def _body(body: bytes, now: float) -> list[float]:
    try:
        document: Any = json.loads(body)
    except (ValueError, RecursionError):
        return []
    if isinstance(document, list) and document:
        document = document[0]
    error = document.get("error") if isinstance(document, dict) else None
    if not isinstance(error, dict):
        return []
    if isinstance(seconds := error.get("resets_in_seconds"), int | float) and math.isfinite(seconds):
        return [now + seconds]
    details = error.get("details")
    return [
        now + seconds
        for detail in (details if isinstance(details, list) else [])
        if isinstance(detail, dict)
        and str(detail.get("@type", "")).endswith("google.rpc.RetryInfo")
        and (seconds := _duration(detail.get("retryDelay"))) is not None
    ]


def _number(value: str | None) -> float | None:
    try:
        number = float(value or "")
    except ValueError:
        return None
    return number if math.isfinite(number) and number >= 0 else None


def _date(value: str | None) -> float | None:
    try:
        time = datetime.fromisoformat(value or "")
    except ValueError:
        return None
    return (time if time.tzinfo else time.replace(tzinfo=UTC)).timestamp()


def _duration(value: object) -> float | None:
    if not isinstance(value, str) or len(value) > 40:
        return None
    match = _DURATION.fullmatch(value.strip())
    if not match or not any(match.groups()):
        return None
    days, hours, minutes, seconds, milliseconds = (float(part or 0) for part in match.groups())
    return days * 86400 + hours * 3600 + minutes * 60 + seconds + milliseconds / 1000
