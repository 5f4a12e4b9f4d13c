"""What could be read of a spec file, right or wrong: other files are checked against it all the same."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from fabrik.problems import Problem
from fabrik.specs.model import Spec, Todo


@dataclass(kw_only=True)
class Draft:
    """One spec file."""

    path: Path
    data: bytes = b""
    id: str | None = None  # what it calls itself, as far as that can be told
    depends_on: tuple[str, ...] = ()
    depends_where: str = "dependsOn"  # where it says so
    spec: Spec | None = None  # None: it has problems
    todo: Todo | None = None  # from its own list of tasks
    problems: list[Problem] = field(default_factory=list)
    remarks: list[Problem] = field(default_factory=list)  # worth a warning, and no error
