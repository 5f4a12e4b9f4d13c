"""Processes die, are told to end, or share a number: the run stays resumable, and is worked on by one."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from harness import HONEST, World, git, rows, wait_for
from trouble_kit import (
    Gatekeeper,
    clear,
    finish,
    given,
    is_gone,
    kill,
    nothing_left,
    refused,
    shipped_well,
    start,
    waiting_run,
    worker_of,
    world_at,
)


@pytest.fixture
def world(tmp_path: Path) -> World:
    return world_at(tmp_path)


def attempts(world: World, run: str) -> dict[str, int]:
    """How often each step was started."""
    return dict(rows(world, "SELECT key, attempt FROM steps WHERE run_id = ?", [run]))


def test_worker_is_killed_while_followed(world: World) -> None:
    keeper, run = waiting_run(world)
    follower = start(world, "run", "attach", run.id)
    kill(worker_of(world, run.id))
    followed = finish(follower)
    assert followed.returncode == 1
    assert "lost its worker" in followed.stdout
    assert "Nothing is lost" in followed.stdout
    assert f"fabrik run resume {run.id[-8:]}" in followed.stdout
    assert not followed.stderr
    wait_for(lambda: not agents(world), "the end of the agent")
    assert "interrupted" in world.fabrik("runs", "list").stdout
    [listed] = json.loads(world.fabrik("runs", "list", "--json").stdout)
    assert (listed["status"], listed["state"], listed["alive"]) == ("running", "interrupted", False)
    keeper.let_go()
    world.fabrik("run", "resume", run.id)
    shipped_well(world, run.id)
    assert attempts(world, run.id)["task/1/implement#1"] == 1
    assert attempts(world, run.id)["task/2/implement#1"] == 2


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP])
def test_worker_is_told_to_end(world: World, number: signal.Signals) -> None:
    """As by a machine that goes down: the session is ended, the run is not."""
    keeper, run = waiting_run(world)
    follower = start(world, "run", "attach", run.id, "--json")
    kill(worker_of(world, run.id), number)
    followed = finish(follower)
    assert followed.returncode == 1
    last = json.loads(followed.stdout.splitlines()[-1])["run"]
    assert (last["status"], last["state"]) == ("running", "interrupted")
    nothing_left(world)
    assert "told to end by a signal" in world.fabrik("run", "attach", run.id, status=1).stdout
    assert "Traceback" not in world.worker_logs()
    keeper.let_go()
    world.fabrik("run", "resume", run.id)
    shipped_well(world, run.id)


def test_agent_is_killed(world: World) -> None:
    """The agent alone, by somebody outside: the session is tried again, and the task has one commit."""
    _, run = waiting_run(world)
    [agent] = agents(world)
    kill(agent)
    world.fabrik("run", "attach", run.id)
    shipped_well(world, run.id)
    keys = attempts(world, run.id)
    assert keys["task/2/implement#1"] == 1
    assert keys["task/2/implement#1/retry#1"] == 1


def agents(world: World) -> list[int]:
    """The processes that run the world's agent program, seen from the host."""
    program = os.fsencode(str(world.directory / "agent"))
    found = []
    for process in Path("/proc").iterdir():
        try:
            words = (process / "cmdline").read_bytes().split(b"\0") if process.name.isdigit() else []
        except OSError:
            continue
        if words[:1] == [b"/bin/sh"] and program in words:
            found.append(int(process.name))
    return found


def test_all_at_once_are_killed(world: World) -> None:
    keeper, run = waiting_run(world)
    worker = worker_of(world, run.id)
    for process in [*agents(world), worker]:
        os.kill(process, signal.SIGKILL)
    wait_for(lambda: is_gone(worker), "the end of the worker")
    keeper.let_go()
    world.fabrik("run", "resume", run.id)
    shipped_well(world, run.id)


@pytest.mark.parametrize("whole", [False, True], ids=["pid", "identity"])
def test_a_process_number_that_was_given_again(world: World, whole: bool) -> None:
    """The ledger names a living process that is not the worker: it is not signalled, and not waited for.

    whole: even its start time and boot are the stranger's; but it does not hold the run's lock.
    """
    keeper, run = waiting_run(world)
    kill(worker_of(world, run.id))
    with subprocess.Popen(["sleep", "1000"]) as stranger:
        try:
            begun = int(Path(f"/proc/{stranger.pid}/stat").read_text().rpartition(")")[2].split()[19])
            change = "UPDATE runs SET owner_pid = ?" + (", owner_start = ?" if whole else "")
            write(world, change, [stranger.pid, begun] if whole else [stranger.pid])
            assert "interrupted" in world.fabrik("runs", "list").stdout
            keeper.let_go()
            world.fabrik("run", "resume", run.id)
            shipped_well(world, run.id)
            second = world.dispatch(
                spec=world.make_spec(name="second"),
                project=world.project,
                agent="command",
                agent_command=world.make_agent(),
            )
            write(world, change, [stranger.pid, begun] if whole else [stranger.pid])
            world.fabrik("run", "cancel", second)
            assert stranger.poll() is None
        finally:
            stranger.kill()


def write(world: World, statement: str, parameters: list[int]) -> None:
    import sqlite3
    from contextlib import closing

    with closing(sqlite3.connect(world.home / "ledger.db")) as db, db:
        db.execute(statement, parameters)


