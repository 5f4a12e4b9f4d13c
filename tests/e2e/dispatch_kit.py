"""Dispatching runs without a worker, to see what they are sealed with."""

from __future__ import annotations

import asyncio
import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from harness import World
from trouble_kit import CONFIG

from fabrik.errors import FabrikError
from fabrik.ledger.codec import decode
from fabrik.workflows.context import RunContext, SealedReview
from fabrik.workflows.dispatch import RunRequest, dispatch


def sealed(world: World, *, environment: Mapping[str, str] | None = None, **options: Any) -> RunContext:
    """Dispatch a run without starting its worker; what it was sealed with."""
    context, _ = told(world, environment=environment, **options)
    return context


def told(
    world: World, *, environment: Mapping[str, str] | None = None, **options: Any
) -> tuple[RunContext, list[str]]:
    """The same, and the warnings."""
    given: dict[str, Any] = {"project": world.project}
    if "spec" not in options:
        given["spec"] = world.make_spec()
    if not any(key in options for key in ("agent", "agent_command", "agent_script")):
        given["agent_command"] = world.make_agent()
    warnings: list[str] = []
    before = dict(os.environ)
    os.environ.clear()
    os.environ.update(world.env(**(environment or {})))
    try:
        run = asyncio.run(dispatch(RunRequest(**given, **options), warnings.append))
    finally:
        os.environ.clear()
        os.environ.update(before)
    text = json.loads((world.home / "runs" / run / "reports" / "run-context.json").read_text())
    return decode(RunContext, text), warnings


def review_of(world: World, **options: Any) -> SealedReview:
    review = sealed(world, **options).review
    assert review is not None
    return review


def wrong(world: World, **options: Any) -> str:
    """A dispatch that is refused, and leaves nothing; the message."""
    before = list(world.home.glob("runs/*"))
    with pytest.raises(FabrikError) as caught:
        sealed(world, **options)
    assert list(world.home.glob("runs/*")) == before
    return str(caught.value)


def user_says(world: World, text: str) -> None:
    path = world.directory / CONFIG
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)


def project_says(world: World, text: str) -> None:
    (world.project / "fabrik.toml").write_text(text)


def reviewers(world: World, **prompts: str | bytes) -> Path:
    """A directory of reviewers, by file name without its suffix (`_` stands for `-`)."""
    directory = world.directory / "my reviewers"
    directory.mkdir(exist_ok=True)
    for name, prompt in prompts.items():
        content = prompt if isinstance(prompt, bytes) else prompt.encode()
        (directory / f"{name.replace('_', '-')}.md").write_bytes(content)
    return directory


def models(world: World, content: object) -> Path:
    path = world.directory / "models.json"
    path.write_text(content if isinstance(content, str) else json.dumps(content))
    return path


def ids(review: SealedReview) -> tuple[tuple[str, ...], tuple[str, ...]]:
    return tuple(one.id for one in review.full), tuple(one.id for one in review.light)
