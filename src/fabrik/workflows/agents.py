"""Chooses the agent of a run and makes sure that it can start: the program, its options, its key."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from fabrik.agents import registry
from fabrik.agents.agent import Agent
from fabrik.agents.environment import vendor_and_model
from fabrik.agents.locate import installed, locate_agent
from fabrik.agents.pi import DEFAULT_MODEL
from fabrik.config.model import Config
from fabrik.errors import EnvironmentProblem, UsageError
from fabrik.usage import Vendor
from fabrik.workflows.context import SealedUpstream
from fabrik.workflows.request import RunRequest
from fabrik.workflows.run_gateway import upstreams

KEY_VARIABLES: dict[Vendor, str] = {
    "anthropic": "ANTHROPIC_API_KEY",
    "openai": "OPENAI_API_KEY",
    "gemini": "GEMINI_API_KEY",
}


@dataclass(frozen=True, kw_only=True)
class ChosenAgent:
    """An agent, and what of the host its sandbox must show."""

    name: str
    agent: Agent
    options: dict[str, str] = field(default_factory=dict)
    read_only: tuple[str, ...] = ()
    path: tuple[str, ...] = ()


def choose_agent(config: Config, request: RunRequest) -> ChosenAgent:
    """The agent that was asked for, or the first one that is installed.

    Raises UsageError for a wrong name or option, EnvironmentProblem when it is not installed.
    """
    name = _name(config)
    agent = registry.load(name)
    options = {}
    if name == "command":
        options["command"] = str(_given(request.agent_command, "--agent-command"))
    elif name == "scripted":
        options["script"] = str(_given(request.agent_script, "--agent-script"))
    located = locate_agent(agent, options)
    return ChosenAgent(
        name=name,
        agent=agent,
        options=options,
        read_only=tuple(str(path) for path in located.read_only),
        path=tuple(located.path),
    )


def _name(config: Config) -> str:
    if config.agent:
        return config.agent
    if found := installed([registry.load(name) for name in registry.DETECTION]):
        return found[0]
    raise EnvironmentProblem(
        f"no coding agent is installed ({', '.join(registry.DETECTION)})",
        todo="install one, or name your own program: --agent command --agent-command PATH",
    )


def _given(path: Path | None, option: str) -> Path:
    if path is None:
        raise UsageError(f"this agent needs {option}", todo=f"add {option} PATH")
    return path.expanduser().absolute()


def require_key(chosen: ChosenAgent, config: Config) -> None:
    """Raise EnvironmentProblem when the host has no key for the models that the agent calls."""
    vendor = _vendor(chosen.agent, config.model)
    if vendor is None:
        return
    upstream = upstreams(
        {
            name: SealedUpstream(base_url=said.base_url, key_env=said.key_env)
            for name, said in config.upstreams.items()
        }
    )[vendor]
    if upstream.key is None:
        raise EnvironmentProblem(
            f"no key for {vendor}, whose models {chosen.name} calls",
            todo=f"export {KEY_VARIABLES[vendor]}=…; it stays on the host, no sandbox ever sees it",
        )


def _vendor(agent: Agent, model: str | None) -> Vendor | None:
    """Whose models the agent calls; None where it calls none by itself."""
    if agent.protocol is not None or agent.name in ("command", "scripted"):
        return agent.protocol
    return vendor_and_model(model or DEFAULT_MODEL)[0]
