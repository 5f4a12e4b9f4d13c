"""Reads a command line of the manual with the real commands: do they exist, with these options and arguments?

Placeholders are taken as values: RUN, DIR, …; `[OPTION]` in brackets is read as if it were there, and of
`attach|resume|cancel` each is tried.
"""

from __future__ import annotations

import itertools
import re
import shlex
from collections.abc import Iterator

import click

from fabrik.cli.main import fabrik

_END = re.compile(r"^(?:\||\|\||&&?|;|>{1,2}|<|2>&1|2>.*)$")
_PLACEHOLDER = re.compile(r"[A-Z][A-Z_-]*…?|.*…|.*\$.*")


def wrong_with(line: str) -> str | None:
    """What is wrong with the command line; None: nothing."""
    for words in _variants(line):
        if (found := _wrong(words)) is not None:
            return found
    return None


def commands() -> Iterator[tuple[str, click.Command]]:
    """Every command with its name, such as `fabrik runs list`; groups, too."""
    todo: list[tuple[str, click.Command]] = [("fabrik", fabrik)]
    while todo:
        name, command = todo.pop()
        yield name, command
        if isinstance(command, click.Group):
            context = click.Context(command)
            todo += [
                (f"{name} {sub}", found)
                for sub in command.list_commands(context)
                if (found := command.get_command(context, sub)) is not None
            ]


def _variants(line: str) -> Iterator[list[str]]:
    plain = re.sub(r"(?<![\w'\"(])\[([^\]]*)\]", r" \1 ", line)  # [DIR] and [--json], but not a glob
    lexer = shlex.shlex(plain, posix=True, punctuation_chars=";&>")
    lexer.whitespace_split = True
    lexer.commenters = "#"
    words = list(lexer)[1:]
    words = list(itertools.takewhile(lambda word: not _END.match(word), words))
    choices = [word.split("|") if re.fullmatch(r"[\w.-]+(\|[\w.-]+)+", word) else [word] for word in words]
    yield from (list(choice) for choice in itertools.product(*choices))


def _wrong(words: list[str]) -> str | None:
    command: click.Command = fabrik
    context = click.Context(command, info_name="fabrik")
    rest = words
    while True:
        if isinstance(command, click.Group) and not command.invoke_without_command:
            if rest[:1] == ["…"]:
                return None  # any command of this group
        else:
            # What is left out; but after an option it is a value.
            rest = [
                word for word, last in zip(rest, ["", *rest], strict=False) if word != "…" or last[:1] == "-"
            ]
        own, rest = _own(command, context, rest)
        if own is not None:
            return own
        if not isinstance(command, click.Group) or not rest:
            return None
        name, *rest = rest
        if _PLACEHOLDER.fullmatch(name):
            return None
        found = command.get_command(context, name)
        if found is None:
            return f"`{context.command_path}` has no command {name!r}"
        command = found
        context = click.Context(command, info_name=name, parent=context)


def _own(command: click.Command, context: click.Context, words: list[str]) -> tuple[str | None, list[str]]:
    """What is wrong with the options and arguments of the command itself; what is left for its commands."""
    try:
        values, rest, _ = command.make_parser(context).parse_args(list(words))
    except click.UsageError as error:
        return error.format_message(), []
    if isinstance(command, click.Group):
        return None, rest
    if rest:
        return f"`{context.command_path}` takes no argument {' '.join(rest)!r}", []
    for param in command.get_params(context):
        value = values.get(param.name or "")
        if not isinstance(param.type, click.Choice) or value is None or value == ():
            continue
        for one in value if isinstance(value, list | tuple) else [value]:
            if isinstance(one, str) and not _PLACEHOLDER.fullmatch(one) and one not in param.type.choices:
                return f"{param.name} of `{context.command_path}` cannot be {one!r}", []
    return None, []
