"""Where fabrik keeps its things on the host. Pure: nothing is created here.

FABRIK_HOME (default $XDG_STATE_HOME/fabrik, then ~/.local/state/fabrik)
├── ledger.db
├── ledger.db.reserve              room on the disk, for the ledger when there is no other
├── dispatching                    held, shared, while a run is prepared; alone, by a cleanup
├── cleaning                       held by a cleanup: one at a time
├── projects/<key>/base.git        the host-owned copy of a project's history
├── runs/.trash/                   what a cleanup is removing
└── runs/<id>/
    ├── lock                       held by the worker that owns the run
    ├── worker.log
    ├── repo.git                   what the run made; borrows the project's objects
    ├── inputs/                    spec, todo, prompts and held-out tests as dispatched
    ├── reports/                   run-context.json, evidence.md, done.json
    ├── logs/<step>/<attempt>/     stdout and stderr of sessions and checks
    ├── kept/                      files of workspaces that git did not take
    ├── checkpoints/<name>/        saved workspaces
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

    @property
    def kept(self) -> Path:
        return self.directory / "kept"

    @property
    def checkpoints(self) -> Path:
        return self.directory / "checkpoints"

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

    @property
    def trash(self) -> Path:
        return self.runs / ".trash"

    @property
    def dispatching(self) -> Path:
        return self.directory / "dispatching"

    @property
    def cleaning(self) -> Path:
        return self.directory / "cleaning"

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
    return all_doors() / run_id


def all_doors() -> Path:
    """Where the sockets of all runs of this user live, whichever FABRIK_HOME they belong to."""
    import tempfile  # as slow to load as all the rest of a command that only reads

    base = os.environ.get("XDG_RUNTIME_DIR") or tempfile.gettempdir()
    return Path(base) / f"fabrik-{os.getuid()}"
