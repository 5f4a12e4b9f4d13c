"""The options of commands that let one agent work: who, on what, within which bounds."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import click

from fabrik.errors import UsageError

F = TypeVar("F", bound=Callable[..., Any])

_file = click.Path(path_type=Path)  # existence is checked where the file is read: one message for all of them

_OPTIONS: tuple[tuple[tuple[str, ...], dict[str, Any]], ...] = (
    (("--project",), {"type": _file, "metavar": "DIR", "help": "The project. Default: the one you are in."}),
    (("--agent",), {"metavar": "NAME", "help": "claude, codex, pi, opencode, gemini, command, scripted."}),
    (
        ("--agent-command",),
        {"type": _file, "metavar": "PATH", "help": "The executable for --agent command."},
    ),
    (("--agent-script",), {"type": _file, "metavar": "FILE", "help": "The steps for --agent scripted."}),
    (("--model",), {"metavar": "NAME", "help": "The model. Default: the agent's own."}),
    (
        ("--prompt",),
        {"type": _file, "metavar": "FILE", "help": "Text for the agent, on top of fabrik's own."},
    ),
    (
        ("--sandbox",),
        {"metavar": "NAME", "help": "bubblewrap (the default), podman, docker, or none: no protection."},
    ),
    (
        ("--budget-usd",),
        {
            "type": click.FloatRange(min=0),
            "metavar": "USD",
            "help": "Money for model calls.",
        },
    ),
)


def agent_options(command: F) -> F:
    """Gives a command these options."""
    for names, settings in reversed(_OPTIONS):
        command = click.option(*names, **settings)(command)
    return command


def require_one_agent(options: dict[str, Any], agent: str = "agent") -> None:
    """A program or a script that nobody would start is a mistake. Raises UsageError.

    agent: the agent's option, as its variable is called.
    """
    option = "--" + agent.replace("_", "-")
    given = [kind for kind in ("command", "script") if options[f"{agent}_{kind}"] is not None]
    if len(given) > 1:
        raise UsageError(f"{option}-command and {option}-script exclude each other", todo="give one of them")
    meant = {"command": "command", "script": "scripted"}
    if given and options[agent] not in (None, meant[given[0]]):
        raise UsageError(
            f"{option}-{given[0]} is for {option} {meant[given[0]]}, not for {option} {options[agent]}",
            todo="leave one of them out",
        )
