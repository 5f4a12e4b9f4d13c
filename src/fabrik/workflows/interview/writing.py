"""Where the spec of an interview goes: a new file, never over one that is there."""

from __future__ import annotations

import json
from pathlib import Path

from fabrik.errors import FabrikError
from fabrik.workflows.files import put
from fabrik.workflows.interview.model import Order, Proposal

OTHERS = 99  # names that are tried beside the one that was meant


def file_of(order: Order, proposal: Proposal) -> Path:
    """The file that is meant."""
    return Path(order.directory) / f"{proposal.id}{'.json' if order.as_json else '.md'}"


def text_of(order: Order, proposal: Proposal) -> str:
    """What is written."""
    if order.as_json:
        return json.dumps(proposal.document, indent=2, ensure_ascii=False) + "\n"
    return proposal.markdown


def write_new(path: Path, text: str, umask: int) -> Path:
    """Write a new file and give its path: `NAME-2` where NAME was taken meanwhile. Raises FabrikError.

    A file that has this very text counts as written. umask: that of the user.
    """
    for number in range(1, OTHERS + 1):
        chosen = path if number == 1 else path.with_name(f"{path.stem}-{number}{path.suffix}")
        if put(chosen, text, umask):
            return chosen
    raise FabrikError("is there already, and so are all names beside it", where=str(path))
