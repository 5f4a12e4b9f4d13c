"""A round of eight reviewers and a verifier that is cut off while some have answered and some have not."""

from __future__ import annotations

import json
import os
import signal
from dataclasses import dataclass
from pathlib import Path

import pytest
from harness import World, rows, wait_for
from review_kit import PROGRAM, configure, plan
from test_reviews import FULL
from trouble_kit import is_gone, worker_of

from fabrik.ledger.types import Run
from fabrik.paths import doors_directory
from fabrik.testing.crash_worker import kill_descendants

EVERYBODY = (*FULL, "verifier")
QUICK = frozenset({"code-quality", "security", "simplicity", "verifier"})  # they answer; the others wait
WAIT = r"""
if role in ("review", "verify") and env["FABRIK_REVIEWER"] not in QUICK:
    print("waiting", flush=True)
    while not os.path.exists(GO):
        time.sleep(0.05)
"""
MARK = 'if role in ("review", "verify"):'


@dataclass(frozen=True, kw_only=True)
class Round:
    """A run in the middle of its full review."""

    world: World
    run: Run
    worker: int

    def let_go(self) -> None:
        (self.world.directory / "signals" / "go").touch()

    def attempts(self) -> dict[str, int]:
        """How often each reviewer was asked."""
        found = rows(self.world, "SELECT key, attempt FROM steps WHERE key LIKE 'review#1/%'")
        started = {key.partition("/")[2]: attempt for key, attempt in found}
        logs = self.world.home / "runs" / self.run.id / "logs"
        for key, attempt in found:  # each start has its own directory of logs
            [place] = [path for path in logs.iterdir() if path.name.endswith(key.partition("/")[2])]
            assert len(list(place.iterdir())) == attempt
        return started

    def check_ended_well(self) -> None:
        """Shipped; who had answered was asked once, the others again, and everybody counts once."""
        assert self.world.last().status == "shipped"
        assert self.attempts() == {who: 1 if who in QUICK else 2 for who in EVERYBODY}
        said = rows(
            self.world, "SELECT reviewer, status FROM review_report WHERE round = 1 ORDER BY reviewer"
        )
        assert said == [(who, "approved") for who in sorted((*EVERYBODY, "tampering"))]
        assert rows(self.world, "SELECT step, status FROM review_summary") == [("review#1", "approved")]
        self.check_nothing_left()
        sandboxes = self.world.home / "runs" / self.run.id / "sandboxes"
        assert [path.name for path in sandboxes.iterdir() if path.is_dir()] == []

    def check_nothing_left(self) -> None:
        wait_for(lambda: not self.world.leftovers(), "the end of every process")
        assert not doors_directory(self.run.id).exists()


@pytest.fixture
def cut(tmp_path: Path) -> Round:
    """A round in which four have answered, and five are at it."""
    world = World(tmp_path)
    world.make_project()
    signals = tmp_path / "signals"
    signals.mkdir()
    configure(world, f"read_only = [{json.dumps(str(signals))}]\n[review]\nlight = []\n")
    wait = WAIT.replace("QUICK", repr(sorted(QUICK))).replace("GO", repr(str(signals / "go")))
    agent = plan(world, text=PROGRAM.replace(MARK, wait + MARK, 1))
    given = ("--spec", world.make_spec(tasks=1), "--project", world.project, "--auto-approve", "--detach")
    world.fabrik("run", *given, "--agent", "command", "--agent-command", agent)
    run = world.last()
    logs = f"runs/{run.id}/logs/*/*/stdout.log"
    wait_for(
        lambda: sum(b"waiting" in log.read_bytes() for log in world.home.glob(logs)) == 9 - len(QUICK),
        "five reviewers that wait",
    )
    answered = "SELECT count(*) FROM steps WHERE key LIKE 'review#1/%' AND state = 'finished'"
    wait_for(lambda: rows(world, answered) == [(len(QUICK),)], "four reviewers that have answered")
    return Round(world=world, run=run, worker=worker_of(world, run.id))


@pytest.mark.parametrize("everything", [False, True], ids=["worker", "everything"])
def test_killed_while_reviewers_are_at_it(cut: Round, everything: bool) -> None:
    os.kill(cut.worker, signal.SIGSTOP)  # it must not see what dies
    if everything:
        kill_descendants(cut.worker)
    os.kill(cut.worker, signal.SIGKILL)
    wait_for(lambda: is_gone(cut.worker), "the end of the worker")
    cut.let_go()
    cut.world.fabrik("run", "resume", cut.run.id)
    cut.check_ended_well()


def test_cancelled_while_reviewers_are_at_it(cut: Round) -> None:
    cut.world.fabrik("run", "cancel", cut.run.id)
    run = cut.world.last()
    assert (run.status, run.failure_reason) == ("cancelled", "cancelled")
    wait_for(lambda: is_gone(cut.worker), "the end of the worker")
    cut.check_nothing_left()
    assert rows(cut.world, "SELECT count(*) FROM review_report") == [(len(QUICK),)]
    assert rows(cut.world, "SELECT count(*) FROM review_summary") == [(0,)]
    cut.let_go()
    cut.world.fabrik("run", "resume", cut.run.id)
    cut.check_ended_well()
