"""The room that is set aside beside the ledger: what a worker has to say is written on a full disk, too."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

UNSHARE = ["unshare", "-m"] if os.geteuid() == 0 else ["unshare", "-Urm"]

FULL_DISK = """
import asyncio, subprocess, sys
from pathlib import Path
from fabrik.errors import DiskFull
from fabrik.ledger.journal import Journal
from fabrik.ledger.ownership import claim
from fabrik.ledger.reserve import LEDGER_ROOM, beside, set_aside
from fabrik.ledger.store import Ledger
from fabrik.ledger.types import NewRun
from fabrik.outcome import Verdict
from fabrik.testing.full_disk import fill

home, reserve = Path(sys.argv[1]), sys.argv[2] == "reserve"
subprocess.run(["mount", "-t", "tmpfs", "-o", "size=48m", "tmpfs", home], check=True)
ledger = Ledger.open(home / "ledger.db")
ledger.create_run(NewRun(
    id="0" * 26, spec_id="s", spec_title="S", spec_path="s.md", todo_path=None, project="/p", repo_ref=None,
    base_commit="0" * 40, branch="b", agent="command", model=None, sandbox="none", unchecked=False,
    directory=str(home / "runs" / ("0" * 26)),
))
journal = Journal(ledger, claim(ledger, "0" * 26, home / "runs" / ("0" * 26) / "lock"))

async def work(context):
    return "x" * 200_000

async def main():
    if reserve:
        set_aside(beside(ledger.path), LEDGER_ROOM)
        assert beside(ledger.path).stat().st_blocks * 512 >= LEDGER_ROOM
    fill(home / "what-an-agent-left")
    try:
        for number in range(5):
            assert len(await journal.step(f"step#{number}", work, result=str)) == 200_000
        await journal.finish(Verdict.BLOCKED, "no room is left")
    except DiskFull:
        print("full")
        return
    left = beside(ledger.path).stat().st_size
    assert 0 < left < LEDGER_ROOM
    set_aside(beside(ledger.path), LEDGER_ROOM)
    assert beside(ledger.path).stat().st_size == left  # there is nothing to spare
    (home / "what-an-agent-left").unlink()
    set_aside(beside(ledger.path), LEDGER_ROOM)
    assert beside(ledger.path).stat().st_blocks * 512 >= LEDGER_ROOM
    print(ledger.find_run("last").status, len(ledger.steps("0" * 26)), ledger.check())

asyncio.run(main())
"""


def on_a_full_disk(directory: Path, how: str) -> str:
    done = subprocess.run(
        [*UNSHARE, sys.executable, "-c", FULL_DISK, directory, how],
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def test_steps_and_the_verdict_are_recorded_when_an_agent_has_filled_the_disk(tmp_path: Path) -> None:
    assert on_a_full_disk(tmp_path, "reserve") == "blocked 5 []"


def test_without_it_they_are_not(tmp_path: Path) -> None:
    assert on_a_full_disk(tmp_path, "none") == "full"
