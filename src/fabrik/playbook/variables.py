"""The named variables of the loop's prompts: `${WORK_SCOPE}` as in the playbook, and a few more. Pure.

Everything else that looks like a variable is somebody's shell text and stays as it is.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from fabrik.errors import UsageError
from fabrik.playbook.layout import AGENTS, AUDIENCE, PLAN, SOURCE, SPECS, Layout


@dataclass(frozen=True, kw_only=True)
class Variable:
    """A name that a prompt may use."""

    name: str
    means: str  # what stands in its place
    given_by: str = ""  # what the user does to give it a value; empty: fabrik always knows it


VARIABLES: Final = (
    Variable(
        name="WORK_SCOPE",
        means="the description of the work",
        given_by='fabrik loop plan-work "what the work is"',
    ),
    Variable(name="GOAL", means="the goal of the project", given_by='--goal "what is to be achieved"'),
    Variable(name="SPECS", means="the directory of the specs: specs"),
    Variable(name="PLAN", means="the plan's file: IMPLEMENTATION_PLAN.md"),
    Variable(name="AGENTS", means="the file with the commands of the project: AGENTS.md"),
    Variable(name="AUDIENCE", means="the file about the audience: AUDIENCE_JTBD.md"),
    Variable(name="SOURCE", means="the directory of the source code: src; where there is none, ."),
    Variable(name="BRANCH", means="the branch that is worked on"),
    Variable(name="ITERATION", means="the number of this session in the loop, from 1"),
)
NAMES: Final = tuple(variable.name for variable in VARIABLES)

GOAL_PLACEHOLDER: Final = "[project-specific goal]"  # in the playbook's own PROMPT_plan.md

_BY_NAME: Final = {variable.name: variable for variable in VARIABLES}
# ${NAME}, ${NAME:-what stands there without a value}, and the playbook's name also as its envsubst takes it.
_USE = re.compile(rf"\$\{{(?P<name>{'|'.join(NAMES)})(?::-(?P<else>[^{{}}]*))?\}}|\$(?P<bare>WORK_SCOPE)\b")


def used(text: str) -> frozenset[str]:
    """The known variables that a prompt uses."""
    return frozenset(match["name"] or match["bare"] for match in _USE.finditer(text))


def fill(text: str, values: Mapping[str, str | None], *, where: str = "the prompt") -> str:
    """The prompt with its known variables filled in; a text without any is given back as it is.

    values: by name; None or an empty text is no value, and `${NAME:-text}` then gives the text. Values are
    put in as they are, nothing in them is expanded. With a goal, the playbook's `[project-specific goal]` is
    filled in as well. where: the prompt's name for messages.
    Raises UsageError that names every variable without a value and what gives it one; ValueError for a value
    of a name that is no variable.
    """
    if unknown := set(values) - set(NAMES):
        raise ValueError(f"no variables: {', '.join(sorted(unknown))}")
    lacking = [
        match["name"] or match["bare"]
        for match in _USE.finditer(text)
        if match["else"] is None and not values.get(match["name"] or match["bare"])
    ]
    if lacking:
        names = list(dict.fromkeys(lacking))
        options = [_BY_NAME[name].given_by for name in names]
        raise UsageError(
            f"no value for {', '.join(f'${{{name}}}' for name in names)}",
            where=where,
            todo=f"give it: {'; '.join(option for option in options if option)}" if any(options) else "",
        )
    goal = values.get("GOAL")
    # The file's own words are split before anything is put in: a value may say the same words.
    parts = text.split(GOAL_PLACEHOLDER) if goal else [text]
    return (goal or "").join(
        _USE.sub(lambda match: values.get(match["name"] or match["bare"]) or match["else"] or "", part)
        for part in parts
    )


def standard(layout: Layout) -> dict[str, str]:
    """The values of the variables that every mode has: where this project keeps what."""
    return {
        "SPECS": SPECS,
        "PLAN": PLAN,
        "AGENTS": AGENTS,
        "AUDIENCE": AUDIENCE,
        "SOURCE": SOURCE if layout.source else ".",
    }


def warnings(text: str, *, goal: str | None = None, where: str = "the prompt") -> tuple[str, ...]:
    """What a human should know about a prompt before agents are given it."""
    if GOAL_PLACEHOLDER in text and not goal:
        return (
            f"{where} still says “{GOAL_PLACEHOLDER}”: agents plan better when they are told the goal;"
            f" write it there, or give it with {_BY_NAME['GOAL'].given_by}",
        )
    return ()
