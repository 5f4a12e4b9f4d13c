"""The two doors: unix sockets on the host that a command reaches as ports on its loopback."""

# ruff: noqa: S101 - a failed assertion is a case's answer
from __future__ import annotations

import asyncio
import contextlib
import shutil
import tempfile
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path

from fabrik.errors import SandboxBroken
from fabrik.sandboxes.sandbox import Doors
from fabrik.testing.conformance.harness import Case, Harness

Handler = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]

_CONNECT = """
import socket, sys
from urllib.parse import urlsplit
def connect(url):
    where = urlsplit(url)
    return socket.create_connection((where.hostname, where.port), 30)
"""


@contextlib.asynccontextmanager
async def open_doors(models: Handler, proxy: Handler) -> AsyncIterator[Doors]:
    """Two servers on unix sockets; the path is short, since a socket's may have 107 bytes only."""
    directory = Path(tempfile.mkdtemp(prefix="fd-"))
    try:
        doors = Doors(models=directory / "models.sock", proxy=directory / "proxy.sock")
        one = await asyncio.start_unix_server(models, doors.models)
        two = await asyncio.start_unix_server(proxy, doors.proxy)
        async with one, two:
            yield doors
    finally:
        shutil.rmtree(directory)


def saying(word: bytes) -> Handler:
    """A server that says one word and closes."""

    async def handle(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(word)
        await writer.drain()
        await _end(writer)

    return handle


async def _echo(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    while block := await reader.read(1 << 16):
        writer.write(block)
        await writer.drain()
    await _end(writer)


async def _end(writer: asyncio.StreamWriter) -> None:
    writer.close()
    with contextlib.suppress(OSError):
        await writer.wait_closed()


async def doors_lead_to_the_host(h: Harness) -> None:
    box = await h.box()
    program = _CONNECT + "for url in sys.argv[1:]: print(connect(url).makefile().read())"
    async with open_doors(saying(b"models"), saying(b"proxy")) as doors:
        ran = await h.python(box, program, box.endpoints.models, box.endpoints.proxy, doors=doors)
    assert ran.fine().text.split() == ["models", "proxy"]


async def doors_carry_each_byte_at_once(h: Harness) -> None:
    """Each answer is read before the next word is sent: whatever is held back ends in the time limit."""
    box = await h.box()
    program = _CONNECT + (
        "s = connect(sys.argv[1])\n"
        "for n in range(200):\n"
        "    s.sendall(b'%03d' % n)\n"
        "    got = b''\n"
        "    while len(got) < 3: got += s.recv(3)\n"
        "    assert got == b'%03d' % n\n"
    )
    async with open_doors(_echo, _echo) as doors:
        (await h.python(box, program, box.endpoints.models, doors=doors)).fine()


async def doors_carry_much_in_both_directions(h: Harness) -> None:
    box = await h.box()
    program = _CONNECT + (
        "import hashlib, os, threading\n"
        "s = connect(sys.argv[1])\n"
        "data = os.urandom(1 << 20) * 24\n"
        "def send():\n"
        "    s.sendall(data); s.shutdown(socket.SHUT_WR)\n"
        "threading.Thread(target=send).start()\n"
        "got = hashlib.sha256(); size = 0\n"
        "while block := s.recv(1 << 16): got.update(block); size += len(block)\n"
        "assert size == len(data), size\n"
        "assert got.digest() == hashlib.sha256(data).digest()\n"
    )
    async with open_doors(_echo, _echo) as doors:
        (await h.python(box, program, box.endpoints.proxy, doors=doors)).fine()


async def doors_pass_the_end_of_one_direction_on(h: Harness) -> None:
    async def answer_at_the_end(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        got = await reader.read()
        writer.write(b"got %d" % len(got))
        await _end(writer)

    box = await h.box()
    program = _CONNECT + (
        "s = connect(sys.argv[1]); s.sendall(b'x' * 100000); s.shutdown(socket.SHUT_WR)\n"
        "print(s.makefile().read())"
    )
    async with open_doors(answer_at_the_end, _echo) as doors:
        ran = await h.python(box, program, box.endpoints.models, doors=doors)
    assert ran.fine().text == "got 100000"


async def doors_carry_many_connections(h: Harness) -> None:
    box = await h.box()
    program = _CONNECT + (
        "all = [connect(sys.argv[1]) for _ in range(60)]\n"
        "for n, s in enumerate(all): s.sendall(b'%02d' % n)\n"
        "for n, s in reversed(list(enumerate(all))): assert s.recv(2) == b'%02d' % n\n"
        "for s in all: s.close()\n"
        "s = connect(sys.argv[1]); s.sendall(b'ok'); print(s.recv(2).decode())\n"
    )
    async with open_doors(_echo, _echo) as doors:
        ran = await h.python(box, program, box.endpoints.models, doors=doors)
    assert ran.fine().text == "ok"


async def status_passes_beside_doors(h: Harness) -> None:
    box = await h.box()
    async with open_doors(_echo, _echo) as doors:
        assert (await h.sh(box, "exit 7", doors=doors)).end.status == 7
        assert (await h.sh(box, "kill -9 $$", doors=doors)).end.signal == 9
        assert (await h.run(box, "no-such-program", doors=doors)).end.status == 127
        assert (await h.run(box, "/usr", doors=doors)).end.status == 126
        ran = await h.sh(box, "trap 'kill 0' EXIT; cat; echo out; echo err >&2", stdin=b"in\n", doors=doors)
        assert (ran.out, ran.err) == (b"in\nout\n", b"err\n")


async def doors_that_are_not_there_break(h: Harness) -> None:
    box = await h.box()
    gone = Doors(models=h.directory / "gone", proxy=h.directory / "gone")
    try:
        await h.run(box, "true", doors=gone)
    except SandboxBroken as broken:
        assert "gone" in str(broken)
    else:
        raise AssertionError("it ran")


CASES: list[Case] = [
    doors_lead_to_the_host,
    doors_carry_each_byte_at_once,
    doors_carry_much_in_both_directions,
    doors_pass_the_end_of_one_direction_on,
    doors_carry_many_connections,
    status_passes_beside_doors,
    doors_that_are_not_there_break,
]
