"""`fabrik spec schema`: JSON schemas, for editors."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from fabrik.cli.screen import Screen
from fabrik.cli.text import neutralise

if TYPE_CHECKING:
    from fabrik.specs.schema import Name


@click.command("schema", short_help="JSON schemas, for editors.")
@click.argument("name", type=click.Choice(["spec", "todo"]), required=False)
@click.option(
    "--out", type=click.Path(path_type=Path, file_okay=False), help="Write them into this directory."
)
def schema(name: Name | None, out: Path | None) -> None:
    """Print the JSON schema (draft 2020-12) of spec.json or todo.json, or write both to a directory.

    \b
    For VS Code, in .vscode/settings.json, after `fabrik spec schema --out .vscode`:
      "json.schemas": [
        {"fileMatch": ["specs/*.todo.json"], "url": "./.vscode/todo.schema.json"},
        {"fileMatch": ["specs/*.json", "!specs/*.todo.json"], "url": "./.vscode/spec.schema.json"}
      ]

    Or name it in a file: "$schema": "../.vscode/spec.schema.json".

    \b
    Examples:
      fabrik spec schema spec
      fabrik spec schema --out .vscode
    """
    from fabrik.errors import FabrikError, UsageError
    from fabrik.specs.schema import NAMES, file_name, text

    screen = Screen()
    if out is None:
        if name is None:
            raise UsageError("which schema?", todo="fabrik spec schema spec, or todo; both with --out DIR")
        screen.line(text(name).rstrip("\n"))
        return
    for one in [name] if name else NAMES:
        path = out / file_name(one)
        try:
            out.mkdir(parents=True, exist_ok=True)
            path.write_text(text(one), encoding="utf-8")
        except OSError as error:
            raise FabrikError(f"cannot be written: {error.strerror}", where=str(path)) from error
        screen.line(f"wrote {neutralise(str(path))}")
