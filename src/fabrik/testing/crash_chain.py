"""A run that is killed at each of its transitions in turn, with `kill -9`, and taken up again at once.

    python -m fabrik.testing.crash_chain RUN_ID --each FILE --when before|after --kill worker|both

Each worker is a fork of this process, so that Python starts once for all of them. It is killed at the first
transition that is new: see `fabrik.testing.crash_worker`. The chain ends, with the worker's exit status, when
one of them comes to its end: the run has its verdict or waits for a human. `killed N` on stdout says how
often it was killed until then.
"""

from __future__ import annotations

import argparse
import os
import signal
import sys
import traceback
from pathlib import Path

from fabrik import paths
from fabrik.ledger.store import Ledger
from fabrik.outcome import EXIT_OF_VERDICT, Verdict
from fabrik.testing.crash_worker import WHEN, Transitions
from fabrik.workflows import worker

MOST = 500  # workers: a run that needs more makes no progress


def one(run: str, transitions: Transitions) -> int:
    """A worker in a process of its own, to its end; its exit status, or the negative signal."""
    pid = os.fork()
    if pid == 0:
        status = 70
        try:
            transitions.install()
            status = worker.main([run])
        except BaseException:  # noqa: BLE001 - a fork must not go on as its parent
            traceback.print_exc()
        finally:
            sys.stdout.flush()
            sys.stderr.flush()
            os._exit(status)
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])


def has_ended(run: str) -> int | None:
    """The exit status that goes with the verdict of the run, if it has one: then no worker takes it up."""
    with Ledger.open(paths.home().ledger) as ledger:
        status = ledger.find_run(run).status
    return None if status in ("running", "waiting") else EXIT_OF_VERDICT[Verdict(status)]


def main() -> int:
    """Take the run as far as it goes; the exit status of its last worker."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("run")
    parser.add_argument("--each", type=Path, required=True)
    parser.add_argument("--when", choices=WHEN, default="before")
    parser.add_argument("--kill", choices=("worker", "both"), default="worker")
    given = parser.parse_args()
    for killed in range(MOST):
        status = one(given.run, Transitions(each=given.each, when=given.when, kill=given.kill))
        if status != -signal.SIGKILL:
            os.write(1, b"killed %d\n" % killed)
            return status
        if (ended := has_ended(given.run)) is not None:
            os.write(1, b"killed %d\n" % (killed + 1))
            return ended
    raise SystemExit(f"the run was killed {MOST} times and did not end")


if __name__ == "__main__":
    sys.exit(main())
