"""Doors: their sockets, their end, and what happens when the ledger or the worker fails."""

from __future__ import annotations

import asyncio
import os
import socket
import stat
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import httpx
import pytest
import wire
from gateway_kit import Ledger, Part, Reply, client, gateway, run, serving, session, until, upstreams
from wire import SSE, TARGETS

from fabrik.errors import EnvironmentProblem, UsageError
from fabrik.gateway.gateway import Gateway
from fabrik.gateway.types import GatewayConfig
from fabrik.usage import ModelCall, WireProtocol


def make(directory: Path, ledger: Ledger | None = None) -> Gateway:
    ledger = ledger or Ledger()
    return Gateway(
        GatewayConfig(upstreams=upstreams("http://127.0.0.1:9")),
        directory=directory,
        on_call_started=ledger.on_call_started,
        on_call=ledger.on_call,
        on_egress=ledger.on_egress,
    )


def test_sockets_are_private_and_gone_afterwards(tmp_path: Path) -> None:
    directory = tmp_path / "a" / "b"

    async def main() -> None:
        async with make(directory) as opened:
            assert stat.S_IMODE(directory.stat().st_mode) == 0o700
            assert stat.S_IMODE(directory.parent.stat().st_mode) == 0o700
            async with opened.door("one") as first, opened.door("two") as second:
                found = sorted(directory.iterdir())
                assert found == sorted((first.models, first.proxy, second.models, second.proxy))
                for path in found:
                    assert stat.S_ISSOCK(path.stat().st_mode)
                    assert stat.S_IMODE(path.stat().st_mode) == 0o600
            assert list(directory.iterdir()) == []
        assert not directory.exists()

    run(main())


def test_sockets_of_a_crashed_worker_are_removed(tmp_path: Path) -> None:
    child = f"""
import asyncio, os, signal, sys
sys.path.insert(0, {str(Path(__file__).parent)!r})
from pathlib import Path
from test_gateway_doors import make
async def main():
    async with make(Path({str(tmp_path / "d")!r})) as opened, opened.door("one"):
        os.kill(os.getpid(), signal.SIGKILL)
asyncio.run(main())
"""
    assert subprocess.run([sys.executable, "-c", child], check=False).returncode == -9
    assert len(list((tmp_path / "d").iterdir())) == 2
    (tmp_path / "d" / "note").write_text("not a socket")

    async def main() -> None:
        async with make(tmp_path / "d") as opened, opened.door("one") as paths, client(paths.models) as http:
            assert (await http.head("/anthropic/api/hello")).status_code == 200
        assert [entry.name for entry in (tmp_path / "d").iterdir()] == ["note"]

    run(main())


def test_a_directory_that_others_can_write_is_refused(tmp_path: Path) -> None:
    (tmp_path / "open").mkdir()
    (tmp_path / "open").chmod(0o777)
    (tmp_path / "link").symlink_to(tmp_path)
    (tmp_path / "file").write_text("")

    async def main() -> None:
        for directory in (tmp_path / "open" / "d", tmp_path / "link", tmp_path / "file"):
            with pytest.raises(EnvironmentProblem):
                await make(directory).__aenter__()

    run(main())


@pytest.mark.skipif(os.getuid() != 0, reason="needs root to give a directory away")
@pytest.mark.optional(reason="needs root to give a directory away")
def test_a_directory_of_another_user_is_refused(tmp_path: Path) -> None:
    (tmp_path / "theirs").mkdir(mode=0o700)
    os.chown(tmp_path / "theirs", 54321, 54321)

    async def main() -> None:
        with pytest.raises(EnvironmentProblem, match="another user"):
            await make(tmp_path / "theirs" / "d").__aenter__()

    run(main())


def test_a_path_too_long_for_a_socket_is_refused(tmp_path: Path) -> None:
    async def main() -> None:
        with pytest.raises(EnvironmentProblem, match="too long"):
            await make(tmp_path / ("x" * 100)).__aenter__()

    run(main())


def test_bad_names_in_the_allowlist_are_all_reported(tmp_path: Path) -> None:
    with pytest.raises(UsageError) as caught:
        Gateway(
            GatewayConfig(upstreams={}, allow=("ok.example", "https://x/", "a@b", "*.10.0.0.1")),
            directory=tmp_path,
            on_call_started=Ledger().on_call_started,
            on_call=Ledger().on_call,
            on_egress=Ledger().on_egress,
        )
    for wrong in ("https://x/", "a@b", "*.10.0.0.1"):
        assert wrong in str(caught.value)
    assert "ok.example" not in str(caught.value)


