"""The client of the models door, against real sockets."""

from __future__ import annotations

import asyncio
import json
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path

import pytest

from fabrik.errors import UsageError
from fabrik.judging.ask import NotReached, Response, ask
from fabrik.judging.door import MOST_ANSWER, Door, door_at
from fabrik.judging.model import Artifact, JudgeModel, NoVerdict, Question
from fabrik.judging.wire.format import Request

REQUEST = Request(path="/anthropic/v1/messages", body={"größe": "ä"}, headers={"anthropic-version": "1"})


@asynccontextmanager
async def answering(answer: bytes, seen: list[bytes]) -> AsyncIterator[Door]:
    """A server on a unix socket that reads one request and writes these bytes."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = await reader.readuntil(b"\r\n\r\n")
        length = next(
            int(line.split(b":")[1])
            for line in head.splitlines()
            if line.lower().startswith(b"content-length")
        )
        seen.append(head + await reader.readexactly(length))
        writer.write(answer)
        with suppress(ConnectionError):
            await writer.drain()
        writer.close()

    with tempfile.TemporaryDirectory(prefix="jd") as place:
        path = Path(place) / "m"
        async with await asyncio.start_unix_server(serve, path):
            yield Door(socket=path)


def posted(answer: bytes) -> tuple[Response, bytes]:
    seen: list[bytes] = []

    async def main() -> Response:
        async with answering(answer, seen) as door:
            return await door.post(REQUEST)

    return asyncio.run(asyncio.wait_for(main(), 60)), seen[0]


@pytest.mark.parametrize(
    "answer",
    [
        b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n{}",
        b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n1\r\n{\r\n1\r\n}\r\n0\r\n\r\n",
        b"HTTP/1.0 200 OK\r\n\r\n{}",
    ],
)
def test_whole_answers(answer: bytes) -> None:
    response, request = posted(answer)
    assert response == Response(status=200, body=b"{}")
    assert request.startswith(b"POST /anthropic/v1/messages HTTP/1.1\r\n")
    assert b"\r\nanthropic-version: 1\r\n" in request
    assert json.loads(request.partition(b"\r\n\r\n")[2]) == {"größe": "ä"}


@pytest.mark.parametrize(
    "answer",
    [
        b"",
        b"SSH-2.0-OpenSSH\r\n\r\n",
        b"HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\n{}",
        b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n5\r\n{",
        b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\nzz\r\n{}",
        b"HTTP/1.1 2",
    ],
)
def test_answers_that_are_cut_or_none(answer: bytes) -> None:
    with pytest.raises(NotReached, match="cut off"):
        posted(answer)


def test_an_answer_without_end() -> None:
    with pytest.raises(NotReached, match="too long"):
        posted(b"HTTP/1.1 200 OK\r\n\r\n" + b" " * (MOST_ANSWER + 1))


def test_nobody_at_the_door() -> None:
    question = Question(criteria="warm", artifacts=(Artifact(name="a", text="a"),))
    model = JudgeModel(vendor="anthropic", name="m")
    with pytest.raises(NoVerdict, match="the gateway cannot be reached"):
        asyncio.run(ask(question, model, Door(socket=Path("/nonexistent/m")).post))


def test_addresses() -> None:
    assert door_at("http://127.0.0.1:4180") == Door(host="127.0.0.1", port=4180)
    assert door_at("http://127.0.0.1:4180/below/").prefix == "/below"
    for wrong in ("", "https://a:1", "http://a", "http://a:b", "ftp://a:1", "http://a:1/?q"):
        with pytest.raises(UsageError, match="not the address of a models door"):
            door_at(wrong)
