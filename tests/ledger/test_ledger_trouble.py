"""What goes wrong with the file: one clear message each, nothing lost, nothing deleted."""

from __future__ import annotations

import os
import shutil
import sqlite3
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest
from ledger_support import new_run, open_ledger

from fabrik.errors import DiskFull, LedgerError
from fabrik.ledger.store import Ledger

CHILDREN = Path(__file__).with_name("ledger_children.py")
PAGE = 4096


def run_child(*arguments: str, wrapper: tuple[str, ...] = ()) -> list[str]:
    done = subprocess.run(
        [*wrapper, sys.executable, str(CHILDREN), *arguments], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.splitlines()


def filled(home: Path, runs: int = 40) -> Path:
    with open_ledger(home) as ledger:
        for _ in range(runs):
            ledger.create_run(new_run(home, context={"text": "x" * 2000}))
    return home / "ledger.db"


def test_locked_by_another_program(tmp_path: Path) -> None:
    with open_ledger(tmp_path, busy_seconds=0.05) as ledger:
        run = ledger.create_run(new_run(tmp_path))
        other = sqlite3.connect(ledger.path, isolation_level=None)
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(LedgerError, match=r"locked for more than 0\.05 seconds") as caught:
            ledger.create_run(new_run(tmp_path))
        assert caught.value.where == str(ledger.path)
        assert "fuser" in caught.value.todo
        assert [found.id for found in ledger.list_runs()] == [run.id]  # readers are not kept out
        other.execute("ROLLBACK")
        other.close()
        ledger.create_run(new_run(tmp_path))
        assert len(ledger.list_runs()) == 2


def test_locked_while_it_is_made(tmp_path: Path) -> None:
    other = sqlite3.connect(tmp_path / "ledger.db", isolation_level=None)
    other.execute("BEGIN EXCLUSIVE")
    with pytest.raises(LedgerError, match="locked"):
        open_ledger(tmp_path, busy_seconds=0.1)
    other.execute("ROLLBACK")
    other.close()
    open_ledger(tmp_path).close()


def test_many_processes_may_make_it_at_once(tmp_path: Path) -> None:
    """Many rounds, because SQLite turns somebody away in about one of fourteen."""
    assert run_child("make_at_once", str(tmp_path)) == ["made with 6 runs"] * 60


def test_not_a_database(tmp_path: Path) -> None:
    path = tmp_path / "ledger.db"
    path.write_bytes(b"this was a ledger once " * 500)
    before = path.read_bytes()
    with pytest.raises(LedgerError, match="damaged") as caught:
        Ledger.open(path)
    assert ".recover" in str(caught.value)
    assert path.read_bytes() == before


def test_damaged_in_the_middle(tmp_path: Path) -> None:
    path = filled(tmp_path)
    size = path.stat().st_size
    with path.open("r+b") as file:
        file.seek(2 * PAGE)
        file.write(os.urandom(size - 3 * PAGE))
    before = path.read_bytes()
    with pytest.raises(LedgerError, match="damaged") as caught, open_ledger(tmp_path) as ledger:
        ledger.list_runs(limit=None)
    assert ".recover" in str(caught.value)
    assert path.read_bytes() == before


@pytest.mark.optional(reason="the sqlite3 of some distributions cannot .recover")
def test_the_advice_for_a_damaged_ledger_works(tmp_path: Path) -> None:
    if not may_recover(tmp_path / "empty.db"):
        pytest.skip("there is no sqlite3 command here that can .recover")
    path = filled(tmp_path)
    rescued = tmp_path / "rescued" / "ledger.db"
    rescued.parent.mkdir()
    with subprocess.Popen(["sqlite3", str(path), ".recover"], stdout=subprocess.PIPE) as recover:
        subprocess.run(["sqlite3", str(rescued)], stdin=recover.stdout, check=True)
    with Ledger.open(rescued) as ledger:
        assert len(ledger.list_runs(limit=None)) == 40
        assert ledger.check() == []


def may_recover(path: Path) -> bool:
    """Debian 12's sqlite3 command has .recover, but it fails on every database."""
    if shutil.which("sqlite3") is None:
        return False
    sqlite3.connect(path).close()
    made = subprocess.run(["sqlite3", path, "CREATE TABLE a (x)"], capture_output=True, check=False)
    done = subprocess.run(["sqlite3", path, ".recover"], capture_output=True, check=False)
    return made.returncode == 0 == done.returncode and b"error" not in done.stdout + done.stderr


def test_damage_is_found_by_check(tmp_path: Path) -> None:
    path = filled(tmp_path)
    with path.open("r+b") as file:
        content = file.read()
        at = content.rindex(b"run.created")
        file.seek(at - at % PAGE)
        file.write(b"\0" * 8)  # the header of one page of the tables
    with open_ledger(tmp_path) as ledger:
        try:
            assert ledger.check() != []
        except LedgerError as error:
            assert "damaged" in str(error)


def test_written_by_a_newer_fabrik(tmp_path: Path) -> None:
    path = filled(tmp_path, runs=1)
    other = sqlite3.connect(path)
    other.execute("PRAGMA user_version = 99")
    other.close()
    with pytest.raises(LedgerError, match=r"schema version 99; this fabrik knows .* up to 1"):
        Ledger.open(path)
    with pytest.raises(LedgerError, match="newer fabrik"):
        Ledger.open_existing(path)


def test_a_database_of_somebody_else_is_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "ledger.db"
    other = sqlite3.connect(path)
    other.execute("CREATE TABLE runs (id INTEGER PRIMARY KEY, vm_name TEXT)")
    other.close()
    with pytest.raises(LedgerError, match="not fabrik's ledger"):
        Ledger.open(path)
    other = sqlite3.connect(path)
    assert other.execute("SELECT name FROM sqlite_master").fetchall() == [("runs",)]
    other.close()


def test_an_empty_file_becomes_a_ledger(tmp_path: Path) -> None:
    (tmp_path / "ledger.db").touch()
    with open_ledger(tmp_path) as ledger:
        assert ledger.list_runs() == []


def test_a_place_where_no_file_can_be(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(LedgerError, match="cannot be opened"):
        Ledger.open(tmp_path / "file" / "ledger.db")
    (tmp_path / "ledger.db").mkdir()
    with pytest.raises(LedgerError, match="cannot be opened"):
        Ledger.open(tmp_path / "ledger.db")


def test_read_only_for_this_user() -> None:
    with tempfile.TemporaryDirectory() as directory:
        home = Path(directory)
        path = filled(home, runs=1)
        # Kept open, so that the files beside it exist: a user without rights cannot make them.
        with Ledger.open(path) as ledger:
            ledger.list_runs()
            for file in home.iterdir():
                file.chmod(0o444)
            home.chmod(0o555)
            lines = run_child("without_rights", directory)
            home.chmod(0o755)
        assert lines[0] == "1"
        assert lines[1].startswith(f"LedgerError {path}: the ledger is read-only")


def may_mount() -> tuple[str, ...] | None:
    """The command prefix that gives a process its own mounts, if this machine allows it."""
    for wrapper in (("unshare", "-m"), ("unshare", "-Urm")):
        try:
            probe = subprocess.run(
                [*wrapper, "mount", "-t", "tmpfs", "tmpfs", "/mnt"], capture_output=True, check=False
            )
        except FileNotFoundError:
            return None
        if probe.returncode == 0:
            return wrapper
    return None


def test_a_full_disk_loses_nothing(tmp_path: Path) -> None:
    wrapper = may_mount()
    if wrapper is None:
        pytest.skip("this machine does not let the test mount a small disk")
    lines = run_child("disk_full", str(tmp_path), wrapper=wrapper)
    assert "no room is left to write" in lines[0]
    assert lines[1:] == ["opening DiskFull", "after big", "check [] 2"]


def test_a_file_size_limit_loses_nothing(tmp_path: Path) -> None:
    lines = run_child("file_limit", str(tmp_path))
    assert "no room is left to write" in lines[0]
    assert lines[1:] == ["after big", "check [] 2"]
    with open_ledger(tmp_path) as ledger:
        assert ledger.check() == []


def test_the_disk_full_error_is_the_environments() -> None:
    from fabrik.errors import EnvironmentProblem

    assert issubclass(DiskFull, EnvironmentProblem)