@pytest.mark.parametrize("started", [True, False])
def test_closing_a_door_cuts_and_records_what_is_open(started: bool) -> None:
    """Before the answer's first byte, and in the middle of it."""

    async def main() -> None:
        never = asyncio.Event()
        parts: list[Part] = [wire.ANTHROPIC[:300], never] if started else [never]
        async with serving(Reply(headers=SSE, parts=parts)) as server, gateway(server.url) as house:
            async with house.gateway.door("one") as paths:
                http = client(paths.models)
                call = asyncio.ensure_future(http.post(TARGETS["anthropic"], json=wire.ask("anthropic")))
                await until(lambda: bool(server.seen))
            assert [(call.outcome, call.status) for call in house.ledger.calls] == [("cut", 0)]
            assert house.ledger.order == ["start 1", "end 1"]
            with pytest.raises(httpx.HTTPError):
                await call
            await http.aclose()
            await until(server.cut_seen.is_set)

    run(main())


def test_cancelling_the_worker_records_calls_in_flight() -> None:
    async def main() -> None:
        ledger: Ledger | None = None
        never = asyncio.Event()
        async with serving(Reply(headers=SSE, parts=[never])) as server:

            async def work() -> None:
                nonlocal ledger
                async with gateway(server.url) as house, session(house) as http:
                    ledger = house.ledger
                    await http.post(TARGETS["gemini"], json=wire.ask("gemini"))

            worker = asyncio.ensure_future(work())
            await until(lambda: bool(server.seen))
            worker.cancel()
            with pytest.raises(asyncio.CancelledError):
                await worker
            assert ledger is not None
            assert [call.outcome for call in ledger.calls] == ["cut"]
            assert ledger.calls[0].usage.total_tokens is None

    run(main())


def test_a_call_that_waits_for_the_budget_ends_with_its_door() -> None:
    async def main() -> None:
        never = asyncio.Event()
        async with (
            serving(Reply(headers=SSE, parts=[never])) as server,
            gateway(
                server.url,
                config=lambda config: replace(config, budget=replace(config.budget, tokens=50)),
            ) as house,
        ):
            async with house.gateway.door("one") as paths:
                http = client(paths.models)
                calls = [
                    asyncio.ensure_future(http.post(TARGETS["anthropic"], json=wire.ask("anthropic")))
                    for _ in range(2)
                ]
                await until(lambda: len(house.ledger.started) == 2 and bool(server.seen))
            assert len(server.seen) == 1
            assert [call.outcome for call in house.ledger.calls] == ["cut", "cut"]
            assert sorted(call.usage.calls for call in house.ledger.calls) == [0, 1]
            await asyncio.gather(*calls, return_exceptions=True)
            await http.aclose()

    run(main())


class LedgerGone(Exception):
    pass


@pytest.mark.parametrize("at", ["start", "end"])
def test_without_a_ledger_no_call_is_let_through(at: str, tmp_path: Path) -> None:
    async def main() -> None:
        async with serving(Reply(headers=SSE, parts=[wire.ANTHROPIC])) as server:

            async def on_call_started(
                call: int, step: str, protocol: WireProtocol, model: str | None
            ) -> None:
                if at == "start":
                    raise LedgerGone

            async def on_call(call: ModelCall) -> None:
                raise LedgerGone

            opened = Gateway(
                GatewayConfig(upstreams=upstreams(server.url)),
                directory=tmp_path / "d",
                on_call_started=on_call_started,
                on_call=on_call,
                on_egress=Ledger().on_egress,
            )
            statuses: list[int] = []
            async with opened:
                with pytest.raises(LedgerGone):
                    async with opened.door("one") as paths:
                        for _ in range(3):
                            async with client(paths.models) as http:
                                answer = await http.post(TARGETS["anthropic"], json=wire.ask("anthropic"))
                                statuses.append(answer.status_code)
            assert len(server.seen) == (0 if at == "start" else 1)
            assert statuses == ([500] * 3 if at == "start" else [200, 500, 500])

    run(main())


def test_what_the_step_raises_is_not_hidden_by_the_ledger() -> None:
    async def main() -> None:
        async with gateway() as house:
            with pytest.raises(KeyError):
                async with house.gateway.door("one"):
                    raise KeyError

    run(main())


