"""Who plays the reviewers and the verifier: agents, models and keys, as sealed at dispatch."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from dispatch_kit import models, review_of, sealed, user_says, wrong
from harness import World
from trouble_kit import world_at


@pytest.fixture
def world(tmp_path: Path) -> World:
    return world_at(tmp_path)


def test_agents_of_their_own(world: World) -> None:
    worker, critic, judge = (world.make_agent(name=name) for name in ("worker", "critic", "judge"))
    review = review_of(world, agent_command=worker, review_agent_command=critic, model="main")
    assert review.agent.options == review.verifier.options == {"command": str(critic)}
    assert review.agent.read_only == (str(critic),)
    assert (review.agent.model, review.verifier.model) == ("main", "main")
    review = review_of(world, agent_command=worker, verify_agent_command=judge, verify_agent="command")
    assert review.agent.options == {"command": str(worker)}
    assert review.verifier.options == {"command": str(judge)}
    script = world.directory / "steps.json"
    script.write_text('{"v": 1, "sessions": {}}')
    review = review_of(
        world, agent_command=worker, review_agent_script=script, verify_agent="command", model="m"
    )
    assert (review.agent.name, review.agent.options) == ("scripted", {"script": str(script)})
    assert (review.verifier.name, review.verifier.options) == ("command", {"command": str(worker)})
    assert (review.agent.model, review.verifier.model) == (None, "m")  # a model belongs to its CLI
    user_says(world, '[review]\nagent = "scripted"\n')
    assert review_of(world, agent_script=script).agent.name == "scripted"


def test_agents_that_cannot_be_used(world: World) -> None:
    nowhere = world.directory / "nowhere"
    assert "--review-agent: this agent needs --review-agent-script" in wrong(world, review_agent="scripted")
    assert "--verify-agent: there is no agent 'cluade'" in wrong(world, verify_agent="cluade")
    said = wrong(world, review_agent_command=nowhere)
    assert f"--review-agent-command: {nowhere} is not a file" in said
    readable = world.directory / "readable"
    readable.write_text("")
    assert "--verify-agent-command: " in wrong(world, verify_agent_command=readable)
    path = {"PATH": "/usr/bin:/bin"}
    said = wrong(world, review_agent="gemini", environment=path)
    assert "--review-agent: gemini is not installed" in said


@pytest.fixture
def clis(world: World) -> dict[str, str]:
    """Programs by the names of agents on PATH: dispatch looks them up and starts none of them."""
    directory = world.directory / "bin"
    directory.mkdir()
    for name in ("claude", "codex", "pi", "gemini"):
        world.make_agent("#!/bin/sh\nexit 1\n", name=f"bin/{name}")
    return {"PATH": f"{directory}:/usr/bin:/bin"}


def test_every_agent_needs_its_key(world: World, clis: dict[str, str]) -> None:
    keys = clis | {"ANTHROPIC_API_KEY": "k"}
    options: dict[str, Any] = {"agent": "claude", "review_agent": "codex", "verify_agent": "gemini"}
    said = wrong(world, environment=keys, **options)
    assert "no key for openai, whose models codex calls; no key for gemini, whose models gemini calls" in said
    assert "export OPENAI_API_KEY=… GEMINI_API_KEY=…" in said
    assert "no key for gemini" in wrong(world, environment=keys | {"OPENAI_API_KEY": "k"}, **options)
    context = sealed(world, environment=keys | {"OPENAI_API_KEY": "k", "GEMINI_API_KEY": "k"}, **options)
    assert context.review is not None
    assert [context.agent.name, context.review.agent.name, context.review.verifier.name] == [
        *("claude", "codex", "gemini")
    ]
    without = sealed(world, environment=keys, agent="claude", no_review=True)
    assert without.review is None


def test_a_reviewers_model_needs_the_key_of_its_vendor(world: World, clis: dict[str, str]) -> None:
    keys = clis | {"ANTHROPIC_API_KEY": "k"}
    table = models(world, {"security": "openai/gpt-5.5"})
    options: dict[str, Any] = {"agent": "pi", "model": "anthropic/claude-opus-4-5", "review_models": table}
    assert "no key for openai, whose models pi calls" in wrong(world, environment=keys, **options)
    sealed(world, environment=keys | {"OPENAI_API_KEY": "k"}, **options)


def test_models_are_checked_against_the_agent_that_asks_them(world: World, clis: dict[str, str]) -> None:
    keys = clis | {"ANTHROPIC_API_KEY": "k", "OPENAI_API_KEY": "k"}
    table = models(world, {"_default": "openai/gpt-5.5", "security": "anthropic/opus", "simplicity": "-x"})
    said = wrong(world, environment=keys, agent="claude", review_models=table)
    assert "models.json: _default: claude speaks to anthropic models only" in said
    assert "models.json: simplicity: '-x' is not the name of a model" in said
    assert "models.json: security" not in said
    said = wrong(world, environment=keys, agent="claude", verify_model="openai/gpt-5.5")
    assert "--verify-model: claude speaks to anthropic models only" in said
    said = wrong(world, environment=keys, agent="codex", model="anthropic/opus")
    assert "--model: codex speaks to openai models only" in said
    table = models(world, {"security": "whose"})
    said = wrong(world, environment=keys, agent="pi", model="gpt-5.5", review_models=table)
    assert "models.json: security: whose model is 'whose'?" in said
