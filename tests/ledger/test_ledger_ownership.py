"""One owner at a time, who ends with its process, and is never mistaken for another process."""

from __future__ import annotations

import fcntl
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import Event, Thread

import pytest
from ledger_support import lock_of, new_run, open_ledger

from fabrik.errors import LedgerError, RunBusy, UsageError
from fabrik.ledger.ownership import claim, is_owned, owner_process
from fabrik.ledger.processes import ProcessIdentity, this_process
from fabrik.ledger.store import Ledger
from fabrik.ledger.types import Run

CHILDREN = Path(__file__).with_name("ledger_children.py")


@contextmanager
def child(*arguments: str) -> Iterator[tuple[subprocess.Popen[str], str]]:
    """Another process, and the line it says when it is where the test wants it."""
    process = subprocess.Popen(
        [sys.executable, str(CHILDREN), *arguments],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    with process:
        try:
            yield process, process.stdout.readline().strip()
        finally:
            if process.poll() is None and process.stdin is not None:
                process.stdin.close()
                process.stdin = None
                process.wait(60)


@pytest.fixture
def ledger(tmp_path: Path) -> Iterator[Ledger]:
    with open_ledger(tmp_path) as opened:
        yield opened


@pytest.fixture
def run(ledger: Ledger, tmp_path: Path) -> Run:
    return ledger.create_run(new_run(tmp_path))


def test_a_second_process_is_told_who_works_on_the_run(ledger: Ledger, run: Run, tmp_path: Path) -> None:
    with child("own", str(tmp_path), run.id) as (owner, said):
        assert said == "owned 1"
        assert ledger.find_run(run.id).alive
        assert is_owned(lock_of(run))
        found = owner_process(ledger, run.id)
        assert found is not None
        assert found.pid == owner.pid
        with pytest.raises(RunBusy, match=f"process {owner.pid} works on this run"):
            claim(ledger, run.id, lock_of(run))
        with child("own", str(tmp_path), run.id) as (_, answer):
            assert answer.startswith(f"busy {run.id}: process {owner.pid} works on this run")
    assert not ledger.find_run(run.id).alive
    assert lock_of(run).exists()
    with claim(ledger, run.id, lock_of(run)) as ownership:
        assert (ownership.fence, ownership.run_id) == (2, run.id)


def test_ownership_ends_with_kill_9(ledger: Ledger, run: Run, tmp_path: Path) -> None:
    with child("own", str(tmp_path), run.id) as (owner, _):
        owner.send_signal(signal.SIGKILL)
        owner.wait(60)
        assert not is_owned(lock_of(run))
        assert owner_process(ledger, run.id) is None
        assert not ledger.find_run(run.id).alive
        claim(ledger, run.id, lock_of(run)).release()


def test_a_program_that_outlives_its_worker_does_not_keep_the_run(
    ledger: Ledger, run: Run, tmp_path: Path
) -> None:
    with child("own_with_child", str(tmp_path), run.id) as (owner, pid):
        owner.send_signal(signal.SIGKILL)
        owner.wait(60)
        try:
            os.kill(int(pid), 0)  # it lives
            claim(ledger, run.id, lock_of(run)).release()
        finally:
            os.kill(int(pid), signal.SIGKILL)


def test_two_claims_in_one_process(ledger: Ledger, run: Run) -> None:
    with claim(ledger, run.id, lock_of(run)) as first:
        with pytest.raises(RunBusy, match=f"process {os.getpid()}"):
            claim(ledger, run.id, lock_of(run))
        assert not os.get_inheritable(first._descriptor or -1)
    first.release()
    assert not is_owned(lock_of(run))


def test_the_fence_grows_with_every_owner(ledger: Ledger, run: Run) -> None:
    fences = []
    for _ in range(3):
        with claim(ledger, run.id, lock_of(run)) as ownership:
            fences.append(ownership.fence)
    claimed = [event.data["fence"] for event in ledger.events(run.id) if event.kind == "run.claimed"]
    assert fences == claimed == [1, 2, 3]


@pytest.mark.parametrize("column", ["owner_start", "owner_boot", "owner_pid"])
def test_a_pid_that_was_given_again_is_not_the_worker(ledger: Ledger, run: Run, column: str) -> None:
    """The lock is held and the pid lives, but it is another process than the one that claimed the run."""
    with claim(ledger, run.id, lock_of(run)):
        assert owner_process(ledger, run.id) == this_process()
        other = {"owner_start": "owner_start - 1", "owner_boot": "'earlier'", "owner_pid": "1"}
        with ledger.transaction() as db:
            db.execute(f"UPDATE runs SET {column} = {other[column]}")
        assert owner_process(ledger, run.id) is None


def test_a_worker_that_lives_on_after_its_run_is_not_the_owner(ledger: Ledger, run: Run) -> None:
    assert owner_process(ledger, run.id) is None
    claim(ledger, run.id, lock_of(run)).release()
    assert owner_process(ledger, run.id) is None
    assert owner_process(ledger, "unknown") is None


def test_a_reader_who_looks_at_the_lock_keeps_nobody_out(ledger: Ledger, run: Run) -> None:
    """A look holds the lock for a moment: who claims the run then must not be turned away."""
    lock_of(run).parent.mkdir(parents=True)
    lock_of(run).touch()
    stop = Event()

    def look() -> None:
        while not stop.is_set():
            is_owned(lock_of(run))

    readers = [Thread(target=look) for _ in range(2)]
    for reader in readers:
        reader.start()
    try:
        for _ in range(30):
            claim(ledger, run.id, lock_of(run)).release()
    finally:
        stop.set()
        for reader in readers:
            reader.join()


def test_a_look_that_lasts_is_waited_for(ledger: Ledger, run: Run) -> None:
    lock_of(run).parent.mkdir(parents=True)
    with lock_of(run).open("w") as file:
        fcntl.flock(file, fcntl.LOCK_SH)
        with pytest.raises(RunBusy, match="another process works on this run"):
            claim(ledger, run.id, lock_of(run))
    claim(ledger, run.id, lock_of(run)).release()


def test_a_run_that_is_not_there_cannot_be_claimed(ledger: Ledger, tmp_path: Path) -> None:
    lock = tmp_path / "lock"
    with pytest.raises(UsageError, match="there is no run"):
        claim(ledger, "nothing", lock)
    assert not is_owned(lock)


def test_a_lock_that_cannot_be_made(ledger: Ledger, run: Run, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(LedgerError, match="cannot be opened"):
        claim(ledger, run.id, tmp_path / "file" / "lock")


def test_who_a_process_is() -> None:
    me = this_process()
    assert me.lives()
    assert not ProcessIdentity(boot=me.boot, pid=me.pid, start=me.start + 1).lives()
    assert not ProcessIdentity(boot="", pid=me.pid, start=me.start).lives()
    with subprocess.Popen(["sh", "-c", "exec sleep 600"]) as other:
        start = int(Path(f"/proc/{other.pid}/stat").read_text().rsplit(")", 1)[1].split()[19])
        identity = ProcessIdentity(boot=me.boot, pid=other.pid, start=start)
        assert identity.lives()
        other.kill()
        os.waitid(os.P_PID, other.pid, os.WEXITED | os.WNOWAIT)
        assert not identity.lives()  # dead, though its parent has not taken note yet
    assert not identity.lives()