@pytest.mark.parametrize(
    "junk",
    [
        b"\x16\x03\x01\x02\x00junk",
        b"GET / HTTP/1.1\r\n" + b"x: y\r\n" * 20_000,
        b"GET /" + b"a" * 200_000,
        b"POST /anthropic/v1/messages HTTP/1.1\r\nhost: x\r\ncontent-length: 5\r\n"
        b"content-length: 6\r\n\r\nhello",
        b"POST /anthropic/v1/messages HTTP/1.1\r\nhost: x\r\ntransfer-encoding: chunked\r\n\r\nzz\r\n",
    ],
)
def test_what_is_not_http_is_answered_and_closed(junk: bytes) -> None:
    async def main() -> None:
        async with gateway() as house, house.gateway.door("one") as paths:
            for path in (paths.models, paths.proxy):
                reader, writer = await asyncio.open_unix_connection(str(path))
                writer.write(junk)
                answer = b""
                try:
                    while data := await asyncio.wait_for(reader.read(65536), 10):
                        answer += data
                except ConnectionError:
                    pass
                assert answer == b"" or answer.startswith((b"HTTP/1.1 400", b"HTTP/1.1 403"))
                writer.transport.abort()
            async with client(paths.models) as http:
                assert (await http.head("/anthropic/api/hello")).status_code == 200

    run(main())


def test_a_body_that_is_too_large_is_refused() -> None:
    async def main() -> None:
        async with serving() as server, gateway(server.url) as house, session(house) as http:

            async def endless() -> object:
                chunk = b"x" * 1024 * 1024
                for _ in range(70):
                    yield chunk

            try:
                answer = await http.post(TARGETS["anthropic"], content=endless())  # type: ignore[arg-type]
            except httpx.HTTPError:
                pass
            else:
                assert answer.status_code == 413
            await until(lambda: bool(house.ledger.calls))
            assert (house.ledger.calls[0].outcome, house.ledger.calls[0].status) == ("refused", 413)
            assert server.seen == []

    run(main())


def test_a_client_that_waits_for_100_continue_gets_it() -> None:
    async def main() -> None:
        async with serving(Reply(headers=SSE, parts=[wire.CHAT])) as server, gateway(server.url) as house:
            async with house.gateway.door("one") as paths:
                reader, writer = await asyncio.open_unix_connection(str(paths.models))
                body = b'{"model": "gpt-5.5"}'
                writer.write(
                    b"POST /openai/v1/chat/completions HTTP/1.1\r\nhost: x\r\nexpect: 100-continue\r\n"
                    b"content-length: %d\r\n\r\n" % len(body)
                )
                assert (await reader.readline()).startswith(b"HTTP/1.1 100")
                writer.write(body)
                assert (await reader.readuntil(b"\r\n\r\n")).startswith(b"\r\nHTTP/1.1 200")
                await reader.readuntil(b"0\r\n\r\n")
                writer.write(b"HEAD /anthropic/api/hello HTTP/1.1\r\nhost: x\r\n\r\n")  # the same connection
                assert (await reader.readline()).startswith(b"HTTP/1.1 200")
                writer.transport.abort()
            assert len(server.seen) == 1

    run(main())


def test_connections_are_bounded() -> None:
    async def main() -> None:
        async with gateway() as house, house.gateway.door("one") as paths:
            open_now = []
            for _ in range(300):
                connection = socket.socket(socket.AF_UNIX)
                connection.setblocking(False)
                try:
                    connection.connect(str(paths.proxy))
                except BlockingIOError:
                    connection.close()
                    await asyncio.sleep(0)
                    continue
                open_now.append(connection)
                await asyncio.sleep(0)
            door = next(iter(house.gateway._doors))
            await until(lambda: len(door._connections) > 0)
            assert len(door._connections) <= 256
            async with client(paths.models) as http:  # the other socket has its own bound
                assert (await http.head("/anthropic/api/hello")).status_code == 200
            for connection in open_now:
                connection.close()

    run(main())


def test_nothing_heavy_is_loaded_before_a_session_speaks(tmp_path: Path) -> None:
    child = f"""
import asyncio, sys
sys.path.insert(0, {str(Path(__file__).parent)!r})
from pathlib import Path
from fabrik.gateway.gateway import Gateway
from fabrik.gateway.types import GatewayConfig
async def nothing(*_): pass
async def main():
    gateway = Gateway(GatewayConfig(upstreams={{}}), directory=Path({str(tmp_path / "d")!r}),
        on_call_started=nothing, on_call=nothing, on_egress=nothing)
    async with gateway, gateway.door("one"): pass
asyncio.run(main())
heavy = {{"httpx", "h11", "httpcore", "uvicorn", "starlette", "pydantic", "idna"}} & set(sys.modules)
sys.exit(str(heavy) if heavy else None)
"""
    result = subprocess.run([sys.executable, "-c", child], check=False, capture_output=True, text=True)
    assert (result.returncode, result.stderr) == (0, "")
