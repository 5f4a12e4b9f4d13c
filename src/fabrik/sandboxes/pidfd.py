"""Processes held by a pidfd: a signal or a wait can never meet another process with a reused number."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import subprocess
from collections.abc import Mapping, Sequence

from fabrik.sandboxes.unprivileged import Owner, acting_as


class PidFd:
    """A handle on one process."""

    def __init__(self, pid: int) -> None:
        """Raises ProcessLookupError when there is no such process."""
        self.pid = pid
        self._fd = os.pidfd_open(pid)
        self._gone: asyncio.Future[None] | None = None

    def kill(self, number: int = signal.SIGKILL) -> None:
        """Send a signal; a process that is gone is fine."""
        if self._fd >= 0:
            with contextlib.suppress(ProcessLookupError):
                signal.pidfd_send_signal(self._fd, number)

    async def gone(self) -> None:
        """Wait until the process has ended. Cancelling the wait does nothing to the process."""
        if self._fd < 0:
            return
        if self._gone is None:
            loop = asyncio.get_running_loop()
            self._gone = loop.create_future()
            loop.add_reader(self._fd, self._ended)
        await asyncio.shield(self._gone)

    def _ended(self) -> None:
        asyncio.get_running_loop().remove_reader(self._fd)
        if self._gone is not None and not self._gone.done():
            self._gone.set_result(None)

    def close(self) -> None:
        """Give the handle back. Safe to call twice."""
        if self._fd >= 0:
            if self._gone is not None and not self._gone.done():
                asyncio.get_running_loop().remove_reader(self._fd)
                self._gone.cancel()
            os.close(self._fd)
            self._fd = -1


class Child:
    """A child of this process.

    It is started in the calling thread and not by asyncio: a process that is to die with its parent
    (PR_SET_PDEATHSIG) dies with the *thread* that started it, so this must be a thread that stays, and
    asyncio's own watcher of Python 3.11 would add one more thread per child.
    """

    def __init__(
        self,
        argv: Sequence[str],
        *,
        env: Mapping[str, str],
        stdin: int = subprocess.DEVNULL,
        stdout: int = subprocess.DEVNULL,
        stderr: int = subprocess.DEVNULL,
        pass_fds: Sequence[int] = (),
        cwd: str = "/",
        owner: Owner | None = None,
    ) -> None:
        """owner: whom it runs as; None: the user that we are.

        Raises OSError when it cannot be started, and ValueError on a NUL in argv or env.
        """
        with acting_as(owner) as more:
            self._popen = subprocess.Popen(
                list(argv),
                env=dict(env),
                stdin=stdin,
                stdout=stdout,
                stderr=stderr,
                pass_fds=tuple(pass_fds),
                cwd=cwd,
                umask=0o022,  # the worker's own is private; inside, files get the usual modes
                start_new_session=True,  # a Ctrl-C in the terminal is for the worker to answer
                **more,
            )
        self.pid = self._popen.pid
        self.handle = PidFd(self.pid)

    async def wait(self) -> int:
        """Its exit status, or minus the number of the signal that ended it."""
        await self.handle.gone()
        return self._popen.wait()

    async def close(self) -> None:
        """Make sure that it is gone, and give everything back."""
        self.handle.kill()
        await self.wait()
        self.handle.close()
