"""The model server as a thread of this process, for tests, the bench and the demo."""

from __future__ import annotations

import asyncio
import socket
import threading
from collections.abc import Callable, Sequence
from types import TracebackType

import uvicorn

from fabrik.errors import EnvironmentProblem
from fabrik.testing.model_server.app import App
from fabrik.testing.model_server.exchange import OpenConnection
from fabrik.testing.model_server.record import Call, Log
from fabrik.testing.model_server.routes import PREFIXES
from fabrik.testing.model_server.script import Script
from fabrik.usage import Usage, Vendor, total


class ModelServer:
    """Plays a script over HTTP on loopback, in a thread of its own.

        with ModelServer(script) as server:
            env["ANTHROPIC_BASE_URL"] = server.url("anthropic")

    port: 0 takes a free one, and keeps it when the server is started again. key: the only API key that is
    taken; None takes any, and none. Starting raises EnvironmentProblem when the port cannot be had.
    """

    def __init__(self, script: Script, *, port: int = 0, key: str | None = None) -> None:
        self.port = port  # from the first start on, the port it listens on
        self._log = Log()
        self._app = App(script, self._log, key=key)
        self._running: tuple[_Server, threading.Thread] | None = None

    def __enter__(self) -> ModelServer:
        listener = _listen(self.port)
        self.port = int(listener.getsockname()[1])
        server = _Server(self._app)
        self._app.holds.clear()  # they belonged to the loop of an earlier start
        thread = threading.Thread(target=server.serve_on, args=(listener,), name="model-server", daemon=True)
        thread.start()
        server.ready.wait()
        if not server.started:
            raise EnvironmentProblem("the model server did not start", where=f"127.0.0.1:{self.port}")
        self._running = server, thread
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._running is not None:
            (server, thread), self._running = self._running, None
            server.stop()
            thread.join()

    def url(self, vendor: Vendor) -> str:
        """The base URL as the vendor's own variable wants it: OpenAI's with /v1, all without a slash."""
        return f"http://127.0.0.1:{self.port}{PREFIXES[vendor]}"

    @property
    def calls(self) -> tuple[Call, ...]:
        """All requests so far, in order of arrival."""
        return self._log.calls

    def expected_usage(self, which: Callable[[Call], bool] = lambda _: True) -> Usage:
        """The sum of the usage stated in complete answers, of the calls chosen. What they cost is unknown."""
        return total(call.usage for call in self.calls if call.usage is not None and which(call))

    def wait_for(
        self, condition: Callable[[Sequence[Call]], bool], *, seconds: float = 30
    ) -> tuple[Call, ...]:
        """Wait until the calls fulfil the condition. Raises TimeoutError, which shows them.

        It blocks: in asynchronous code, call it in a thread.
        """
        return self._log.wait_for(condition, seconds)

    def release(self, hold: str = "hang") -> None:
        """Let the requests go on that hang in this hold, and all that come to it until the next start."""
        if self._running is None:
            raise RuntimeError("the server is not running")
        self._running[0].call(lambda: self._app.holds[hold].set())


class _Server(uvicorn.Server):
    """uvicorn, told from another thread when to stop, and leaving no connection behind."""

    def __init__(self, app: App) -> None:
        super().__init__(
            uvicorn.Config(
                app,
                loop="asyncio",
                http=OpenConnection,
                ws="none",
                lifespan="off",
                log_config=None,
                log_level="critical",
                access_log=False,
                server_header=False,
                timeout_keep_alive=75,
            )
        )
        self.ready = threading.Event()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._stopping = asyncio.Event()

    def stop(self) -> None:
        """Break all connections and end."""
        self.call(self._stopping.set)

    def call(self, do: Callable[[], object]) -> None:
        """Have the server's thread do something soon."""
        if self._loop is None:
            raise RuntimeError("the server has not been started")
        self._loop.call_soon_threadsafe(do)

    def serve_on(self, listener: socket.socket) -> None:
        """The whole life of the server, in its thread."""
        try:
            self.run([listener])
        finally:
            listener.close()
            self.ready.set()  # also when it could not start, or the waiting thread would wait for ever

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """As in uvicorn, and then tell the thread that waits."""
        self._loop = asyncio.get_running_loop()
        await super().startup(sockets)
        self.ready.set()

    async def main_loop(self) -> None:
        """Wait for stop(), where uvicorn would look ten times a second."""
        await self.on_tick(0)  # the Date header
        await self._stopping.wait()

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:  # noqa: ARG002 - uvicorn's
        """Break all connections, where uvicorn would wait for the clients to close them."""
        for server in self.servers:
            server.close()
        for connection in list(self.server_state.connections):
            connection.transport.abort()
        await asyncio.gather(*self.server_state.tasks, return_exceptions=True)
        for server in self.servers:
            await server.wait_closed()


def _listen(port: int) -> socket.socket:
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(("127.0.0.1", port))
    except OSError as error:
        listener.close()
        raise EnvironmentProblem(
            f"the model server cannot listen: {error.strerror}",
            where=f"127.0.0.1:{port}",
            todo="give another port, or 0 for a free one",
        ) from error
    return listener
