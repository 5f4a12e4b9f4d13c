"""Runs on a disk that gets full. Each scenario is a process in a mount namespace of its own.

Started as `unshare -m python small_disk.py SCENARIO DIRECTORY SIZE`.
"""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from pathlib import Path

from harness import HONEST, World, git
from trouble_kit import Gatekeeper, clear, given, no_runs, shipped_well, world_at

from fabrik.testing.full_disk import fill


def dispatch(world: World) -> None:
    """There is too little room to begin with."""
    said = clear(world.fabrik("run", *given(world), status=1))
    assert "MiB are free" in said
    assert "FABRIK_HOME" in said
    assert no_runs(world)


def project(world: World) -> None:
    """The project's history does not fit; after room was made, it does."""
    git("config", "core.compression", "0", cwd=world.project)
    (world.project / "big").write_bytes(os.urandom(70 << 20))
    git("add", "-A", cwd=world.project)
    git("commit", "-q", "-m", "big", cwd=world.project)
    said = clear(world.fabrik("run", *given(world), status=1))
    assert "no space is left" in said
    assert no_runs(world)
    subprocess.run(["mount", "-o", "remount,size=1g", str(world.home)], check=True)
    world.fabrik("run", *given(world), "--auto-approve")
    shipped_well(world, "last")


def agent(world: World) -> None:
    """The agent fills the disk with what it writes, once."""
    filling = HONEST.replace(
        "set -eu\n", 'set -eu\nif [ "$FABRIK_STEP" = task/2/implement#1 ]; then yes > filler || true; fi\n'
    )
    world.fabrik("run", *given(world, agent=world.make_agent(filling)), "--auto-approve", status=4)
    assert world.last().status == "blocked"
    shown = world.fabrik("runs", "show", "last").stdout
    assert "no room is left" in shown or "MiB are free" in shown, shown
    assert "run resume" in shown
    world.make_agent()  # it behaves from now on, and there is room for what it left
    subprocess.run(["mount", "-o", "remount,size=1g", str(world.home)], check=True)
    world.fabrik("run", "resume", "last")
    shipped_well(world, "last")


def others(world: World) -> None:
    """Another program fills the disk while a session works."""
    keeper = Gatekeeper(world)
    world.fabrik("run", *given(world, agent=keeper.agent()), "--auto-approve", "--detach")
    keeper.wait()
    ballast = world.home / "ballast"
    fill(ballast)
    keeper.let_go()
    said = world.fabrik("run", "attach", "last", status=4).stdout
    assert "no room is left" in said or "MiB are free" in said, said
    assert (world.home / "runs" / world.last().id / "reports" / "evidence.md").stat().st_size
    fill(ballast)
    assert "no room is left" in clear(world.fabrik("run", "resume", "last", status=1))
    ballast.unlink()
    world.fabrik("run", "resume", "last")
    shipped_well(world, "last")


def greedy(world: World) -> None:
    """Another program takes every byte that is given back, so that not even a verdict can be written."""
    keeper = Gatekeeper(world)
    world.fabrik("run", *given(world, agent=keeper.agent()), "--auto-approve", "--detach")
    keeper.wait()
    ballast = world.home / "ballast"
    done = threading.Event()

    def take() -> None:
        while not done.is_set():
            fill(ballast)

    fill(ballast)
    taker = threading.Thread(target=take)
    taker.start()
    keeper.let_go()
    followed = world.fabrik("run", "attach", "last", status=None)
    done.set()
    taker.join()
    assert followed.returncode in (1, 4)
    said = followed.stdout + followed.stderr  # without any room even reading the ledger may fail
    assert any(words in said for words in ("no room", "disk is full", "are free")), said
    assert "resume" in said
    assert "Traceback" not in said
    ballast.unlink()
    world.fabrik("run", "resume", "last")
    shipped_well(world, "last")


def main(scenario: str, directory: Path, size: str) -> None:
    home = World(directory).home
    home.mkdir(parents=True)
    subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={size}", "tmpfs", str(home)], check=True)
    globals()[scenario](world_at(directory))


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]), sys.argv[3])
