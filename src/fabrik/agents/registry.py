"""Which agents there are: a name, or the dotted path of any class that keeps the contract."""

from __future__ import annotations

import difflib
import importlib
from typing import cast

from fabrik.agents.agent import Agent
from fabrik.errors import UsageError

AGENTS = {
    "claude": "fabrik.agents.claude:Claude",
    "codex": "fabrik.agents.codex:Codex",
    "opencode": "fabrik.agents.opencode:Opencode",
    "pi": "fabrik.agents.pi:Pi",
    "gemini": "fabrik.agents.gemini:Gemini",
    "command": "fabrik.agents.command:Command",
    "scripted": "fabrik.agents.scripted:Scripted",
}
DETECTION = ("claude", "codex", "opencode", "pi", "gemini")  # the first that is installed is the default
CONTRACT = ("name", "programs", "protocol", "install_hint", "invocation", "parse", "conclude")


def load(name: str) -> Agent:
    """The agent of that name, or of a dotted path `package.module:Class` (called without arguments).

    Raises UsageError when there is none, or when what is there does not keep the contract.
    """
    path = AGENTS.get(name, name)
    module_name, colon, class_name = path.partition(":")
    if not (colon and module_name and class_name):
        close = difflib.get_close_matches(name, AGENTS, n=2, cutoff=0.6)
        hint = f"did you mean {' or '.join(close)}? " if close else ""
        raise UsageError(
            f"there is no agent {name!r}",
            where="--agent",
            todo=f"{hint}There are {', '.join(AGENTS)}; a class of your own is given as module:Class",
        )
    try:
        made = getattr(importlib.import_module(module_name), class_name)()
    except (ImportError, AttributeError, TypeError, ValueError) as problem:
        raise UsageError(
            f"the agent {path!r} cannot be loaded: {problem}",
            where="--agent",
            todo="check that the module can be imported and that the class needs no arguments",
        ) from problem
    missing = [part for part in CONTRACT if not hasattr(made, part)]
    if missing:
        raise UsageError(
            f"the agent {path!r} lacks {', '.join(missing)}",
            where="--agent",
            todo="give it all that fabrik.agents.agent.Agent describes",
        )
    return cast(Agent, made)
