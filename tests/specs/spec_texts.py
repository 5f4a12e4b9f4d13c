"""Specs and todos that are right, for tests to break in one place."""

from __future__ import annotations

import copy
import json
from pathlib import Path
from typing import Any

SPEC: dict[str, Any] = {
    "v": 1,
    "id": "0001-search",
    "title": "Search",
    "status": "ready",
    "version": "1.0",
    "lastUpdated": "2026-01-02",
    "goals": ["users find things"],
    "nonGoals": [],
    "req": {"api": ["GET /search?q="], "behavior": [], "obs": []},
    "accept": ["a known word is found"],
    "assume": [],
    "checks": ["make test"],
}
TODO: dict[str, Any] = {
    "v": 1,
    "id": "0001-search",
    "tdd": False,
    "dod": [],
    "tasks": [
        {"id": "index", "do": "build the index", "verify": "it is built"},
        {"id": "query", "do": "answer queries", "verify": "they are answered"},
    ],
}
MARKDOWN = """\
# Search

## Goals

- users find things

## Acceptance Criteria

- [ ] a known word is found

## Verification

```sh
make test
```
"""


def changed(base: dict[str, Any], *path: Any, to: Any) -> dict[str, Any]:
    """A copy of a document with one value replaced, added, or (to=...) removed."""
    document = copy.deepcopy(base)
    target: Any = document
    for part in path[:-1]:
        target = target[part]
    if to is ...:
        del target[path[-1]]
    else:
        target[path[-1]] = to
    return document


def put(path: Path, content: Any) -> Path:
    """Write a text, bytes, or a document as JSON."""
    path.parent.mkdir(parents=True, exist_ok=True)
    if isinstance(content, bytes):
        path.write_bytes(content)
    else:
        path.write_text(content if isinstance(content, str) else json.dumps(content), encoding="utf-8")
    return path
