"""What a check's sandbox is shown so that it can ask a judge."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from fabrik.workflows.judge_inside import parts

LIBRARY = f"lib/python{sys.version_info.major}.{sys.version_info.minor}"


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.delenv("FABRIK_HOME", raising=False)
    monkeypatch.delenv("XDG_STATE_HOME", raising=False)
    for directory in (
        f".local/{LIBRARY}",
        ".local/share/keyrings",
        f"tools/fabrik/{LIBRARY}",
        LIBRARY,
        ".ssh",
    ):
        (tmp_path / directory).mkdir(parents=True)
    return tmp_path


def test_an_installation_with_a_directory_of_its_own_is_shown_whole(home: Path) -> None:
    assert parts(home / "tools/fabrik") == [home / "tools/fabrik"]


@pytest.mark.parametrize("prefix", [".local", "."])
def test_of_one_beside_a_persons_files_only_what_runs_is_shown(home: Path, prefix: str) -> None:
    shown = parts(home / prefix)
    assert home / prefix / LIBRARY in shown
    for private in (home / ".local/share/keyrings", home / ".ssh"):
        assert not any(private.is_relative_to(path) for path in shown)


def test_one_that_holds_the_ledger_is_not_shown_whole(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FABRIK_HOME", str(home / "tools/fabrik/state"))
    assert home / "tools/fabrik" not in parts(home / "tools/fabrik")
