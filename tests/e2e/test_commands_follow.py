"""Following a run, leaving it, coming back to it, stopping it and taking it up again."""

from __future__ import annotations

import json
import os
import signal
import subprocess
from pathlib import Path

import pytest
from harness import HONEST, PROGRAM, World, git, rows, wait_for
from trouble_kit import (
    Gatekeeper,
    finish,
    given,
    has_ledger_open,
    kill,
    lines,
    nothing_left,
    refused,
    shipped_well,
    start,
    waiting_run,
    worker_of,
    world_at,
)

LIAR = "#!/bin/sh\necho all done\n"


@pytest.fixture
def world(tmp_path: Path) -> World:
    return world_at(tmp_path)


def test_detach_attach_and_attach_after_the_end(world: World) -> None:
    keeper = Gatekeeper(world)
    started = world.fabrik("run", *given(world, agent=keeper.agent()), "--auto-approve", "--detach")
    run = world.last()
    assert f"fabrik run attach {run.id[-8:]}" in started.stdout
    assert run.status == "running"
    keeper.wait(run.id)
    follower = start(world, "run", "attach", run.id)
    keeper.let_go()
    followed = finish(follower)
    assert followed.returncode == 0
    assert "task 1 accepted" in followed.stdout  # also what was before
    assert "task 2 accepted" in followed.stdout
    assert "evidence" in followed.stdout
    assert f"git -C {world.project} log" in followed.stdout
    again = world.fabrik("run", "attach", "last")
    assert "shipped" in again.stdout
    shipped_well(world, run.id)


def test_json_of_a_run_from_its_start_to_its_end(world: World) -> None:
    done = world.fabrik("run", *given(world), "--auto-approve", "--json")
    first, *events, last = lines(done.stdout)
    run = world.last()
    assert first == {"dispatched": run.id}
    assert all(set(event) == {"seq", "run", "at", "kind", "step", "data"} for event in events)
    assert [event["seq"] for event in events] == sorted(event["seq"] for event in events)
    assert last["run"]["status"] == "shipped"
    assert Path(last["run"]["evidence"]).is_file()
    recorded = [event.seq for event in world.events()]
    assert [event["seq"] for event in events] == recorded  # all of them, once
    started = world.fabrik(
        "run", *given(world, spec=world.make_spec(name="second")), "--auto-approve", "--json", "--detach"
    )
    assert lines(started.stdout) == [{"dispatched": world.last().id}]
    world.fabrik("run", "attach", "last")


def test_interrupt_while_following(world: World) -> None:
    keeper = Gatekeeper(world)
    follower = start(world, "run", *given(world, agent=keeper.agent()), "--auto-approve")
    keeper.wait()
    os.killpg(follower.pid, signal.SIGINT)  # as a terminal does it: to the whole group
    left = finish(follower)
    run = world.last()
    assert left.returncode == 130
    assert "goes on without you" in left.stdout
    for command in ("run attach", "runs show", "run cancel"):
        assert f"fabrik {command} {run.id[-8:]}" in left.stdout
    assert not left.stderr
    assert run.alive
    keeper.let_go()
    world.fabrik("run", "attach", run.id)
    shipped_well(world, run.id)


@pytest.mark.parametrize("command", [["run", "attach"], ["runs", "watch"]])
def test_interrupt_while_attached(world: World, command: list[str]) -> None:
    keeper, run = waiting_run(world)
    follower = start(world, *command, run.id, "--json")
    assert follower.stdout is not None
    if command == ["run", "attach"]:
        assert json.loads(follower.stdout.readline())["run"] == run.id
    else:
        wait_for(lambda: has_ledger_open(follower.pid, world), "a watcher that watches")
    os.kill(follower.pid, signal.SIGINT)
    assert finish(follower).returncode == 130
    keeper.let_go()
    world.fabrik("run", "attach", run.id)
    shipped_well(world, run.id)


def test_cancel_a_living_run(world: World) -> None:
    keeper, run = waiting_run(world)
    follower = start(world, "run", "attach", run.id)
    done = world.fabrik("run", "cancel", run.id)
    assert "cancelled" in done.stdout
    assert finish(follower).returncode == 130
    nothing_left(world)
    found = world.last()
    assert (found.status, found.alive) == ("cancelled", False)
    assert git("branch", "--list", "spec-feature", cwd=world.project) == ""
    assert (world.home / "runs" / run.id / "reports" / "evidence.md").exists()
    # What was done is kept, and the run can be taken up again.
    repository = world.home / "runs" / run.id / "repo.git"
    assert "Do task 1" in git("log", "--all", "--format=%s", cwd=repository)
    said = refused(world, "run", "cancel", run.id)
    assert "there is nothing to cancel" in said
    keeper.let_go()
    world.fabrik("run", "resume", run.id)
    shipped_well(world, run.id)


def test_cancel_a_run_that_lost_its_worker(world: World) -> None:
    _, run = waiting_run(world)
    kill(worker_of(world, run.id))
    done = world.fabrik("run", "cancel", run.id)
    assert "cancelled" in done.stdout
    assert "waits" not in done.stdout
    assert world.last().status == "cancelled"
    nothing_left(world)


def test_cancel_a_run_that_never_had_a_worker(world: World) -> None:
    run = world.dispatch(
        spec=world.make_spec(), project=world.project, agent="command", agent_command=world.make_agent()
    )
    world.fabrik("run", "cancel", run)
    assert world.last().status == "cancelled"
    assert not world.events("session.started")


