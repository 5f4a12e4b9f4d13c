"""What one file of the trust suite says: an agent, what it tries, and what must happen.

Each file below adversaries/ and honest/ has a docstring (what is tried, in one line) and a `CASE`.
"""

from __future__ import annotations

import importlib.util
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from harness import World

HERE = Path(__file__).parent

End = Literal[
    "shipped",  # honest work: it ships, and the gate has no mark
    "harmless",  # the work itself is good and ships; what was tried besides has no effect (see `clean`)
    "stopped",  # blocked, exhausted or failed: nothing ships, and no gate opens
    "asked",  # the gate opens without a mark, for a human to confirm what a reviewer says; it ships then
    "marked",  # the gate opens with what speaks against the work, and nobody approves it in advance
]


@dataclass(frozen=True, kw_only=True)
class Case:
    """One agent, and what must come of it."""

    agent: str  # a shell script after PRELUDE
    must: End
    caught: str = ""  # one of the words of trust_found.py; of adversaries that are not harmless
    files: Mapping[str, str] = field(default_factory=dict)  # of the project, over those of trust_project
    config: str = ""  # the user's own, which may show files of the machine
    spec: Mapping[str, Any] = field(default_factory=dict)  # over that of trust_project
    held_out: bool = False  # the spec has the held-out tests of trust_project
    options: tuple[str, ...] = ()  # of `fabrik run`
    reviewers: str | None = None  # a program of trust_reviewers; None: --no-review
    prepare: Callable[[World], None] | None = None  # something about the project besides its files
    clean: Callable[[World], None] | None = None  # asserts that what was tried had no effect


@dataclass(frozen=True, kw_only=True)
class Named:
    """A case and the file it comes from."""

    name: str
    tries: str  # the first line of the file's docstring
    case: Case


def cases(kind: Literal["adversaries", "honest"]) -> list[Named]:
    """All cases of a kind, in order. Raises ValueError for a file that is none."""
    return [_load(path) for path in sorted((HERE / kind).glob("*.py"))]


def _load(path: Path) -> Named:
    spec = importlib.util.spec_from_file_location(f"trust_{path.parent.name}_{path.stem}", path)
    if spec is None or spec.loader is None:
        raise ValueError(f"{path} cannot be loaded")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    case, tries = getattr(module, "CASE", None), (module.__doc__ or "").strip().split("\n")[0]
    if not isinstance(case, Case) or not tries:
        raise ValueError(f"{path} has no CASE, or no docstring")
    return Named(name=path.stem, tries=tries.rstrip("."), case=case)
