"""How a command ends when something is wrong: one message, one exit status, never a traceback."""

from __future__ import annotations

import os
import sys
import time
from typing import TYPE_CHECKING, TextIO

from fabrik import paths
from fabrik.cli.screen import Screen
from fabrik.cli.text import neutralise
from fabrik.errors import FabrikError
from fabrik.outcome import ExitStatus

if TYPE_CHECKING:
    import click


def problem(what: str, *, where: str = "", todo: str = "", stream: TextIO | None = None) -> None:
    """Write one message: what is wrong, where, and what to do."""
    screen = Screen(stream if stream is not None else sys.stderr)
    head = f"{where}: {what}" if where else what
    screen.line(screen.paint("error:", "bad") + " " + neutralise(head))
    if todo:
        screen.line("  → " + neutralise(todo).replace("\n", "\n    "))


def fabrik_error(error: FabrikError) -> int:
    """Show one of our own errors; the exit status that it carries."""
    problem(error.what, where=error.where, todo=error.todo)
    return error.exit_status


def usage_error(error: click.ClickException) -> int:
    """Show what click found wrong with the command line; the exit status, 2."""
    ctx = getattr(error, "ctx", None)
    todo = f"{ctx.command_path} --help" if ctx is not None else ""
    problem(error.format_message(), todo=todo)
    return ExitStatus.USAGE


def crash(error: BaseException) -> int:
    """Write the traceback of an error nobody expected to a file, and say where it is; exit status 1."""
    import traceback

    text = "".join(traceback.format_exception(error))
    summary = traceback.format_exception_only(error)[-1].strip()
    log = paths.home().directory / f"crash-{time.strftime('%Y%m%dT%H%M%S')}-{os.getpid()}.log"
    try:
        log.parent.mkdir(parents=True, exist_ok=True)
        log.write_text(f"fabrik {' '.join(sys.argv[1:])}\n{text}")
    except OSError as reason:
        problem(f"unexpected: {summary} (its traceback could not be written: {reason})")
    else:
        problem(f"unexpected: {summary}", todo=f"the traceback is in {log}; please report it")
    return 1
