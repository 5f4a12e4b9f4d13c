"""Names for lists of hosts: `preset:python` in `allow` stands for where Python's packages come from.

They are replaced by their hosts when the settings are resolved, so a run is sealed with hosts, and a newer
table changes no run that was dispatched before.
"""

from __future__ import annotations

import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files

from fabrik.errors import UsageError

PREFIX = "preset:"
_TABLE = "presets-2026-11.toml"


@dataclass(frozen=True, kw_only=True)
class Preset:
    """The hosts of an ecosystem."""

    hosts: tuple[str, ...]
    source: tuple[str, ...]  # pages that say so
    open: str = ""  # what these hosts take from anybody; "": they only serve


@cache
def presets() -> Mapping[str, Preset]:
    """The table that ships with this version, by name."""
    found = tomllib.loads(files("fabrik.config").joinpath(_TABLE).read_text())
    return {
        name: Preset(hosts=tuple(row["hosts"]), source=tuple(row["source"]), open=row.get("open", ""))
        for name, row in found.items()
    }


def expanded(allow: Iterable[str]) -> tuple[str, ...]:
    """The same list with each preset replaced by its hosts, each once.

    Raises UsageError for a preset that is none.
    """
    names: dict[str, None] = {}
    for text in allow:
        if not text.startswith(PREFIX):
            names[text] = None
            continue
        found = presets().get(text.removeprefix(PREFIX))
        if found is None:
            raise UsageError(f"{text!r} is no preset", where="allow", todo=known())
        names |= dict.fromkeys(found.hosts)
    return tuple(names)


def known() -> str:
    """What may be written, for a message."""
    return "write one of " + ", ".join(PREFIX + name for name in presets())
