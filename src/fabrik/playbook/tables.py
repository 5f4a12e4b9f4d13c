"""Plans that are a table: a column with what is to do, and one with its status. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from fabrik.playbook import marks

_TITLES = ("task", "item", "title", "description", "name", "what", "feature", "story", "work", "todo")
_STATUSES = ("status", "state", "done", "done?")


@dataclass(frozen=True, kw_only=True)
class Columns:
    """Where a table has what."""

    title: int
    status: int


def columns(cells: Sequence[str]) -> Columns | None:
    """The columns of a table by the names in its first row; None when it is no plan."""
    names = [marks.bare(cell).lower() for cell in cells]
    title = next((names.index(name) for name in _TITLES if name in names), None)
    status = next((names.index(name) for name in _STATUSES if name in names), None)
    return None if title is None or status is None else Columns(title=title, status=status)


def row(cells: Sequence[str], where: Columns) -> tuple[str, bool] | None:
    """What a row says is to do, and whether it is done; None for an empty row."""
    if where.title >= len(cells) or not marks.plain(cells[where.title]):
        return None
    return cells[where.title], marks.status_done(cells[where.status] if where.status < len(cells) else "")
