"""A measured figure, its bound, and how both are shown."""

from __future__ import annotations

import statistics
from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class Figure:
    """One line of the report."""

    name: str
    value: float
    bound: float | None  # at most; None: given for information
    detail: str

    @property
    def holds(self) -> bool:
        return self.bound is None or self.value <= self.bound

    def __str__(self) -> str:
        bound = f"(at most {self.bound:g})" if self.bound is not None else ""
        mark = "ok " if self.holds else "OVER"
        return f"{mark:4} {self.name:<58} {self.value:8.2f} {bound:<14} {self.detail}"


def median(values: Sequence[float]) -> float:
    return statistics.median(values)
