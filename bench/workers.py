"""Starts runs without following them, and watches their workers' memory until all have ended."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path

from bench.project import fabrik
from fabrik.ledger.ownership import owner_process
from fabrik.ledger.store import Ledger
from fabrik.workflows.dispatch import RunRequest, dispatch

PATIENCE = 900.0  # seconds until a measurement is given up


def start(spec: Path, project: Path, agent: Path, home: Path, *options: str) -> str:
    """Dispatch a run that needs no human, detached; its id."""
    fabrik(
        *("run", "--spec", str(spec), "--project", str(project), "--no-review", "--agent", "command"),
        *("--agent-command", str(agent), "--auto-approve", "--detach", *options),
        home=home,
    )
    with Ledger.open(home / "ledger.db") as ledger:
        return ledger.find_run("last").id


def record(spec: Path, project: Path, agent: Path, home: Path) -> str:
    """Dispatch a run without starting its worker; its id."""
    os.environ["FABRIK_HOME"] = str(home)
    request = RunRequest(spec=spec, project=project, agent="command", agent_command=agent, auto_approve=True)
    return asyncio.run(dispatch(request, lambda _: None))


def start_all(runs: Sequence[str], home: Path) -> list[subprocess.Popen[bytes]]:
    """Start the workers of recorded runs, all at the same time."""
    environment = {**os.environ, "FABRIK_HOME": str(home)}
    environment.pop("PYTHONDONTWRITEBYTECODE", None)
    command = [sys.executable, "-m", "fabrik.workflows.worker"]
    return [subprocess.Popen([*command, run], env=environment) for run in runs]


def wait_for_all(runs: Sequence[str], home: Path) -> dict[str, float]:
    """The peak memory (MB) of each run's worker, when all have shipped."""
    peaks = dict.fromkeys(runs, 0.0)
    deadline = time.monotonic() + PATIENCE
    with Ledger.open(home / "ledger.db") as ledger:
        open_runs = set(runs)
        while open_runs:
            if time.monotonic() > deadline:
                raise SystemExit(f"not ended in time: {sorted(open_runs)}")
            for run in sorted(open_runs):
                if owner := owner_process(ledger, run):
                    peaks[run] = max(peaks[run], peak_memory(owner.pid))
                found = ledger.find_run(run)
                if found.status != "running":
                    if found.status != "shipped":
                        raise SystemExit(f"{run}: {found.status}: {found.failure_reason}")
                    open_runs.discard(run)
            time.sleep(0.02)
    return peaks


def peak_memory(pid: int) -> float:
    """VmHWM of a process in MB; 0 when it is gone."""
    try:
        status = Path(f"/proc/{pid}/status").read_text()
    except OSError:
        return 0.0
    for line in status.splitlines():
        if line.startswith("VmHWM:"):
            return int(line.split()[1]) / 1000
    return 0.0
