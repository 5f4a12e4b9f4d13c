"""What the player says on stdout and stderr."""

from __future__ import annotations

import json
import os
from typing import Any

at_line_start = [True]  # of stdout: an event must not be glued to what was printed before it


def tell(**event: Any) -> None:
    """One event, as a line of JSON on stdout."""
    line = (json.dumps(event) + "\n").encode()
    put(line if at_line_start[0] else b"\n" + line)


def used(tool: str, what: str | list[str]) -> None:
    """Tell that a tool is used, as a CLI tells of its model's tool calls."""
    tell(type="tool", name=tool, summary=what if isinstance(what, str) else " ".join(what))


def put(data: bytes, to: str | None = None) -> None:
    """Just these bytes, whole, to stdout or "stderr"."""
    view = memoryview(data)
    while view:
        view = view[os.write(2 if to == "stderr" else 1, view) :]
    if to != "stderr" and data:
        at_line_start[0] = data.endswith(b"\n")
