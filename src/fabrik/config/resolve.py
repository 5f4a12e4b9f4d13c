"""Which of several settings holds. Pure.

Flag > environment > project > user > default, with two exceptions: a project may lower the budget and the
rounds of reviews that its user has set, but not raise them (a cloned repository spends nobody's money); and
the places that project and user allow are added up, with their presets replaced by hosts.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields
from typing import Any, cast

from fabrik.config.model import Config, Containers, Judge, Limits, Review, Settings
from fabrik.config.presets import expanded
from fabrik.errors import UsageError

BUDGETS = ("budget_usd", "budget_tokens", "budget_calls")
SPENDING = (*BUDGETS, "review_rounds")  # what a project may lower only
_LIMITS = tuple(field.name for field in fields(Limits))
_REVIEW = {
    "review_enabled": "enabled",
    "reviewers": "reviewers",
    "light_reviewers": "light",
    "review_rounds": "rounds",
    "review_seconds": "seconds",
    "review_agent": "agent",
    "review_models": "models",
    "verify_agent": "verify_agent",
    "verify_model": "verify_model",
}
_CONTAINERS = {"container_image": "image", "container_runtime": "runtime"}
_JUDGE = {"judge_fast": "fast", "judge_smart": "smart", "judge_in_checks": "in_checks"}


def resolve(
    *,
    flags: Settings | None = None,
    environment: Settings | None = None,
    project: Settings | None = None,
    user: Settings | None = None,
) -> Config:
    """The settings that hold."""
    shared: dict[str, Any] = {**(user or {}), **(project or {})}
    for name in SPENDING:
        said = [layer.get(name) for layer in (user or {}, project or {})]
        known = [value for value in said if value is not None]
        if known:
            shared[name] = min(cast("list[float]", known))
    if allowed := [*(user or {}).get("allow", ()), *(project or {}).get("allow", ())]:
        shared["allow"] = expanded(allowed)
    chosen: dict[str, Any] = {**shared, **(environment or {}), **(flags or {})}
    limits = Limits(**{name: chosen.pop(name) for name in _LIMITS if name in chosen})
    review = Review(**{field: chosen.pop(name) for name, field in _REVIEW.items() if name in chosen})
    judge = Judge(**{field: chosen.pop(name) for name, field in _JUDGE.items() if name in chosen})
    made = {field: chosen.pop(name) for name, field in _CONTAINERS.items() if name in chosen}
    return Config(limits=limits, review=review, judge=judge, containers=Containers(**made), **chosen)


def from_environment(environ: Mapping[str, str]) -> Settings:
    """RALPH_AGENT and MAX_ITERATIONS (0 = unlimited), as the original had them. Empty means unset.

    Raises UsageError when MAX_ITERATIONS is no whole number of at least 0.
    """
    settings = Settings()
    if agent := environ.get("RALPH_AGENT", "").strip():
        settings["agent"] = agent
    if iterations := environ.get("MAX_ITERATIONS", "").strip():
        if not (iterations.isascii() and iterations.isdigit() and len(iterations) <= 9):
            raise UsageError(
                f"{iterations[:40]!r} is no number of iterations",
                where="MAX_ITERATIONS",
                todo="set it to a whole number, 0 for no limit, or unset it",
            )
        settings["iterations"] = int(iterations)
    return settings
