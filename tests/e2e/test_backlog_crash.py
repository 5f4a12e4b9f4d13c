"""A backlog whose command or worker is killed: it goes on where it was, and nothing is done twice."""

from __future__ import annotations

import os
import signal
import sqlite3
import subprocess
from pathlib import Path

import pytest
from backlog_kit import IMPLEMENT, VERIFY, WORK, Backlog, forget
from harness import PROGRAM, git, rows, wait_for

from fabrik.ledger.ownership import owner_process
from fabrik.ledger.store import Ledger

# Until the test says so: the agent's program is the one file that it writes and the sandbox sees.
HOLD = 'while ! grep -q "^# go" "$0"; do sleep 0.05; done\n'


def release(agent: Path) -> None:
    with agent.open("a") as program:
        program.write("# go\n")


@pytest.fixture
def world(tmp_path: Path) -> Backlog:
    world = Backlog(tmp_path)
    world.begin()
    world.spec("0001-first.md")
    world.spec("0002-second.md", depends=("0001-first.md",))
    return world


def start(world: Backlog, agent: Path) -> subprocess.Popen[bytes]:
    """`fabrik backlog run`, under way."""
    return subprocess.Popen(
        [PROGRAM, "backlog", "run", "--dir", world.ralph, "--agent", "command", "--agent-command", agent],
        env=world.env(),
        cwd=world.directory,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )


def began(world: Backlog, step: str) -> bool:
    """Whether the last run is in this step just now."""
    if not (world.home / "ledger.db").exists():
        return False
    try:
        found = rows(world, "SELECT count(*) FROM steps WHERE key = ? AND state = 'started'", [step])
    except sqlite3.OperationalError:  # the ledger is being made
        return False
    return bool(found[0][0])


def kill_worker(world: Backlog) -> None:
    with Ledger.open(world.home / "ledger.db") as ledger:
        process = owner_process(ledger, ledger.find_run("last").id)
    assert process is not None
    os.kill(process.pid, signal.SIGKILL)


def once(world: Backlog) -> None:
    """Everything was done, and everything once."""
    subjects = git("log", "--reverse", "--format=%s", cwd=world.project).splitlines()
    assert subjects == ["base", "Do 0001", "Do 0002"]
    assert world.done("0001-first.md") and world.done("0002-second.md")
    runs = rows(world, "SELECT spec_id, status FROM runs ORDER BY seq")
    assert runs == [("0001-first", "done"), ("0002-second", "done")]
    assert len(rows(world, "SELECT 1 FROM steps WHERE key LIKE 'implement#%'")) == 2
    assert world.log().count(" done 0001-first.md") == 1


@pytest.mark.parametrize("sent", [signal.SIGKILL, signal.SIGINT])
def test_the_command_is_killed_or_interrupted(world: Backlog, sent: signal.Signals) -> None:
    agent = world.agent(HOLD + IMPLEMENT)
    command = start(world, agent)
    wait_for(lambda: began(world, "implement#1"), "the first session")
    command.send_signal(sent)
    status = command.wait(60)
    assert status == (130 if sent == signal.SIGINT else -signal.SIGKILL)
    release(agent)
    world.backlog(agent=agent)
    once(world)


@pytest.mark.parametrize("step", ["implement#1", "review#1/verifier"])
def test_the_worker_is_killed(world: Backlog, step: str) -> None:
    hold = (HOLD, "") if step.startswith("implement") else ("", HOLD)
    agent = world.agent(hold[0] + IMPLEMENT, hold[1] + VERIFY)
    command = start(world, agent)
    wait_for(lambda: began(world, step), step)
    kill_worker(world)
    assert command.wait(60) == 4
    release(agent)
    world.backlog(agent=agent)
    once(world)


@pytest.mark.parametrize("step", ["ship", "done", "claim#1"])
def test_the_worker_dies_right_after_it_did_something(world: Backlog, step: str) -> None:
    """As after a kill between an effect and its record: the step is taken out of the journal again."""
    world.backlog()
    second = world.last().id
    marker, head = world.done("0002-second.md"), world.head()
    with_step = rows(world, "SELECT count(*) FROM steps WHERE run_id = ? AND key = ?", [second, step])
    assert with_step == [(1,)]
    forget(world, second, step)
    (world.ralph / "specs" / "done" / "0002-second.md").unlink()
    world.backlog(agent=world.agent("exit 1"))
    assert world.head() == head
    assert world.done("0002-second.md") is not None and head in (marker or "")
    assert len(rows(world, "SELECT 1 FROM runs")) == 2


def test_a_branch_that_moved_meanwhile_is_left_alone(world: Backlog) -> None:
    agent = world.agent(WORK + 'say "$(git rev-parse HEAD)"', HOLD + VERIFY)
    command = start(world, agent)
    wait_for(lambda: began(world, "review#1/verifier"), "the verifier")
    (world.project / "mine.txt").write_text("mine\n")
    git("add", "-A", cwd=world.project)
    git("commit", "-q", "-m", "By Ada", cwd=world.project)
    mine = world.head()
    release(agent)
    assert command.wait(60) == 4
    assert world.head() == mine
    assert "has moved to" in (world.last().failure_reason or "")
    world.backlog(agent=agent)  # begun again from there
    subjects = git("log", "--reverse", "--format=%s", cwd=world.project).splitlines()
    assert subjects == ["base", "By Ada", "Do 0001", "Do 0002"]


def test_a_file_in_the_way_blocks_and_lands_later(world: Backlog) -> None:
    agent = world.agent(WORK + 'say "$(git rev-parse HEAD)"', HOLD + VERIFY)
    command = start(world, agent)
    wait_for(lambda: began(world, "review#1/verifier"), "the verifier")
    (world.project / "done-0001.txt").write_text("mine\n")
    release(agent)
    assert command.wait(60) == 4
    assert (world.project / "done-0001.txt").read_text() == "mine\n"
    (world.project / "done-0001.txt").unlink()
    world.backlog(agent=agent)
    once(world)
