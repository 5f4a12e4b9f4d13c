"""What a user asks for when a run is dispatched: options, before anything is resolved."""

from __future__ import annotations

from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any, cast

from fabrik.config.model import Settings


@dataclass(frozen=True, kw_only=True)
class Options:
    """Who works on a run, of any workflow, and within which bounds. None: not said on the command line."""

    project: Path | None = None
    repo: str | None = None
    agent: str | None = None
    agent_command: Path | None = None
    agent_script: Path | None = None
    model: str | None = None
    sandbox: str | None = None
    iterations: int | None = None
    attempts: int | None = None
    budget_usd: float | None = None
    budget_tokens: int | None = None
    session_minutes: float | None = None
    push: bool = False
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
        said: dict[str, Any] = {
            "agent": _named(self.agent, self.agent_command, self.agent_script),
            "model": self.model,
            "sandbox": self.sandbox,
            "iterations": self.iterations,
            "attempts": self.attempts,
            "session_seconds": None if self.session_minutes is None else self.session_minutes * 60,
            "budget_usd": self.budget_usd,
            "budget_tokens": self.budget_tokens,
            "review_rounds": self.review_max,
            "review_agent": _named(self.review_agent, self.review_agent_command, self.review_agent_script),
            "verify_agent": _named(self.verify_agent, self.verify_agent_command, self.verify_agent_script),
            "verify_model": self.verify_model,
        }
        if self.no_review:
            said["review_enabled"] = False
        elif self.about_reviews:  # who says how wants them, whatever the user's own file says
            said["review_enabled"] = True
        return cast("Settings", {name: value for name, value in said.items() if value is not None})

    @property
    def about_reviews(self) -> tuple[str, ...]:
        """The options that were given and say how work is reviewed, as they are written."""
        return tuple(
            f"--{name.replace('_', '-')}" for name in REVIEW_OPTIONS if getattr(self, name) is not None
        )


@dataclass(frozen=True, kw_only=True)
class RunRequest(Options):
    """One `fabrik run`."""

    spec: Path
    todo: Path | None = None
    ref: str | None = None
    prompt: Path | None = None
    branch: str | None = None
    allow_unchecked: bool = False
    auto_approve: bool = False


REVIEW_OPTIONS = tuple(
    field.name for field in fields(Options) if field.name.startswith(("review", "verify_"))
)


def _named(agent: str | None, command: Path | None, script: Path | None) -> str | None:
    """Who names a program or a script has chosen the agent that starts it."""
    if agent is not None:
        return agent
    return "command" if command is not None else "scripted" if script is not None else None
