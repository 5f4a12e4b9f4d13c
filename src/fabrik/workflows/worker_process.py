"""The worker as a process: what it is started for, whom it answers, and the signals that end it."""

from __future__ import annotations

import asyncio
import json
import os
import signal
from contextlib import suppress
from dataclasses import dataclass

from fabrik.errors import FabrikError

# These end the worker; its run is cancelled if somebody asked for that, and stays resumable otherwise.
ENDING = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)


@dataclass(frozen=True, kw_only=True)
class Orders:
    """What the worker is started for: see `fabrik.workflows.worker`."""

    run: str
    ready: int | None = None  # the descriptor for the answer
    after: int | None = None  # the last event that was known when it was started
    cancel: bool = False

    @classmethod
    def read(cls, argv: list[str]) -> Orders:
        def number(name: str) -> int | None:
            return int(argv[argv.index(name) + 1]) if name in argv else None

        return cls(
            run=argv[0], ready=number("--ready-fd"), after=number("--after"), cancel="--cancel" in argv
        )


class Starter:
    """Who started this worker, and waits to hear whether it has taken the run. Told once."""

    def __init__(self, descriptor: int | None) -> None:
        self._descriptor = descriptor

    def taken(self) -> None:
        self._tell({"ok": True})

    def refused(self, error: FabrikError) -> None:
        self._tell({"ok": False, "error": str(error), "status": error.exit_status})

    def _tell(self, message: dict[str, object]) -> None:
        if self._descriptor is not None:
            with suppress(BrokenPipeError), os.fdopen(self._descriptor, "w") as pipe:
                pipe.write(json.dumps(message) + "\n")
            self._descriptor = None


def hold_signals() -> None:
    """From the claim on a signal is how a run is cancelled: it waits until somebody can hear it."""
    signal.pthread_sigmask(signal.SIG_BLOCK, ENDING)


class Signals:
    """Lets the first signal cancel the work: not before it has begun, and not after its end."""

    def __init__(self) -> None:
        task = asyncio.current_task()
        assert task is not None  # noqa: S101
        self._task = task
        self._heard = False
        self._working = False
        for number in ENDING:
            asyncio.get_running_loop().add_signal_handler(number, self._hear)
        signal.pthread_sigmask(signal.SIG_UNBLOCK, ENDING)

    def _hear(self) -> None:
        if self._working and not self._heard:
            self._task.cancel()
        self._heard = True

    def begin(self) -> None:
        """From now on. One that came earlier counts now."""
        self._working = True
        if self._heard:
            self._task.cancel()

    async def no_more(self) -> None:
        """What follows is written to its end. A signal that came at the last moment is taken back."""
        self._working = False
        with suppress(asyncio.CancelledError):
            await asyncio.sleep(0)
