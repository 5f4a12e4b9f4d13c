"""The options of `fabrik run`, and the sections that its help shows them in."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, TypeVar

import click

F = TypeVar("F", bound=Callable[..., Any])

_file = click.Path(path_type=Path)  # existence is checked where the file is read: one message for all of them


class Option(click.Option):
    """An option that knows its section."""

    section = ""

    def get_help_record(self, ctx: click.Context) -> tuple[str, str] | None:
        """Without click's own notes, such as [x>=0]: ours say it in words where it matters."""
        record = super().get_help_record(ctx)
        return (record[0], self.help or "") if record else None


Options = list[tuple[tuple[str, ...], dict[str, Any]]]  # their names, and what click makes of them


def option(*names: str, **settings: Any) -> tuple[tuple[str, ...], dict[str, Any]]:
    """One of a section's options."""
    return names, settings


SECTIONS: dict[str, Options] = {
    "What, from where and to where": [
        option("--spec", type=_file, metavar="FILE", help="What is wanted: Markdown or JSON."),
        option("--todo", type=_file, metavar="FILE", help="Its tasks. Default: SPEC's .todo.json, if there."),
        option(
            "--project", type=_file, metavar="DIR", help="The git repository. Default: the one you are in."
        ),
        option("--repo", metavar="URL", help="Clone the project from here instead."),
        option("--ref", metavar="REF", help="The commit, branch or tag to start from. Default: HEAD."),
        option("--branch", metavar="NAME", help="The branch to ship to. Default: spec-ID."),
        option("--push", is_flag=True, help="Also push the branch to the project's remote."),
    ],
    "Who works": [
        option("--agent", metavar="NAME", help="claude, codex, pi, opencode, gemini, command, scripted."),
        option("--agent-command", type=_file, metavar="PATH", help="The executable for --agent command."),
        option("--agent-script", type=_file, metavar="FILE", help="The steps for --agent scripted."),
        option("--model", metavar="NAME", help="The model. Default: the agent's own."),
        option("--prompt", type=_file, metavar="FILE", help="Text for the agent, on top of fabrik's own."),
        option(
            "--sandbox",
            metavar="NAME",
            help="bubblewrap (the default), podman, docker, or none: no protection.",
        ),
    ],
    "Who reviews (by default the same agent)": [
        option(
            "--review-max",
            type=click.IntRange(min=0),
            metavar="N",
            help="How often findings are sent back. Default: 2; 0: never.",
        ),
        option(
            "--reviewers-dir",
            type=_file,
            metavar="DIR",
            help="NAME.md in it: a reviewer of your own, or in place of ours.",
        ),
        option("--review-prompt", type=_file, metavar="FILE", help="Text for every reviewer."),
        option("--review-agent", metavar="NAME", help="The agent that plays the reviewers."),
        option("--review-agent-command", type=_file, metavar="PATH", help="Its executable, as above."),
        option("--review-agent-script", type=_file, metavar="FILE", help="Its steps, as above."),
        option(
            "--review-models",
            type=_file,
            metavar="FILE",
            help='A model for each, as JSON: {"_default": M, "security": M}.',
        ),
        option("--verify-agent", metavar="NAME", help="The agent that looks for evidence of each criterion."),
        option("--verify-agent-command", type=_file, metavar="PATH", help="Its executable."),
        option("--verify-agent-script", type=_file, metavar="FILE", help="Its steps."),
        option("--verify-model", metavar="NAME", help="Its model."),
        option("--no-review", is_flag=True, help="Nobody reviews; marks the run for ever."),
    ],
    "Bounds": [
        option(
            "--iterations",
            type=click.IntRange(min=0),
            metavar="N",
            help="Most sessions of the run; 0: no bound.",
        ),
        option("--attempts", type=click.IntRange(min=1), metavar="N", help="Most sessions of one task."),
        option(
            "--session-minutes",
            type=click.FloatRange(min=0, min_open=True),
            metavar="N",
            help="Time of one session.",
        ),
        option("--budget-usd", type=click.FloatRange(min=0), metavar="USD", help="Money for model calls."),
        option("--budget-tokens", type=click.IntRange(min=0), metavar="N", help="Tokens for model calls."),
    ],
    "Approval and output": [
        option("--auto-approve", is_flag=True, help="Ship without asking what nothing speaks against."),
        option("--allow-unchecked", is_flag=True, help="Run a spec without checks; marks it for ever."),
        option("--detach", is_flag=True, help="Start it and come back at once."),
        option("--json", "as_json", is_flag=True, help="One JSON object a line (fabrik docs json)."),
    ],
}


def run_options(command: F) -> F:
    """Gives `fabrik run` its options."""
    return add_options(command, SECTIONS)


def add_options(command: F, sections: Mapping[str, Options]) -> F:
    """Gives a command the options of all sections."""
    for section, options in reversed(list(sections.items())):
        for names, settings in reversed(options):
            command = click.option(*names, cls=_in(section), **settings)(command)
    return command


def write_sections(
    ctx: click.Context,
    command: click.Command,
    formatter: click.HelpFormatter,
    sections: Mapping[str, Options] = SECTIONS,
) -> None:
    """Write the options of a command, section by section; `--help` stands in the last one."""
    records: dict[str, list[tuple[str, str]]] = {section: [] for section in sections}
    last = next(reversed(records))
    for param in command.get_params(ctx):
        if (record := param.get_help_record(ctx)) is not None:
            records[getattr(param, "section", last)].append(record)
    # One column for all sections: what belongs together is seen by the headings alone.
    width = max(len(names) for rows in records.values() for names, _ in rows)
    for section, rows in records.items():
        with formatter.section(section):
            formatter.write_dl([(names.ljust(width), text) for names, text in rows], col_max=width + 2)


def _in(section: str) -> type[Option]:
    return type("Option", (Option,), {"section": section})
