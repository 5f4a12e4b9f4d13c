"""What a user asks for when a run is dispatched: the options of `fabrik run`, before anything is resolved."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from fabrik.config.model import Settings


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
    no_review: bool = False
    reviewers_dir: Path | None = None  # <id>.md: replaces a shipped reviewer, or adds one
    review_prompt: Path | None = None  # text for every reviewer, on top of fabrik's own
    review_models: Path | None = None  # JSON: reviewer → model, "_default" for the others
    review_max: int | None = None
    review_agent: str | None = None
    review_agent_command: Path | None = None
    review_agent_script: Path | None = None
    verify_agent: str | None = None
    verify_agent_command: Path | None = None
    verify_agent_script: Path | None = None
    verify_model: str | None = None

    def settings(self) -> Settings:
        """What the command line says about the run's configuration."""
        said = Settings()
        if self.agent is not None:
            said["agent"] = self.agent
        elif self.agent_command is not None:
            said["agent"] = "command"
        elif self.agent_script is not None:
            said["agent"] = "scripted"
        if self.model is not None:
            said["model"] = self.model
        if self.sandbox is not None:
            said["sandbox"] = self.sandbox
        if self.iterations is not None:
            said["iterations"] = self.iterations
        if self.attempts is not None:
            said["attempts"] = self.attempts
        if self.session_minutes is not None:
            said["session_seconds"] = self.session_minutes * 60
        if self.budget_usd is not None:
            said["budget_usd"] = self.budget_usd
        if self.budget_tokens is not None:
            said["budget_tokens"] = self.budget_tokens
        return said
