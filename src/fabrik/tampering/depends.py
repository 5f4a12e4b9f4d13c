"""Checks that pass only with the candidate's own version of what judges them."""

from __future__ import annotations

from collections.abc import Sequence

from fabrik.tampering.model import Tamper
from fabrik.tampering.text import quoted

MOST = 5  # restored files that get a finding of their own
_NAMED = 3  # checks that are named


def depends(checks: Sequence[str], restored: Sequence[str]) -> tuple[Tamper, ...]:
    """Findings for checks that pass as the candidate stands and fail with the restored paths.

    One for each of the first paths; the last says how many more there are.
    """
    return _findings(checks, restored, "only with the changed version of this file")


def depends_on_new(checks: Sequence[str], new: Sequence[str]) -> tuple[Tamper, ...]:
    """Findings for checks that pass as the candidate stands and fail without its new test files."""
    return _findings(checks, new, "only with the new tests in place: without this file it fails")


def _findings(checks: Sequence[str], files: Sequence[str], how: str) -> tuple[Tamper, ...]:
    paths = sorted(set(files))
    if not checks or not paths:
        return ()
    names = ", ".join(quoted(name) for name in checks[:_NAMED])
    more = f" and {len(checks) - _NAMED} more" if len(checks) > _NAMED else ""
    who = f"the check {names} passes" if len(checks) == 1 else f"the checks {names}{more} pass"
    what = f"{who} {how}"
    shown = paths[:MOST]
    left = len(paths) - len(shown)
    others = f", or of {left} more file{'' if left == 1 else 's'}"
    return tuple(
        Tamper(
            kind="depends",
            path=path,
            line=None,
            what=what + (others if left and path == shown[-1] else ""),
            holds=True,
        )
        for path in shown
    )