def test_two_resumes_at_once(world: World) -> None:
    """One of them gets the run, the other says who has it; there is one worker."""
    keeper, run = waiting_run(world)
    kill(worker_of(world, run.id))
    both = [start(world, "run", "resume", run.id, "--detach") for _ in range(2)]
    ended = [finish(process) for process in both]
    assert sorted(done.returncode for done in ended) == [0, 2]
    said = clear(next(done for done in ended if done.returncode == 2))
    assert "work" in said
    assert "fabrik run attach" in said
    assert len(world.events("run.claimed")) == 2  # at dispatch, and one for both
    assert "is already being worked on" in refused(world, "run", "resume", run.id)
    keeper.let_go()
    world.fabrik("run", "attach", run.id)
    shipped_well(world, run.id)


def test_many_resumes_at_once_of_a_short_run(world: World) -> None:
    """Whoever does not get the run is told so, also when it has ended by then; it is worked on once."""
    run = world.dispatch(
        spec=world.make_spec(),
        project=world.project,
        agent="command",
        agent_command=world.make_agent(),
        auto_approve=True,
    )
    ended = [finish(one) for one in [start(world, "run", "resume", run) for _ in range(5)]]
    assert sorted(done.returncode for done in ended) == [0, 2, 2, 2, 2]
    assert all("Traceback" not in done.stderr + done.stdout for done in ended)
    shipped_well(world, run)
    assert len(world.events("run.verdict")) == 1
    assert "Traceback" not in world.worker_logs()


def test_cancel_and_resume_at_once(world: World) -> None:
    """Whichever comes last counts; nothing hangs, nothing is left over, and the run can be gone on with."""
    keeper, run = waiting_run(world)
    kill(worker_of(world, run.id))
    resuming = start(world, "run", "resume", run.id)
    cancelled = world.fabrik("run", "cancel", run.id)
    assert "cancelled" in cancelled.stdout
    keeper.let_go()
    resumed = finish(resuming)
    assert resumed.returncode in (0, 2, 130)  # it came later, never got the run, or had it taken away
    assert "Traceback" not in resumed.stdout + resumed.stderr + world.worker_logs()
    if resumed.returncode != 0:
        assert world.last().status == "cancelled"
        nothing_left(world)
        world.fabrik("run", "resume", run.id)
    shipped_well(world, run.id)


def test_cancel_comes_too_late(world: World) -> None:
    """The branch is there when the worker is told to end: the run is shipped, whoever takes it up next."""
    run = world.dispatch(
        spec=world.make_spec(),
        project=world.project,
        agent="command",
        agent_command=world.make_agent(),
        auto_approve=True,
    )
    late = (
        "import asyncio, os, signal, sys\n"
        "from fabrik.workflows import worker\n"
        "async def cancelled(work):\n"
        "    work.ledger.request_cancel(work.run, 'ada')\n"
        "    os.kill(os.getpid(), signal.SIGTERM)\n"
        "    await asyncio.Event().wait()\n"
        "worker.remove_all = cancelled\n"  # the first thing after the last step
        "sys.exit(worker.main([sys.argv[1]]))\n"
    )
    done = subprocess.run([sys.executable, "-c", late, run], env=world.env(), timeout=120)
    assert done.returncode == 130
    assert world.commits() == ["Do task 1", "Do task 2"]
    assert (world.last().status, world.last().alive) == ("running", False)
    assert "shipped" in world.fabrik("run", "cancel", run).stdout
    shipped_well(world, run)


def test_worker_that_cannot_start(world: World) -> None:
    """Python itself fails in the new process: its log is named, and the run is there to be resumed."""
    spoiled = world.directory / "spoiled"
    spoiled.mkdir()
    (spoiled / "sqlite3.py").write_text(
        "import os\nif 'fabrik.workflows.worker' in __import__('sys').orig_argv:\n"
        "    raise RuntimeError('no sqlite here')\n"
        "import sys; sys.path.remove(os.path.dirname(__file__))\n"
        "del sys.modules['sqlite3']; import sqlite3\n"
    )
    said = refused(world, "run", *given(world), "--auto-approve", status=1, PYTHONPATH=str(spoiled))
    assert "the worker did not start" in said
    assert "worker.log" in said
    assert "no sqlite here" in world.worker_logs()
    world.fabrik("run", "resume", "last")
    shipped_well(world, "last")


def test_lock_files_of_a_killed_git(world: World) -> None:
    """A git of the run that was killed with it left locks: they stop nobody for long."""
    keeper, run = waiting_run(world)
    kill(worker_of(world, run.id))
    repository = world.home / "runs" / run.id / "repo.git"
    for lock in ("refs/fabrik/candidate.lock", "packed-refs.lock"):
        (repository / lock).parent.mkdir(parents=True, exist_ok=True)
        (repository / lock).touch()
    keeper.let_go()
    world.fabrik("run", "resume", run.id)
    shipped_well(world, run.id)


def test_a_session_that_leaves_with_the_follower(world: World) -> None:
    """A terminal that is closed hangs up on the follower and all of its group; the run goes on."""
    keeper = Gatekeeper(world)
    agent = keeper.agent(body=HONEST)
    follower = start(world, "run", *given(world, agent=agent), "--auto-approve")
    keeper.wait()
    os.killpg(follower.pid, signal.SIGHUP)
    follower.communicate(timeout=60)
    keeper.let_go()
    world.fabrik("run", "attach", "last")
    shipped_well(world, "last")
    assert git("rev-parse", "spec-feature", cwd=world.project) == world.last().candidate
