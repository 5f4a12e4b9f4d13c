"""`fabrik spec`: write and validate specs; the other commands are modules of their own."""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from fabrik.cli.lazy import Entry, LazyGroup
from fabrik.cli.render.words import quoted
from fabrik.cli.screen import Screen
from fabrik.cli.text import neutralise
from fabrik.outcome import ExitStatus

if TYPE_CHECKING:
    from fabrik.cli.screen import Tone
    from fabrik.problems import Problem
    from fabrik.specs.new import Template

# pydantic and the readers are imported by the command that needs them: `fabrik spec --help` does not.

SPECS = Path("specs")


COMMANDS = {
    "interview": Entry(
        target="fabrik.cli.spec_interview:interview", help="An agent asks, and writes the spec."
    ),
    "review": Entry(target="fabrik.cli.spec_review:review", help="Is it checkable? What to change."),
    "convert": Entry(
        target="fabrik.cli.spec_convert:convert", help="Markdown to JSON and back, without loss."
    ),
    "minify": Entry(target="fabrik.cli.spec_minify:minify", help="Fewer tokens, the same spec."),
    "status": Entry(target="fabrik.cli.spec_status:status", help="What became of each spec."),
    "schema": Entry(target="fabrik.cli.spec_schema:schema", help="JSON schemas, for editors."),
}


@click.group(cls=LazyGroup, entries=COMMANDS, no_args_is_help=True)
def spec() -> None:
    """Write, validate, review and convert specs."""


@spec.command("validate", short_help="Every error of every spec and todo at once.")
@click.argument("paths", metavar="[PATH]...", nargs=-1, type=click.Path(path_type=Path))
@click.option("--json", "as_json", is_flag=True, help="The report as JSON.")
@click.pass_context
def validate(ctx: click.Context, paths: tuple[Path, ...], as_json: bool) -> None:
    """Report every error of specs and their todos, with file, place and what to do.

    PATH is a spec, a todo, or a directory with specs; by default ./specs, and the current directory where
    there is none. A spec without a check is an error, but for a project whose AGENTS.md names checks. Exit
    status 2 when there is an error; warnings do not count.

    \b
    Examples:
      fabrik spec validate
      fabrik spec validate specs/0001-search.md --json
    """
    from fabrik.errors import UsageError
    from fabrik.specs.validate import inspect

    chosen = list(paths) or [SPECS if SPECS.is_dir() else Path()]
    report = inspect(chosen, project_checks=_project_has_checks(Path.cwd()))
    if not report.files and not report.errors:
        where = ", ".join(str(path) for path in chosen)
        raise UsageError("there are no specs", where=where, todo="write one: fabrik spec new NAME")
    screen = Screen()
    if as_json:
        document = {
            "files": report.files,
            "errors": [_json(problem) for problem in report.errors],
            "warnings": [_json(problem) for problem in report.warnings],
            "skipped": [str(path) for path in report.skipped],
        }
        screen.line(json.dumps(document, indent=2))
    else:
        _show(screen, report.errors, "error", "bad")
        _show(screen, report.warnings, "warning", "warn")
        if report.skipped:
            names = ", ".join(neutralise(path.name) for path in report.skipped)
            screen.line(f"not taken for specs: {names}", "dim")
        counts = (
            _count(report.files, "file"),
            _count(len(report.errors), "error"),
            _count(len(report.warnings), "warning"),
        )
        screen.line(", ".join(counts), "bad" if report.errors else "good")
    if report.errors:
        ctx.exit(ExitStatus.USAGE)


def _project_has_checks(here: Path) -> bool:
    """Whether the AGENTS.md of the repository that this directory is in names commands that validate work."""
    from fabrik.playbook import agents_md, layout

    root = next((place for place in (here, *here.parents) if (place / ".git").exists()), None)
    agents = None if root is None else layout.find(root).agents
    return agents is not None and bool(agents_md.checks(layout.read(agents)))


@spec.command("new", short_help="A first spec to fill in.")
@click.argument("name")
@click.option(
    "--dir", "directory", type=click.Path(path_type=Path, file_okay=False), default=SPECS, show_default=True
)
@click.option(
    "--template",
    type=click.Choice(["feature", "bug", "refactoring", "release"]),
    default="feature",
    show_default=True,
    help="What kind of work it is.",
)
@click.option("--json", "as_json", is_flag=True, help="Write JSON, with a todo, instead of Markdown.")
@click.option("--title", help="The spec's title; by default made of NAME.")
def new(name: str, directory: Path, template: Template, as_json: bool, title: str | None) -> None:
    """Write a first spec called NAME, with every section explained.

    NAME may be a path: `fabrik spec new specs/0001-search.md`. What is there is never overwritten. The new
    spec is valid, and its check fails until you have written the one that proves your feature.

    \b
    Examples:
      fabrik spec new specs/0001-search.md
      fabrik spec new 0002-crash --template bug --title "No crash on an empty file"
    """
    from datetime import date

    from fabrik.specs.new import plan, write

    planned = plan(
        name,
        directory,
        as_json=as_json,
        title=title,
        project=Path(),
        today=date.today(),
        template=template,
    )
    write(planned)
    screen = Screen()
    first = next(iter(planned.files))
    for path in planned.files:
        screen.line(f"wrote {neutralise(str(path))}")
    screen.line("Fill it in, write its check, then:")
    typed = neutralise(quoted(str(first)))
    screen.line(f"  fabrik spec review {typed}")
    screen.line(f"  fabrik run --spec {typed}")


def _show(screen: Screen, problems: Iterable[Problem], word: str, tone: Tone) -> None:
    for problem in problems:
        head, *rest = neutralise(str(problem)).split("\n  → ")
        screen.line(f"{screen.paint(word + ':', tone)} {head}")
        for todo in rest:
            screen.line(f"  → {todo}")


def _json(problem: Problem) -> dict[str, Any]:
    return {"file": problem.file, "where": problem.where, "what": problem.what, "todo": problem.todo}


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}{'' if number == 1 else 's'}"
