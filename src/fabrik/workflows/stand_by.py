"""A worker as a process: how it is started, also before it is known for which run."""

from __future__ import annotations

import json
import os
import select
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO

from fabrik import paths

READY_SECONDS = 60.0  # a worker that takes longer to own its run is reported


def begin(argv: list[str], *, stdin: int, output: int | IO[bytes], passed: int) -> subprocess.Popen[bytes]:
    """Start a worker's process, apart from this one's terminal. passed: a descriptor that it inherits."""
    home = paths.home()
    return subprocess.Popen(
        [sys.executable, "-m", "fabrik.workflows.worker", *argv],
        stdin=stdin,
        stdout=output,
        stderr=output,
        pass_fds=(passed,),
        start_new_session=True,
        cwd="/",
        env={**os.environ, "FABRIK_HOME": str(home.directory)},  # it may be relative to where we are
    )


def read_answer(ready: int) -> bytes:
    """What the worker says when it has taken its run, or not; nothing when it ended without a word."""
    with os.fdopen(ready, "rb") as pipe:
        if not select.select([pipe], [], [], READY_SECONDS)[0]:
            return b""
        return pipe.readline()


class StandBy:
    """A process that waits to become the worker of a run. It ends by itself when nobody tells it of one."""

    def __init__(self, workflow: str) -> None:
        self._ready, told = os.pipe()
        try:
            self.process: subprocess.Popen[bytes] | None = begin(
                ["--stand-by", workflow, "--ready-fd", str(told)],
                stdin=subprocess.PIPE,
                output=subprocess.DEVNULL,
                passed=told,
            )
        except OSError:
            os.close(self._ready)
            self.process = None  # the worker is started when it is needed, and says then what is wrong
        finally:
            os.close(told)

    def become(self, run_id: str, options: list[str], log: Path) -> bytes | None:
        """Let it take the run, and return its answer; None when it cannot any more."""
        process, self.process = self.process, None
        if process is None or process.stdin is None:
            return None
        try:
            with process.stdin as orders:
                orders.write(json.dumps({"argv": [run_id, *options], "log": str(log)}).encode() + b"\n")
        except OSError:  # it has ended: an own one will say why
            os.close(self._ready)
            process.wait()
            return None
        answer = read_answer(self._ready)
        process.returncode = process.returncode or 0  # it outlives this process on purpose
        return answer

    def close(self) -> None:
        """Send it away, unless it became a worker."""
        process, self.process = self.process, None
        if process is None:
            return
        os.close(self._ready)
        if process.stdin is not None:
            with suppress(OSError):
                process.stdin.close()
        process.returncode = process.returncode or 0  # it ends on its own, once its modules are loaded


@contextmanager
def standing_by(workflow: str) -> Iterator[StandBy]:
    """A process that may become the worker of a run of that workflow, as long as the block lasts."""
    waiting = StandBy(workflow)
    try:
        yield waiting
    finally:
        waiting.close()


def told(options: Sequence[str]) -> list[str] | None:
    """In the process itself: wait for its run, and return the arguments of a worker. None: there is none.

    options: more of these. The output goes to the run's log from then on.
    """
    line = sys.stdin.buffer.readline()
    if not line:
        return None
    orders = json.loads(line)
    nothing = os.open(os.devnull, os.O_RDONLY)
    log = os.open(orders["log"], os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    for standard, descriptor in ((0, nothing), (1, log), (2, log)):
        os.dup2(descriptor, standard)
    os.close(nothing)
    os.close(log)
    return [*orders["argv"], *options]
