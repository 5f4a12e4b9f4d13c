"""The options of `fabrik review`: its own, and those of `fabrik run` that say who reviews, and how long."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from fabrik.cli.agent_options import require_one_agent
from fabrik.cli.run_options import SECTIONS, F, Options, add_options, option
from fabrik.errors import UsageError

_WHAT, _WHO, _REVIEWS, _BOUNDS, _OUTPUT = SECTIONS  # as they stand there
_NOT_HERE = ("--no-review", "--review-max")  # nothing is sent back
_OF_RUN = {
    _WHAT: ("--project", "--repo"),
    _WHO: ("--agent", "--agent-command", "--agent-script", "--model", "--sandbox"),
    _REVIEWS: tuple(names[0] for names, _ in SECTIONS[_REVIEWS] if names[0] not in _NOT_HERE),
    _BOUNDS: ("--budget-usd", "--budget-tokens"),
    _OUTPUT: ("--detach", "--json"),
}
_OWN: dict[str, Options] = {
    _WHAT: [
        option(
            "--branch", required=True, metavar="BRANCH", help="What is reviewed: a branch, tag or commit."
        ),
        option("--base", metavar="REF", help="Where it is to go. Default: the project's default branch."),
        option("--spec", type=click.Path(path_type=Path), metavar="FILE", help="What the branch is to do."),
        option("--check", multiple=True, metavar="CMD", help="A command that must succeed; repeat it."),
        option("--no-checks", is_flag=True, help="Run none, not even those of the spec or AGENTS.md."),
        option(
            "--may-change",
            multiple=True,
            metavar="GLOB",
            help="Tests and the like that the branch may change; repeat it.",
        ),
    ],
    _REVIEWS: [option("--reviewers", multiple=True, metavar="NAMES", help="Only these; commas between.")],
}
SECTIONS_OF_REVIEW: dict[str, Options] = {
    section: [
        *_OWN.get(section, []),
        *((names, settings) for names, settings in SECTIONS[section] if names[0] in wanted),
    ]
    for section, wanted in _OF_RUN.items()
}


def review_options(command: F) -> F:
    """Gives `fabrik review` its options."""
    return add_options(command, SECTIONS_OF_REVIEW)


def require_agents(options: dict[str, Any]) -> None:
    """What can be told from the command line alone. Raises UsageError."""
    if options["project"] is not None and options["repo"] is not None:
        raise UsageError("--project and --repo exclude each other", todo="give the one where the branch is")
    if not options["branch"].strip():  # a variable of a script that is not set: git takes it for HEAD
        raise UsageError("names no branch", where="--branch", todo="give a branch, a tag or a commit")
    if options["no_checks"] and options["check"]:
        raise UsageError("--no-checks and --check exclude each other", todo="leave one of them out")
    for who in ("agent", "review_agent", "verify_agent"):
        require_one_agent(options, who)


def named(texts: tuple[str, ...]) -> tuple[str, ...]:
    """The names in `a,b` and in options that were repeated. Raises UsageError when there is none in them."""
    found = tuple(name for text in texts for part in text.split(",") if (name := part.strip()))
    if texts and not found:
        raise UsageError("names no reviewer", where="--reviewers", todo="leave it out, and all are asked")
    return found
