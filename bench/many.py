"""Fifty runs at once on this machine: all end right, with the memory of each worker."""

from __future__ import annotations

import time
from pathlib import Path

from bench.figures import Figure, median
from bench.project import git, make_agent, make_project, make_spec
from bench.workers import record, start_all, wait_for_all

RUNS = 50


def measure(directory: Path) -> list[Figure]:
    """Dispatch fifty runs of two tasks each, and wait for all."""
    project = make_project(directory / "project")
    agent = make_agent(directory / "agent.sh")
    home = directory / "home"
    began = time.perf_counter()
    runs = [
        record(make_spec(directory / "specs", 2, name=f"many-{n}"), project, agent, home) for n in range(RUNS)
    ]
    workers = start_all(runs, home)
    peaks = wait_for_all(runs, home)
    for worker in workers:
        worker.wait()
    seconds = time.perf_counter() - began
    counts = {
        int(git("rev-list", "--count", f"main..spec-many-{number}", cwd=project)) for number in range(RUNS)
    }
    if counts != {2}:
        raise SystemExit(f"wrong numbers of commits on the branches: {counts}")
    return [
        Figure(
            name="50 runs at once: memory per worker, MB (median of peaks)",
            value=median(list(peaks.values())),
            bound=None,
            detail=f"highest {max(peaks.values()):.0f} MB; all shipped in {seconds:.0f} s",
        )
    ]
