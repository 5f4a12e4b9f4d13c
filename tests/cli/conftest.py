"""What the tests of the commands share: a state directory of their own, and the command itself."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from ledgers import Books

from fabrik.paths import Home

Fabrik = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture
def books(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Books:
    """An empty state directory, also for the commands that the test starts."""
    home = tmp_path / "state"
    home.mkdir()
    monkeypatch.setenv("FABRIK_HOME", str(home))
    return Books(Home(home))


@pytest.fixture
def fabrik(books: Books) -> Fabrik:
    """Run the real command in a process of its own: fabrik("runs", "list")."""

    def run(*arguments: str, **changes: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            command(*arguments),
            env=os.environ | {"FABRIK_HOME": str(books.home.directory), "COLUMNS": "120"} | changes,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )

    return run


def command(*arguments: str) -> list[str]:
    """The argument list that starts the command."""
    return [sys.executable, "-c", "from fabrik.cli.entry import main; main()", *arguments]
