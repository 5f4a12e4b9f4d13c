"""Where the spec of an interview goes: a new file, never over one that is there."""

from __future__ import annotations

import json
import os
from pathlib import Path

from fabrik.errors import FabrikError
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
    """Write a new file, whole or not at all, and give its path: `NAME-2` where NAME was taken meanwhile.

    A file that has this very text counts as written. umask: that of the user. Raises FabrikError.
    """
    content = text.encode("utf-8")
    try:
        _make(path.parent, umask)
        begun = path.with_name(f".{path.name}.{os.getpid()}.new")
        begun.write_bytes(content)
        begun.chmod(0o666 & ~umask)
        try:
            for number in range(1, OTHERS + 1):
                chosen = path if number == 1 else path.with_name(f"{path.stem}-{number}{path.suffix}")
                try:
                    os.link(begun, chosen)  # fails where there is something, unlike a rename
                    return chosen
                except FileExistsError:
                    if chosen.is_file() and chosen.read_bytes() == content:
                        return chosen
        finally:
            begun.unlink(missing_ok=True)
    except OSError as error:
        raise FabrikError(f"cannot be written: {error.strerror or error}", where=str(path)) from error
    raise FabrikError("is there already, and so are all names beside it", where=str(path))


def _make(directory: Path, umask: int) -> None:
    for parent in reversed([directory, *directory.parents]):
        if not parent.is_dir():
            parent.mkdir()
            parent.chmod(0o777 & ~umask)
