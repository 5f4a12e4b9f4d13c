"""Sizes and lengths of time as people write them. Pure."""

from __future__ import annotations

import math
import re

UNLIMITED = "unlimited"

_SIZES = {
    "": 1,
    "b": 1,
    "kib": 1 << 10,
    "mib": 1 << 20,
    "gib": 1 << 30,
    "tib": 1 << 40,
    "kb": 10**3,
    "mb": 10**6,
    "gb": 10**9,
    "tb": 10**12,
}
_SIZE = re.compile(r"(\d{1,12}(?:\.\d{1,6})?)\s*([a-z]*)", re.IGNORECASE | re.ASCII)
_SPANS = {"": 1, "s": 1, "m": 60, "h": 3600, "d": 86400}
_SPAN = re.compile(r"(\d{1,12}(?:\.\d{1,6})?)\s*([smhd]?)\s*", re.IGNORECASE | re.ASCII)


def size(value: object) -> int:
    """Bytes of 4096, "512 MiB" or "8GiB". Raises ValueError with a message for the user."""
    if isinstance(value, int) and not isinstance(value, bool):
        amount = value
    elif isinstance(value, str) and (match := _SIZE.fullmatch(value.strip())) and match[2].lower() in _SIZES:
        amount = round(float(match[1]) * _SIZES[match[2].lower()])
    else:
        raise ValueError(f"must be a size such as 8GiB, 512MiB or a number of bytes, not {value!r}")
    if not 0 < amount < 1 << 60:
        raise ValueError("must be more than 0 and less than an exbibyte")
    return amount


def seconds(value: object) -> float:
    """Seconds of 90, "90s", "60m", "1h30m" or "2d". Raises ValueError with a message for the user."""
    amount: float | None = None
    if isinstance(value, int | float) and not isinstance(value, bool):
        amount = float(value)
    elif isinstance(value, str) and (text := value.strip()):
        parts = list(_SPAN.finditer(text))
        whole = "".join(part[0] for part in parts) == text
        # Only the last part may go without a unit, and only alone: "1h30" could mean either.
        if parts and whole and (len(parts) == 1 or all(part[2] for part in parts)):
            amount = sum(float(part[1]) * _SPANS[part[2].lower()] for part in parts)
    if amount is None:
        raise ValueError(f"must be a length of time such as 60m, 1h30m or a number of seconds, not {value!r}")
    if not (math.isfinite(amount) and 0 < amount <= 366 * 86400):
        raise ValueError("must be more than 0 and at most a year")
    return amount
