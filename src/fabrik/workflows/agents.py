"""Chooses the agents of a run and makes sure that they can start: the program, its options, model and key."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from fabrik.agents import registry
from fabrik.agents.agent import Agent, SessionRequest
from fabrik.agents.environment import vendor_and_model
from fabrik.agents.locate import installed, locate_agent
from fabrik.agents.pi import DEFAULT_MODEL
from fabrik.config.model import Config
from fabrik.errors import EnvironmentProblem, FabrikError, UsageError
from fabrik.usage import Vendor
from fabrik.workflows.context import SealedUpstream
from fabrik.workflows.request import Options
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


def choose_agent(config: Config, request: Options) -> ChosenAgent:
    """The agent that was asked for, or the first one that is installed.

    Raises UsageError for a wrong name or option, EnvironmentProblem when it is not installed.
    """
    return _chosen(_name(config), request.agent_command, request.agent_script, "--agent")


def choose_reviewers(config: Config, request: Options, implementer: ChosenAgent) -> ChosenAgent:
    """Who plays the reviewers: by default the agent that implements. Raises as `choose_agent`."""
    return _other(
        config.review.agent,
        request.review_agent_command,
        request.review_agent_script,
        "--review-agent",
        (implementer,),
    )


def choose_verifier(config: Config, request: Options, cast: Sequence[ChosenAgent]) -> ChosenAgent:
    """Who plays the verifier: by default the first of those who were chosen. Raises as `choose_agent`."""
    return _other(
        config.review.verify_agent,
        request.verify_agent_command,
        request.verify_agent_script,
        "--verify-agent",
        cast,
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


def _other(
    name: str | None, command: Path | None, script: Path | None, option: str, cast: Sequence[ChosenAgent]
) -> ChosenAgent:
    """An agent beside those who have their parts: it takes over what one of the same name was given."""
    name = name or cast[0].name
    if command is None and script is None:
        for other in cast:
            if other.name == name:
                return other
    with _as_option(option):
        return _chosen(name, command, script, option)


def _chosen(name: str, command: Path | None, script: Path | None, option: str) -> ChosenAgent:
    agent = registry.load(name)
    options = {}
    if name == "command":
        options["command"] = str(_given(command, f"{option}-command"))
    elif name == "scripted":
        options["script"] = str(_given(script, f"{option}-script"))
    located = locate_agent(agent, options)
    return ChosenAgent(
        name=name,
        agent=agent,
        options=options,
        read_only=tuple(str(path) for path in located.read_only),
        path=tuple(located.path),
    )


def _given(path: Path | None, option: str) -> Path:
    if path is None:
        raise UsageError(f"this agent needs {option}", todo=f"add {option} PATH")
    return path.expanduser().absolute()


@contextmanager
def _as_option(option: str) -> Iterator[None]:
    """Agents know of `--agent` only: what is wrong is told of the option that it is about."""
    try:
        yield
    except FabrikError as error:
        where = option if error.where in ("", "--agent") else error.where
        raise type(error)(
            error.what,
            where=_rename(where, option),
            todo=_rename(error.todo, option),
        ) from error


def _rename(text: str, option: str) -> str:
    return re.sub(r"(?<![\w-])--agent\b", option, text)


def require_model(chosen: ChosenAgent, model: str | None, where: str = "--model") -> None:
    """Raise UsageError when the agent cannot be started with a model of that name.

    where: what of the user's named it.
    """
    if model is not None and not (model.strip() and model.isprintable()):
        raise UsageError(f"{model[:80]!r} is not the name of a model", where=where)
    probe = SessionRequest(
        prompt="",
        role="review",
        run="",
        step="",
        workspace="/",
        home="/",
        report="/",
        models_url="http://127.0.0.1",
        model=model,
        options=chosen.options,
    )
    try:
        chosen.agent.invocation(probe)
    except UsageError as error:
        raise UsageError(error.what, where=where, todo=error.todo) from error


def require_keys(config: Config, calls: Iterable[tuple[ChosenAgent, Iterable[str | None]]]) -> None:
    """Raise EnvironmentProblem when the host has no key for a model that one of the agents calls."""
    callers: dict[Vendor, list[str]] = {}
    for chosen, models in calls:
        for model in models:
            vendor = _vendor(chosen.agent, model)
            if vendor is not None and chosen.name not in callers.setdefault(vendor, []):
                callers[vendor].append(chosen.name)
    reached = upstreams(
        {
            name: SealedUpstream(base_url=said.base_url, key_env=said.key_env)
            for name, said in config.upstreams.items()
        }
    )
    missing = [vendor for vendor in callers if reached[vendor].key is None]
    if missing:
        whose = "; ".join(f"no key for {vendor}, whose models {_and(callers[vendor])}" for vendor in missing)
        names = " ".join(f"{KEY_VARIABLES[vendor]}=…" for vendor in missing)
        raise EnvironmentProblem(whose, todo=f"export {names}; keys stay on the host, no sandbox sees them")


def _and(names: Sequence[str]) -> str:
    return f"{names[0]} calls" if len(names) == 1 else f"{' and '.join(names)} call"


def _vendor(agent: Agent, model: str | None) -> Vendor | None:
    """Whose models the agent calls; None where it calls none by itself."""
    if agent.protocol is not None or agent.name in ("command", "scripted"):
        return agent.protocol
    return vendor_and_model(model or DEFAULT_MODEL)[0]
