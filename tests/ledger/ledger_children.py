"""Other processes for the tests of the ledger: `python ledger_children.py NAME ARGUMENT…`.

Each prints one line when it has reached its point and then waits for its stdin to close, or ends.
"""

from __future__ import annotations

import asyncio
import os
import resource
import subprocess
import sys
from pathlib import Path
from typing import NoReturn

from ledger_support import lock_of, new_run, open_ledger

from fabrik.errors import DiskFull, FabrikError, RunBusy
from fabrik.ledger.journal import Journal, StepContext
from fabrik.ledger.ownership import claim
from fabrik.ledger.store import Ledger


def tell(*words: object) -> None:
    sys.stdout.write(" ".join(map(str, words)) + "\n")
    sys.stdout.flush()


def reached(line: str) -> None:
    """Tell the test, and wait for it."""
    tell(line)
    sys.stdin.read()


def own(home: str, run_id: str) -> None:
    """Own a run until told to end."""
    with open_ledger(Path(home)) as ledger:
        run = ledger.find_run(run_id)
        try:
            with claim(ledger, run_id, lock_of(run)) as ownership:
                reached(f"owned {ownership.fence}")
        except RunBusy as busy:
            tell("busy", str(busy).replace("\n", " "))


def own_with_child(home: str, run_id: str) -> None:
    """Own a run while a program that this worker has started lives on after it."""
    with open_ledger(Path(home)) as ledger:
        run = ledger.find_run(run_id)
        with claim(ledger, run_id, lock_of(run)):
            child = subprocess.Popen(["sleep", "600"], close_fds=False, stdout=subprocess.DEVNULL)
            reached(str(child.pid))


def make_at_once(root: str) -> None:
    """Let six processes make the same ledger in the same moment, again and again, with new ledgers."""
    for number in range(60):
        home = Path(root, str(number))
        reader, writer = os.pipe()
        children = [os.fork() or made_by_one(home, reader, writer) for _ in range(6)]
        os.close(reader)
        os.close(writer)  # all of them start
        for child in children:
            os.waitpid(child, 0)
        with open_ledger(home) as ledger:
            tell("made with", len(ledger.list_runs()), "runs")


def made_by_one(home: Path, reader: int, writer: int) -> NoReturn:
    os.close(writer)
    os.read(reader, 1)
    try:
        with open_ledger(home) as ledger:
            ledger.create_run(new_run(home))
    except FabrikError as error:
        tell(error)
    os._exit(0)


def without_rights(home: str) -> None:
    """Use a ledger as a user who may not write it."""
    if os.getuid() == 0:
        os.setgid(65534)
        os.setuid(65534)
    ledger = Ledger.open(Path(home, "ledger.db"))
    tell(len(ledger.list_runs()))
    try:
        ledger.create_run(new_run(Path(home)))
    except FabrikError as error:
        tell(type(error).__name__, error)


def disk_full(home: str) -> None:
    """Fill a disk of two MiB, fail on it, make room, and go on. Needs a mount namespace of its own."""
    place = Path(home)
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=2m", "tmpfs", home], check=True)
    ballast = place / "ballast"
    with open_ledger(place) as ledger:
        run = ledger.create_run(new_run(place))
        with claim(ledger, run.id, lock_of(run)) as ownership:
            journal = Journal(ledger, ownership)
            asyncio.run(journal.step("before", one, result=str))
            fill(ballast)
            tell("failed", fails(ledger, journal, run.id))
            tell("opening", opening_fails(place))
            ballast.unlink()
            tell("after", asyncio.run(journal.step("big", big, result=str))[:3])
            tell("check", ledger.check(), len(ledger.steps(run.id)))


def file_limit(home: str) -> None:
    """The same with a limit on the size of files, as a quota behaves."""
    place = Path(home)
    with open_ledger(place) as ledger:
        run = ledger.create_run(new_run(place))
        with claim(ledger, run.id, lock_of(run)) as ownership:
            journal = Journal(ledger, ownership)
            asyncio.run(journal.step("before", one, result=str))
            _, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
            resource.setrlimit(resource.RLIMIT_FSIZE, (1 << 20, hard))
            tell("failed", fails(ledger, journal, run.id))
            resource.setrlimit(resource.RLIMIT_FSIZE, (hard, hard))
            tell("after", asyncio.run(journal.step("big", big, result=str))[:3])
            tell("check", ledger.check(), len(ledger.steps(run.id)))


async def one(context: StepContext) -> str:
    return "one"


async def big(context: StepContext) -> str:
    return "big" + os.urandom(600_000).hex()


def fill(ballast: Path) -> None:
    with ballast.open("wb", buffering=0) as file:
        try:
            while True:
                file.write(b"x" * 4096)
        except OSError:
            return


def fails(ledger: Ledger, journal: Journal, run_id: str) -> str:
    """Write until there is no room; what was recorded before must be there, and nothing by halves."""
    before = ledger.steps(run_id)[0]
    try:
        for number in range(8):
            asyncio.run(journal.step(f"big-{number}" if number else "big", big, result=str))
    except DiskFull as error:
        assert ledger.steps(run_id)[0] == before
        assert all(step.result is None for step in ledger.steps(run_id) if step.state != "finished")
        return str(error).replace("\n", " ")
    return "did not fail"


def opening_fails(place: Path) -> str:
    try:
        Ledger.open(place / "new" / "ledger.db").close()
    except FabrikError as error:
        return type(error).__name__
    return "did not fail"


if __name__ == "__main__":
    globals()[sys.argv[1]](*sys.argv[2:])
