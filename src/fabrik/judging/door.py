"""Carries requests to a models door: HTTP/1.1 over a unix socket or loopback, with the standard library only.

One request a connection: a judge asks a few questions, each of which takes seconds.
"""

from __future__ import annotations

import asyncio
import json
from dataclasses import dataclass
from http.client import HTTPException, HTTPResponse
from io import BytesIO
from pathlib import Path
from socket import socket
from typing import cast
from urllib.parse import urlsplit

from fabrik.errors import UsageError
from fabrik.judging.ask import NotReached, Response
from fabrik.judging.wire.format import Request

ASK_SECONDS = 600.0  # the longest wait for one answer; the gateway tries again within it, where that helps
MOST_ANSWER = 4 << 20  # bytes


@dataclass(frozen=True, kw_only=True)
class Door:
    """Where the models door is."""

    socket: Path | None = None  # a unix socket, on the host
    host: str = "127.0.0.1"
    port: int = 0
    prefix: str = ""  # of each path

    async def post(self, request: Request) -> Response:
        """Send a request and read its whole answer. Raises NotReached."""
        try:
            async with asyncio.timeout(ASK_SECONDS):
                answer = await self._exchange(_written(request, self.prefix))
        except TimeoutError:
            raise NotReached(f"the model gave no answer within {ASK_SECONDS / 60:.0f} minutes") from None
        except OSError as problem:
            why = problem.strerror or type(problem).__name__
            raise NotReached(f"the gateway cannot be reached ({why})") from None
        return _read(answer)

    async def _exchange(self, message: bytes) -> bytes:
        if self.socket is not None:
            reader, writer = await asyncio.open_unix_connection(str(self.socket))
        else:
            reader, writer = await asyncio.open_connection(self.host, self.port)
        try:
            writer.write(message)
            await writer.drain()
            answer = bytearray()
            while block := await reader.read(1 << 16):
                answer += block
                if len(answer) > MOST_ANSWER:
                    raise NotReached("the model's answer is too long")
            return bytes(answer)
        finally:
            writer.close()


def door_at(url: str) -> Door:
    """The door that an address such as http://127.0.0.1:4180 names. Raises UsageError."""
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        parts, port = urlsplit(""), None
    if parts.scheme != "http" or not parts.hostname or port is None or parts.query or parts.fragment:
        raise UsageError("is not the address of a models door", where="FABRIK_JUDGE_URL")
    return Door(host=parts.hostname, port=port, prefix=parts.path.rstrip("/"))


def _written(request: Request, prefix: str) -> bytes:
    body = json.dumps(request.body, separators=(",", ":")).encode()
    headers = {
        "Host": "models",
        "Content-Type": "application/json",
        "Accept": "application/json",
        "Content-Length": str(len(body)),
        "Connection": "close",
        **request.headers,
    }
    lines = [
        f"POST {prefix}{request.path} HTTP/1.1",
        *(f"{name}: {value}" for name, value in headers.items()),
    ]
    return "\r\n".join([*lines, "", ""]).encode("ascii") + body


class _Answer:
    """What http.client wants to read an answer from."""

    def __init__(self, data: bytes) -> None:
        self._data = data

    def makefile(self, mode: str) -> BytesIO:  # noqa: ARG002 - as a socket has it
        return BytesIO(self._data)


def _read(answer: bytes) -> Response:
    """An answer whose connection was closed after it. Raises NotReached when it was cut."""
    response = HTTPResponse(cast("socket", _Answer(answer)), method="POST")
    try:
        response.begin()
        return Response(status=response.status, body=response.read())
    except (HTTPException, ValueError, OSError):
        raise NotReached("the model's answer was cut off") from None
