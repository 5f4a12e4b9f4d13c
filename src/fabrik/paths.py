"""Where fabrik keeps its things on the host. Pure: nothing is created here.

FABRIK_HOME (default $XDG_STATE_HOME/fabrik, then ~/.local/state/fabrik)
├── ledger.db
├── projects/<key>/base.git        the host-owned copy of a project's history
└── runs/<id>/
    ├── lock                       held by the worker that owns the run
    ├── worker.log
    ├── repo.git                   what the run made; borrows the project's objects
    ├── inputs/                    spec, todo, prompts and held-out tests as dispatched
    ├── reports/                   run-context.json, evidence.md, done.json
    ├── logs/<step>/<attempt>/     stdout and stderr of sessions and checks
    └── sandboxes/<purpose>/
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class RunPaths:
    """The places of one run."""

    directory: Path

    @property
    def lock(self) -> Path:
        return self.directory / "lock"

    @property
    def worker_log(self) -> Path:
        return self.directory / "worker.log"

    @property
    def repo(self) -> Path:
        return self.directory / "repo.git"

    @property
    def inputs(self) -> Path:
        return self.directory / "inputs"

    @property
    def reports(self) -> Path:
        return self.directory / "reports"

    @property
    def logs(self) -> Path:
        return self.directory / "logs"

    @property
    def sandboxes(self) -> Path:
        return self.directory / "sandboxes"

    def step_logs(self, step: str, attempt: int) -> Path:
        """The directory for the logs of one start of a step."""
        return self.logs / step.replace("/", ".") / str(attempt)


@dataclass(frozen=True)
class Home:
    """The root of fabrik's state."""

    directory: Path

    @property
    def ledger(self) -> Path:
        return self.directory / "ledger.db"

    @property
    def projects(self) -> Path:
        return self.directory / "projects"

    @property
    def runs(self) -> Path:
        return self.directory / "runs"

    def run(self, run_id: str) -> RunPaths:
        return RunPaths(self.runs / run_id)


def home() -> Home:
    """The state directory of this user, from the environment."""
    if configured := os.environ.get("FABRIK_HOME"):
        return Home(Path(configured).expanduser().absolute())
    state = os.environ.get("XDG_STATE_HOME") or "~/.local/state"
    return Home(Path(state).expanduser().absolute() / "fabrik")


def doors_directory(run_id: str) -> Path:
    """Where a run's unix sockets live: short, because a socket's path may have 107 bytes at the most."""
    import tempfile  # as slow to load as all the rest of a command that only reads

    base = os.environ.get("XDG_RUNTIME_DIR") or tempfile.gettempdir()
    return Path(base) / f"fabrik-{os.getuid()}" / run_id
