"""What a user asks for when a run is dispatched: the options of `fabrik run`, before anything is resolved."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, kw_only=True)
class RunRequest:
    """One `fabrik run`. None means: not said on the command line."""

    spec: Path
    todo: Path | None = None
    project: Path | None = None
    repo: str | None = None
    ref: str | None = None
    agent: str | None = None
    agent_command: Path | None = None
    agent_script: Path | None = None
    model: str | None = None
    prompt: Path | None = None
    iterations: int | None = None
    attempts: int | None = None
    sandbox: str | None = None
    branch: str | None = None
    allow_unchecked: bool = False
    auto_approve: bool = False
    push: bool = False
    budget_usd: float | None = None
    budget_tokens: int | None = None
    session_minutes: float | None = None