def test_cancel_a_waiting_run(world: World) -> None:
    run = world.run(status=3)
    done = world.fabrik("run", "cancel", run.id)
    assert "cancelled" in done.stdout
    assert "fabrik approve" not in done.stdout
    assert world.last().status == "cancelled"
    assert "cancelled" in refused(world, "approve", run.id)
    # Resumed, it waits again, at the same gate; nothing is done twice.
    world.fabrik("run", "resume", run.id, status=3)
    world.fabrik("approve", run.id)
    shipped_well(world, run.id)
    assert len(world.events("session.started")) == 2


def test_cancel_twice_at_once(world: World) -> None:
    _, run = waiting_run(world)
    both = [finish(one) for one in [start(world, "run", "cancel", run.id) for _ in range(2)]]
    assert {done.returncode for done in both} <= {0, 2}
    assert any(done.returncode == 0 for done in both)
    assert world.last().status == "cancelled"
    nothing_left(world)
    assert len(world.events("run.verdict")) == 1


def test_cancel_as_json(world: World) -> None:
    _, run = waiting_run(world)
    *events, last = lines(world.fabrik("run", "cancel", run.id, "--json").stdout)
    assert last["run"]["status"] == "cancelled"
    assert "run.cancel_requested" in [event["kind"] for event in events]


def test_resume_a_blocked_run_with_a_better_agent(world: World) -> None:
    """The agent is outside of what is sealed: it can be mended in between."""
    liar = world.make_agent(LIAR)
    run = world.run("--auto-approve", agent=liar, status=4)
    assert run.status == "blocked"
    assert len(world.events("session.started")) == 2
    assert f"fabrik run resume {run.id[-8:]}" in world.fabrik("runs", "show", run.id).stdout
    world.make_agent(HONEST)
    world.fabrik("run", "resume", run.id)
    shipped_well(world, run.id)


def test_resume_a_blocked_run_again_and_again(world: World) -> None:
    """Each resume gives a fresh allowance, and each bound is met again."""
    liar = world.make_agent(LIAR)
    run = world.run("--auto-approve", agent=liar, status=4)
    sessions = [len(world.events("session.started"))]
    for _ in range(3):
        world.fabrik("run", "resume", run.id, status=4)
        assert world.last().status == "blocked"
        sessions.append(len(world.events("session.started")))
    assert sessions == [2, 4, 6, 8]
    world.make_agent(HONEST)
    world.fabrik("run", "resume", run.id)
    shipped_well(world, run.id)


def test_resume_an_exhausted_run(world: World) -> None:
    run = world.run("--auto-approve", "--iterations", "1", status=4)
    assert run.status == "exhausted"
    assert "resume grants as many again" in str(run.failure_reason)
    assert len(world.events("session.started")) == 1
    world.fabrik("run", "resume", run.id)
    shipped_well(world, run.id)
    assert len(world.events("session.started")) == 2


def test_attempts_bound_a_task(world: World) -> None:
    busy = '#!/bin/sh\ndate +%s%N >> notes.txt; git add -A; git commit -qm "Try"\n'
    spec, agent = world.make_spec(tasks=1), world.make_agent(busy)
    run = world.run("--auto-approve", "--attempts", "3", spec=spec, agent=agent, status=4)
    assert run.status == "exhausted"
    assert "3 sessions" in str(run.failure_reason)
    assert len(world.events("session.started")) == 3
    world.fabrik("run", "resume", run.id, status=4)
    assert len(world.events("session.started")) == 6


def test_resume_what_has_shipped_or_works(world: World) -> None:
    run = world.run("--auto-approve")
    said = refused(world, "run", "resume", run.id)
    assert "has ended (shipped)" in said
    assert world.commits() == ["Do task 1", "Do task 2"]
    assert [row[0] for row in rows(world, "SELECT kind FROM events")].count("run.claimed") == 1


def test_resume_as_json_and_detached(world: World) -> None:
    keeper, run = waiting_run(world)
    kill(worker_of(world, run.id))
    keeper.let_go()
    done = world.fabrik("run", "resume", run.id, "--detach")
    assert f"fabrik run attach {run.id[-8:]}" in done.stdout
    *events, last = lines(world.fabrik("run", "attach", run.id, "--json").stdout)
    assert events
    assert last["run"]["status"] == "shipped"


def test_a_follower_sees_the_gate_and_goes(world: World) -> None:
    keeper, run = waiting_run(world, "--prompt", prompt(world))
    follower = start(world, "run", "attach", run.id)
    keeper.let_go()
    done = finish(follower)
    assert done.returncode == 3
    assert f"fabrik approve {run.id[-8:]}" in done.stdout
    assert f"fabrik reject {run.id[-8:]}" in done.stdout
    assert world.fabrik("run", "attach", run.id, status=3).stdout
    assert world.fabrik("runs", "watch", run.id, status=3).stdout
    assert world.fabrik("run", "resume", run.id, status=3).stdout
    assert len(world.events("session.started")) == 2


def prompt(world: World) -> Path:
    path = world.directory / "prompt.md"
    path.write_text("Be kind.\n")
    return path


def test_options_of_run_before_a_subcommand(world: World) -> None:
    said = refused(world, "run", "--auto-approve", "resume", "last")
    assert "--auto-approve belongs to `fabrik run`" in said


def test_output_that_nobody_reads(world: World) -> None:
    """`fabrik runs list | head -1`: no message, no traceback."""
    world.run("--auto-approve")
    reading, writing = os.pipe()
    os.close(reading)
    with os.fdopen(writing, "wb") as pipe:
        done = subprocess.run(
            [PROGRAM, "runs", "show", "last"], env=world.env(), stdout=pipe, stderr=subprocess.PIPE, text=True
        )
    assert done.stderr == ""
