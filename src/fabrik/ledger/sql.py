"""The SQL that belongs to this room: `schema.sql` by version and `queries.sql` by name."""

from __future__ import annotations

import sqlite3
from pathlib import Path

_HERE = Path(__file__).parent


def _sections(file: str, marker: str) -> dict[str, str]:
    """Split a file at lines `-- <marker>: <name>`; what comes before the first one is left out."""
    sections: dict[str, list[str]] = {}
    current: list[str] = []
    for line in (_HERE / file).read_text("utf-8").splitlines():
        if line.startswith(f"-- {marker}: "):
            name = line.split(": ", 1)[1].strip()
            if name in sections:
                raise ValueError(f"{file}: '{name}' is there twice")
            current = sections[name] = []
        else:
            current.append(line)
    return {name: "\n".join(lines).strip() for name, lines in sections.items()}


QUERIES = _sections("queries.sql", "name")


def migrations() -> dict[int, list[str]]:
    """The statements of each schema version, in order. Read only when a ledger must be made or brought up."""
    return {int(number): _statements(text) for number, text in _sections("schema.sql", "version").items()}


def _statements(text: str) -> list[str]:
    """One statement each: `executescript` would commit the open transaction."""
    statements: list[str] = []
    pending = ""
    for line in text.splitlines(keepends=True):
        pending += line
        if sqlite3.complete_statement(pending):
            statements.append(pending.strip())
            pending = ""
    return statements
