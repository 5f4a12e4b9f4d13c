"""`fabrik judge` is ended before its model has answered."""

from __future__ import annotations

import signal
import sqlite3
import subprocess
from contextlib import closing
from pathlib import Path

from harness import PROGRAM, wait_for
from judge_kit import KEY, PASS, WARM, JudgeWorld, judge_world

from fabrik.testing.model_server import Hang, ModelServer, Script, Session


def test_ctrl_c_ends_the_run(tmp_path: Path) -> None:
    script = Script(default=Session(turns=(Hang(),)))
    with ModelServer(script, key=KEY) as server, judge_world(tmp_path) as world:
        world.connect(server)
        world.file("a.txt", "text")
        child = subprocess.Popen(
            [PROGRAM, "judge", *WARM, "a.txt"],
            env=world.env(),
            cwd=tmp_path,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )
        try:
            server.wait_for(lambda calls: len(calls) == 1)
            child.send_signal(signal.SIGINT)
            _, said = child.communicate(timeout=60)
        finally:
            child.kill()
            child.wait()
        assert child.returncode == 130
        assert b"Traceback" not in said
        (run,) = world.judges()
        assert (run.status, run.alive) == ("cancelled", False)
        (call,) = world.calls_of(run.id)
        assert call.outcome == "cut"
        assert call.usage.cost_usd is None  # unknown, not 0
        wait_for(lambda: not list(world.doors.rglob("*.m")), "the end of the sockets")


def kill_one(world: JudgeWorld, server: ModelServer) -> None:
    """Ask a judge, and kill the command while the model thinks."""
    asked = len(server.calls)
    child = subprocess.Popen([PROGRAM, "judge", *WARM, "a.txt"], env=world.env(), cwd=world.directory)
    try:
        server.wait_for(lambda calls: len(calls) > asked)
    finally:
        child.kill()
        child.wait()


def test_what_a_killed_judge_left_is_ended(tmp_path: Path) -> None:
    script = Script(default=Session(turns=lambda _: PASS), failures=(Hang(times=2),))
    with ModelServer(script, key=KEY) as server, judge_world(tmp_path) as world:
        world.connect(server)
        world.file("a.txt", "text")
        kill_one(world, server)
        assert "ask the judge again" in world.fabrik("why", "last").stdout
        world.fabrik("run", "cancel", "last", status=0)
        assert [(run.status, run.failure_reason) for run in world.judges()] == [("cancelled", "cancelled")]
        kill_one(world, server)
        with closing(sqlite3.connect(world.home / "ledger.db")) as db, db:
            db.execute("UPDATE runs SET started_at = started_at - 3600")  # it was an hour ago
        world.fabrik("judge", *WARM, "a.txt", status=0)
        assert [run.status for run in world.judges()] == ["cancelled", "cancelled", "done"]
        assert world.judges()[1].failure_reason == "its process was killed"
        assert list(world.doors.rglob("*.m")) == []
