"""New files that change how the others are judged, of every kind."""

from __future__ import annotations

from collections.abc import Sequence

from fabrik.tampering.configs import new_configs
from fabrik.tampering.hooks import hooks
from fabrik.tampering.model import ChangedFile
from fabrik.tampering.notes import Found
from fabrik.tampering.protected import Protection
from fabrik.tampering.shadows import shadows


def judging_files(changes: Sequence[ChangedFile], protection: Protection) -> tuple[Found, ...]:
    """Hooks, shadows and settings that are new in the candidate, in the order of paths."""
    ordered = sorted(changes, key=lambda each: each.path)
    found = [*hooks(ordered, protection), *shadows(ordered, protection), *new_configs(ordered, protection)]
    return tuple(sorted(found, key=lambda each: (each.path, each.line or 0, each.kind, each.what)))
