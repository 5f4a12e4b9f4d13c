"""The error of this room."""

from __future__ import annotations

from fabrik.problems import Problem, Problems


class SpecErrors(Problems):
    """Specs or todos that cannot be used as they are. Carries every problem of every file."""


__all__ = ["Problem", "SpecErrors"]
