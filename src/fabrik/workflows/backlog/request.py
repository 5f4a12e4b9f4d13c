"""What a user asks for with `fabrik backlog run`."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from fabrik.backlog.contract import MAGIC_PHRASE
from fabrik.backlog.log import LogFormat
from fabrik.workflows.request import Options

MAX_ATTEMPTS = 10


@dataclass(frozen=True, kw_only=True)
class BacklogRequest(Options):
    """The options of a whole command; who works is the same for every spec."""

    workspace_root: Path | None = None  # None: the parent of the backlog folder
    magic_phrase: str = MAGIC_PHRASE
    max_attempts: int = MAX_ATTEMPTS
    log_format: LogFormat = "text"
