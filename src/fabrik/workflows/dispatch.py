"""Dispatches a run: everything is checked and sealed before any money is spent."""

from __future__ import annotations

import os
import shutil
from collections.abc import Awaitable, Callable
from pathlib import Path

from fabrik import paths
from fabrik.config.model import Config
from fabrik.config.read import load_config, user_config_path
from fabrik.errors import DiskFull, EnvironmentProblem, FabrikError, UsageError
from fabrik.ledger.codec import encode
from fabrik.ledger.store import Ledger
from fabrik.ledger.types import NewRun
from fabrik.ledger.ulid import new_run_id
from fabrik.sandboxes import registry as sandboxes
from fabrik.specs.model import Loaded
from fabrik.specs.read import load, unchecked
from fabrik.vcs.base import fetch_base
from fabrik.vcs.project import branch_commit, check_branch_name, identity, inspect, tracked_paths
from fabrik.vcs.run_repo import RunRepo
from fabrik.workflows.request import RunRequest
from fabrik.workflows.seal import seal

RESERVE = 64 << 20  # bytes that must be free to start a run: room for the ledger to tell how it went

Warn = Callable[[str], None]

__all__ = ["RunRequest", "dispatch"]


async def dispatch(request: RunRequest, warn: Warn) -> str:
    """Check and seal a run, record it in the ledger, and return its id. The worker is started elsewhere.

    `warn` gets one line for each thing that the user should know and that does not stop the run.
    Raises UsageError (specs, options, project), EnvironmentProblem (agent, sandbox, key, disk), VcsError.
    """
    home = paths.home()
    _room(home.directory)
    source = await _source(request, warn)
    config = load_config(source if isinstance(source, Path) else None, user_config_path(), os.environ)
    ...


def _room(directory: Path) -> None:
    existing = next(path for path in (directory, *directory.parents) if path.exists())
    free = shutil.disk_usage(existing).free
    if free < RESERVE:
        raise DiskFull(
            f"only {free >> 20} MiB are free, a run needs {RESERVE >> 20} MiB to start",
            where=str(existing),
            todo="make room, or set FABRIK_HOME to another disk",
        )
