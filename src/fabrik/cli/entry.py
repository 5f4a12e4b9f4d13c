"""The entry point of the `fabrik` program: as little as possible before and after the command itself."""

from __future__ import annotations

import contextlib
import gc
import os
import sys
from typing import NoReturn


def main() -> NoReturn:
    """Run the command that the command line names, and end with its exit status."""
    # While modules are loaded there is no garbage to be found; looking for it takes two milliseconds.
    gc.set_threshold(50_000)
    from fabrik.cli.main import run

    status = run()
    for stream in (sys.stdout, sys.stderr):
        with contextlib.suppress(OSError, ValueError):
            stream.flush()
    # Everything is written and closed. Taking the interpreter down in order would take nine milliseconds
    # more, a sixth of `fabrik runs list`, to free memory that the kernel frees anyway.
    os._exit(status)
