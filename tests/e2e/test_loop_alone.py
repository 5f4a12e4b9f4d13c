"""One loop at a time on a branch, however closely two of them begin."""

from __future__ import annotations

import os
import signal
import subprocess
from pathlib import Path

from harness import PROGRAM, wait_for
from loop_kit import HONEST, dispatched, ended, loop, playbook, subjects

from fabrik.ledger.ownership import owner_process
from fabrik.ledger.store import Ledger

FOREVER = "#!/bin/sh\nsleep 600\n"


def test_of_two_loops_that_begin_at_once_one_is_refused(tmp_path: Path) -> None:
    world = playbook(tmp_path)
    agent = world.make_agent(FOREVER)
    command = [
        *(str(PROGRAM), "loop", "build", "--detach", "--project", str(world.project)),
        *("--agent", "command", "--agent-command", str(agent)),
    ]
    both = [
        subprocess.Popen(command, env=world.env(), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        for _ in range(2)
    ]
    said = [one.communicate(timeout=120) for one in both]
    assert sorted(one.returncode for one in both) == [0, 2], said
    run = world.last().id
    refused = said[[one.returncode for one in both].index(2)][1]
    assert f"{run}: a loop is at work on main already" in refused
    with Ledger.open(world.home / "ledger.db") as ledger:
        assert [one.id for one in ledger.list_runs(limit=None)] == [run]
    world.fabrik("run", "cancel", "last")
    ended(world, "cancelled")


def test_an_old_loop_is_not_taken_up_beside_another_one(tmp_path: Path) -> None:
    world = playbook(tmp_path)
    old = dispatched(world, most=1)
    loop(world, "build", "--detach", agent=FOREVER)
    new = world.last().id
    refused = world.fabrik("run", "resume", old, status=2).stderr
    assert f"{new}: a loop is at work on main already" in refused
    with Ledger.open(world.home / "ledger.db") as ledger:
        worker = owner_process(ledger, new)
        assert worker is not None
        os.kill(worker.pid, signal.SIGKILL)  # the branch is free again
        wait_for(lambda: owner_process(ledger, new) is None, "the worker is gone")
    world.make_agent(HONEST)
    world.fabrik("run", "resume", old)
    assert subjects(world) == ["Do the first thing"]
    world.fabrik("run", "cancel", new)
