"""The fixtures of the tests of the manual."""

from __future__ import annotations

import json
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from stage import Stage


@pytest.fixture
def stage() -> Iterator[Stage]:
    """A place for the commands of a page. When the page is over, none of its runs may be left at work."""
    # Paths of sockets are short, so the directory is not below pytest's own.
    directory = Path(tempfile.mkdtemp(prefix="fm-", dir="/tmp"))
    made = Stage(directory)
    try:
        yield made
        status, output = made.run("fabrik runs list --status running --json")
        left = [run["id"] for run in json.loads(output)] if status == 0 else []
        for run in left:
            made.run(f"fabrik run cancel {run}")
        assert not left, f"the page leaves runs at work: {left}"
    finally:
        for close in made.close:
            close()
        shutil.rmtree(directory, ignore_errors=True)
