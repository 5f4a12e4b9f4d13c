"""1 GiB on an agent's stdout: the worker's memory, and the time beside writing it to a plain file."""

from __future__ import annotations

import os
import shutil
import subprocess
import time
from pathlib import Path

from bench.figures import Figure
from bench.project import make_agent, make_project, make_spec
from bench.workers import start, wait_for_all
from fabrik.ledger.store import Ledger

ROUNDS = 5
FLOOD = """#!/bin/sh
# Writes 1 GiB of lines of 200 bytes, then does its task.
date +%s%N > started.txt
line=$(printf '%0199d' 7)
yes "$line" | head -c 1073741824
date +%s%N > ended.txt
echo done > work-1.txt
git add -A
git commit -q -m flood
"""
PLAIN = """#!/bin/sh
line=$(printf '%0199d' 7)
yes "$line" | head -c 1073741824
"""


def plain(directory: Path) -> float:
    """Seconds to write the same bytes to a file."""
    script = make_agent(directory / "plain.sh", PLAIN)
    target = directory / "plain.log"
    start_at = time.perf_counter()
    with target.open("wb") as file:
        subprocess.run([script], stdout=file, check=True)
    seconds = time.perf_counter() - start_at
    target.unlink()
    return seconds


def ours(directory: Path) -> tuple[float, float]:
    """(seconds of the whole session step, the worker's peak memory in MB)."""
    project = make_project(directory / "project")
    agent = make_agent(directory / "flood.sh", FLOOD)
    spec = make_spec(directory / "specs", 1)
    home = directory / "home"
    run = start(spec, project, agent, home)
    peak = wait_for_all([run], home)[run]
    with Ledger.open(home / "ledger.db") as ledger:
        step = next(step for step in ledger.steps(run) if step.key == "task/1/implement#1")
    assert step.finished_at is not None
    return step.finished_at - step.started_at, peak


def measure(directory: Path) -> list[Figure]:
    """Alternate the two and compare the best of each: a busy machine only ever makes a run longer."""
    rounds = []
    for turn in range(ROUNDS):
        place = directory / str(turn)
        place.mkdir()
        rounds.append((plain(place), *ours(place)))
        shutil.rmtree(place, ignore_errors=True)  # its worker is just leaving
        os.sync()
    base, mine = min(r[0] for r in rounds), min(r[1] for r in rounds)
    return [
        Figure(
            name="1 GiB of stdout: whole session, x writing it to a file",
            value=mine / base,
            bound=1.3,
            detail=f"best of {ROUNDS}: {mine:.2f} s against {base:.2f} s",
        ),
        Figure(
            name="1 GiB of stdout: worker's peak memory, MB",
            value=max(r[2] for r in rounds),
            bound=80,
            detail="VmHWM",
        ),
    ]
