"""Groups whose commands are imported only when they are used: `fabrik runs list` pays for itself alone."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import click


@dataclass(frozen=True, kw_only=True)
class Entry:
    """A command that is not imported yet."""

    target: str  # "package.module:attribute"
    help: str  # one line for the list of commands
    section: str = "Commands"  # the heading it stands under


class LazyGroup(click.Group):
    """A group that knows its commands by name and one line of help, and imports one when it is called."""

    entries: dict[str, Entry]

    def __init__(self, *args: Any, entries: dict[str, Entry], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.entries = entries

    def list_commands(self, ctx: click.Context) -> list[str]:
        return [*super().list_commands(ctx), *self.entries]

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if (entry := self.entries.get(cmd_name)) is None:
            return super().get_command(ctx, cmd_name)
        # importlib.import_module would do; its module costs a millisecond that __import__ does not.
        module, _, attribute = entry.target.partition(":")
        command = getattr(__import__(module, fromlist=[attribute]), attribute)
        if not isinstance(command, click.Command):
            raise TypeError(f"{entry.target} is not a command")
        return command

    def resolve_command(self, ctx: click.Context, args: list[str]) -> Any:
        try:
            return super().resolve_command(ctx, args)
        except click.UsageError as error:
            from fabrik.problems import closest

            # click itself suggests only commands that are imported already.
            meant = closest(args[0], self.list_commands(ctx))
            if meant and "Did you mean" not in error.format_message():
                raise click.UsageError(f"{error.message} Did you mean {meant!r}?", ctx) from None
            raise

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:  # noqa: ARG002
        sections: dict[str, list[tuple[str, str]]] = {}
        for name, command in self.commands.items():
            sections.setdefault("Commands", []).append((name, command.get_short_help_str(80)))
        for name, entry in self.entries.items():
            sections.setdefault(entry.section, []).append((name, entry.help))
        for section, rows in sections.items():
            with formatter.section(section):
                formatter.write_dl(rows)
