"""Chooses the agent of a run and makes sure that it can start: the program, its options, its key."""

from __future__ import annotations

import os
import shutil
from dataclasses import dataclass, field
from pathlib import Path

from fabrik.agents import registry
from fabrik.agents.agent import Agent
from fabrik.agents.locate import locate
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
    if name == "command":
        program = _given(request.agent_command, "--agent-command", executable=True)
        return ChosenAgent(
            name=name, agent=agent, options={"command": str(program)}, read_only=(str(program),)
        )
    if name == "scripted":
        script = _given(request.agent_script, "--agent-script", executable=False)
        located = locate(agent)
        return ChosenAgent(
            name=name,
            agent=agent,
            options={"script": str(script)},
            read_only=(str(script), *(str(path) for path in located.paths)),
            path=tuple(located.path),
        )
    located = locate(agent)
    return ChosenAgent(
        name=name,
        agent=agent,
        read_only=tuple(str(path) for path in located.paths),
        path=tuple(located.path),
    )


def _name(config: Config) -> str:
    if config.agent:
        return config.agent
    for name in registry.DETECTION:
        if all(shutil.which(program) for program in registry.load(name).programs):
            return name
    raise EnvironmentProblem(
        f"no coding agent is installed ({', '.join(registry.DETECTION)})",
        todo="install one, or name your own program: --agent command --agent-command PATH",
    )


def _given(path: Path | None, option: str, *, executable: bool) -> Path:
    if path is None:
        raise UsageError(f"this agent needs {option}", todo=f"add {option} PATH")
    found = path.expanduser().absolute()
    if not found.is_file():
        raise UsageError("there is no such file", where=f"{option} {path}", todo="check the path")
    if executable and not os.access(found, os.X_OK):
        raise UsageError("is not executable", where=f"{option} {path}", todo=f"chmod +x {path}")
    return found.resolve()


def require_key(chosen: ChosenAgent, config: Config) -> None:
    """Raise EnvironmentProblem when the host has no key for the models that the agent calls."""
    vendor = registry.vendor_of(chosen.agent, config.model)
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
