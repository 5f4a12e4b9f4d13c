"""`fabrik runs list`, cold, with 10,000 runs in the ledger, beside `python -c pass`."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path

from bench.figures import Figure, median
from fabrik.ledger.store import Ledger
from fabrik.ledger.types import NewRun
from fabrik.ledger.ulid import new_run_id

RUNS = 10_000
ROUNDS = 25


def fill(home: Path) -> None:
    """A ledger with 10,000 runs."""
    with Ledger.open(home / "ledger.db") as ledger:
        for number in range(RUNS):
            run = new_run_id()
            ledger.create_run(
                NewRun(
                    id=run,
                    spec_id=f"spec-{number}",
                    spec_title=f"Spec {number}",
                    spec_path=f"specs/{number}.json",
                    todo_path=None,
                    project="/srv/project",
                    repo_ref=None,
                    base_commit="0" * 40,
                    branch=f"spec-{number}",
                    agent="claude",
                    model=None,
                    sandbox="bubblewrap",
                    directory=str(home / "runs" / run),
                    unchecked=False,
                )
            )


def seconds(command: Sequence[str | Path], environment: dict[str, str]) -> float:
    start = time.perf_counter()
    subprocess.run(command, env=environment, stdout=subprocess.DEVNULL, check=True)
    return time.perf_counter() - start


def measure(directory: Path) -> list[Figure]:
    """Medians of alternating runs."""
    fill(directory)
    environment = {**os.environ, "FABRIK_HOME": str(directory)}
    environment.pop("PYTHONDONTWRITEBYTECODE", None)
    python = sys.executable
    ours: list[str | Path] = [Path(python).with_name("fabrik"), "runs", "list"]
    seconds(ours, environment)
    pairs = [
        (seconds([python, "-c", "pass"], environment), seconds(ours, environment)) for _ in range(ROUNDS)
    ]
    base, mine = median([p[0] for p in pairs]), median([p[1] for p in pairs])
    return [
        Figure(
            name="runs list with 10,000 runs, x python -c pass",
            value=median([pair[1] / pair[0] for pair in pairs]),
            bound=6,
            detail=f"{mine * 1000:.0f} ms against {base * 1000:.0f} ms",
        )
    ]
