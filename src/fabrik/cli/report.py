"""How a command ends when something is wrong: one message, one exit status, never a traceback."""

from __future__ import annotations

import contextlib
import errno
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


_FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)


def output_lost(error: OSError) -> int:
    """Say that standard output takes nothing any more; exit status 1. 0 where it does take more.

    An error of a stream does not name it, so one more line is tried: it fails for the same reason.
    """
    if error.errno not in (*_FULL, errno.EIO) or error.filename is not None:
        return 0
    try:
        sys.stdout.write("\n")
        sys.stdout.flush()
    except OSError as again:
        why = "no space left" if again.errno in _FULL else again.strerror or str(again)
        problem(f"cannot write the output: {why}")
        with contextlib.suppress(OSError):  # nothing tries again at the interpreter's end
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return ExitStatus.FAILED
    return 0


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
