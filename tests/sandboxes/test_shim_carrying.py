"""The forwarder inside a sandbox: what one side has said reaches the other, whatever happens next."""

from __future__ import annotations

import _socket
import select
import socket
from pathlib import Path

from fabrik.sandboxes import shim


def carried(tmp_path: Path) -> tuple[shim._Forwarder, socket.socket, socket.socket]:
    """A forwarder, a client that is connected through it, and the server's end."""
    target = str(tmp_path / "door.sock")
    server = socket.socket(socket.AF_UNIX)
    server.bind(target)
    server.listen()
    forwarder = shim._Forwarder()
    forwarder.listen(f"tcp:0={target}")
    (door, _), *_ = forwarder.doors.values()
    client = socket.create_connection(("127.0.0.1", door.getsockname()[1]))
    client.settimeout(20)
    forwarder.handle(door.fileno(), select.EPOLLIN)
    behind, _ = server.accept()
    server.close()
    return forwarder, client, behind


def wait_readable(sock: _socket.socket) -> None:
    assert select.select([sock], [], [], 20)[0]


def test_an_answer_outlives_what_the_server_did_not_read(tmp_path: Path) -> None:
    """A server that refuses answers and closes: a body that is still on its way does not lose the answer."""
    forwarder, client, behind = carried(tmp_path)
    one, two = forwarder.ends.values()
    inner, outer = (one, two) if one.sock.family == socket.AF_INET else (two, one)
    client.sendall(b"head")
    wait_readable(inner.sock)
    forwarder.handle(inner.fd, select.EPOLLIN)
    assert behind.recv(100) == b"head"
    client.sendall(b"body")
    wait_readable(inner.sock)
    forwarder.handle(inner.fd, select.EPOLLIN)  # lies unread at the server
    behind.sendall(b"refused")
    behind.close()
    client.sendall(b"more")
    wait_readable(inner.sock)
    forwarder.handle(inner.fd, select.EPOLLIN)  # cannot be delivered any more
    while forwarder.ends:
        forwarder.handle(outer.fd, select.EPOLLIN)
    assert client.recv(100) == b"refused"
    client.close()
    for door, _ in forwarder.doors.values():
        door.close()
    forwarder.epoll.close()
