"""The help of every command shows how it is typed."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator

import click
import pytest

from fabrik.cli.main import fabrik


def commands(context: click.Context) -> Iterator[tuple[str, click.Context]]:
    """Every command that does something by itself, with what is typed for it."""
    command = context.command
    if isinstance(command, click.Group):
        for name in command.list_commands(context):
            below = command.get_command(context, name)
            assert below is not None
            yield from commands(click.Context(below, parent=context, info_name=name))
        if not command.invoke_without_command:
            return
    yield context.command_path, context


FOUND = dict(commands(click.Context(fabrik, info_name="fabrik")))


@pytest.mark.parametrize("path", sorted(FOUND))
def test_the_help_of_a_command_has_an_example_of_it(path: str) -> None:
    shown = FOUND[path].get_help()
    _, found, after = shown.partition("Examples:\n")
    assert found, f"{path} --help has no example"
    examples = [line.strip() for line in re.split(r"\n\s*\n", after)[0].splitlines()]
    assert examples and any(path in line for line in examples)


@pytest.mark.parametrize("path", sorted(FOUND))
def test_the_examples_name_options_that_there_are(path: str) -> None:
    context = FOUND[path]
    options = {name for one in context.command.params for name in (*one.opts, *one.secondary_opts)}
    options |= {"--help", "-h"}
    block = re.split(r"\n\s*\n", context.get_help().partition("Examples:\n")[2])[0]
    for line in block.splitlines():
        _, typed, arguments = line.partition(f"{path} ")
        if not typed:
            continue
        words = shlex.split(re.split(r" {2,}| > ", arguments)[0])
        used = {word.partition("=")[0] for word in words if re.match(r"--?[a-z]", word)}
        sub = isinstance(context.command, click.Group) and words[:1] and not words[0].startswith("-")
        assert sub or used <= options, (line, used - options)
