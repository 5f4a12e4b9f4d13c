"""Failures on demand: each looks to a client as the real one would, and ends when the script says so."""

from __future__ import annotations

import json
import socket
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from typing import Any

import httpx
import pytest
from model_server_requests import PROTOCOLS, VENDORS, ask, auth, events, hear, request

from fabrik.errors import UsageError
from fabrik.gateway.resets import retry_at
from fabrik.testing.model_server import (
    Cut,
    Empty,
    Failure,
    Hang,
    HttpError,
    JunkBody,
    JunkStream,
    ModelServer,
    Refused,
    Script,
    Session,
    Shell,
    StreamError,
    Text,
)
from fabrik.testing.model_server.bodies import go_duration
from fabrik.usage import WireProtocol

every_protocol = pytest.mark.parametrize("protocol", PROTOCOLS)
both_ways = pytest.mark.parametrize("stream", [True, False], ids=["stream", "whole"])


def failing(failure: Failure) -> ModelServer:
    goes_on = failure.times is not None or failure.on_the_answer
    turns = (failure, Text("After all.")) if goes_on else (failure,)
    return ModelServer(Script(sessions=[Session(turns=turns)]))


def told(response: httpx.Response) -> dict[str, Any]:
    """The vendor's error object."""
    error = response.json()["error"]
    assert isinstance(error, dict)
    return error


@every_protocol
@pytest.mark.parametrize(
    ("status", "anthropic", "openai", "google"),
    [
        (400, "invalid_request_error", "invalid_value", "INVALID_ARGUMENT"),
        (401, "authentication_error", "invalid_api_key", "UNAUTHENTICATED"),
        (403, "permission_error", "permission_denied", "PERMISSION_DENIED"),
        (404, "not_found_error", "model_not_found", "NOT_FOUND"),
        (429, "rate_limit_error", "rate_limit_exceeded", "RESOURCE_EXHAUSTED"),
        (500, "api_error", None, "INTERNAL"),
        (503, "api_error", "service_unavailable", "UNAVAILABLE"),
        (529, "overloaded_error", "service_unavailable", "UNAVAILABLE"),
        (418, "invalid_request_error", None, "UNKNOWN"),
    ],
)
def test_error_bodies_are_the_vendors(
    protocol: WireProtocol, status: int, anthropic: str, openai: str | None, google: str
) -> None:
    with failing(HttpError(status=status, times=1)) as server:
        response = ask(server, protocol)
        after = hear(protocol, ask(server, protocol))
        failed, answered = server.calls
    error = told(response)
    assert response.status_code == status
    match VENDORS[protocol]:
        case "anthropic":
            assert response.json()["type"] == "error"
            assert error["type"] == anthropic
            assert response.headers["request-id"] == response.json()["request_id"]
        case "openai":
            assert error["code"] == openai
            assert {"message", "type", "param", "code"} == error.keys()
        case "gemini":
            assert (error["code"], error["status"]) == (status, google)
    assert (failed.status, failed.outcome, failed.usage) == (status, "error", None)
    assert after.text == "After all."
    assert (answered.status, answered.outcome) == (200, "answered")


@every_protocol
def test_a_failure_lasts_for_as_many_requests_as_it_says(protocol: WireProtocol) -> None:
    with failing(HttpError(status=503, times=2)) as server:
        assert [ask(server, protocol).status_code for _ in range(4)] == [503, 503, 200, 200]


def test_a_failure_without_an_end_goes_on() -> None:
    script = Script(sessions=[Session(match="task 1", turns=[HttpError(status=401)])])
    with ModelServer(script) as server:
        assert [ask(server, "anthropic").status_code for _ in range(3)] == [401] * 3
        assert ask(server, "anthropic", "another").status_code == 200


def test_failures_one_after_another_and_in_the_middle_of_a_session() -> None:
    turns = (
        HttpError(status=500, times=1),
        HttpError(status=429, times=1),
        Shell("true"),
        HttpError(status=529, times=1),
        Text("end"),
    )
    with ModelServer(Script(sessions=[Session(turns=turns)])) as server:
        assert [ask(server, "openai-chat").status_code for _ in range(2)] == [500, 429]
        first = hear("openai-chat", ask(server, "openai-chat"))
        assert ask(server, "openai-chat", rounds=[first]).status_code == 529
        assert hear("openai-chat", ask(server, "openai-chat", rounds=[first])).text == "end"
        assert hear("openai-chat", ask(server, "openai-chat")).calls, (
            "a second session meets no more failures"
        )


def test_failures_of_the_script_come_first_and_hit_every_session() -> None:
    script = Script(
        failures=[HttpError(status=500, times=2)],
        sessions=[Session(match="1", turns=[HttpError(status=401)])],
    )
    with ModelServer(script) as server:
        assert [ask(server, "gemini", prompt).status_code for prompt in "1211"] == [500, 500, 401, 401]


@every_protocol
def test_limits_name_their_reset_where_the_vendor_does(protocol: WireProtocol) -> None:
    with failing(HttpError(status=429, resets_in=75.0)) as server:
        response = ask(server, protocol)
        (call,) = server.calls
    assert "retry-after" not in response.headers
    assert call.retry_at == pytest.approx(time.time() + 75, abs=20)
    match VENDORS[protocol]:
        case "anthropic":
            reset = response.headers["anthropic-ratelimit-requests-reset"]
            assert datetime.fromisoformat(reset).timestamp() == pytest.approx(call.retry_at, abs=1)
            assert response.headers["anthropic-ratelimit-requests-remaining"] == "0"
        case "openai":
            assert response.headers["x-ratelimit-reset-requests"] == "1m15s"
        case "gemini":
            retry = {"@type": "type.googleapis.com/google.rpc.RetryInfo", "retryDelay": "75s"}
            assert retry in told(response)["details"]
    # The gateway's reader was written from the vendors' documents, without knowledge of this server.
    headers = dict(response.headers)
    assert retry_at(headers, response.content, time.time()) == pytest.approx(call.retry_at, abs=20)


@every_protocol
def test_retry_after_alone_and_no_hint_at_all(protocol: WireProtocol) -> None:
    session = Session(turns=[HttpError(status=429, retry_after=7, times=1), HttpError(status=429)])
    with ModelServer(Script(sessions=[session])) as server:
        hinted, plain = ask(server, protocol), ask(server, protocol)
        _, last = server.calls
    assert hinted.headers["retry-after"] == "7"
    hints = [name for name in plain.headers if "retry" in name or "limit" in name]
    assert (hints, last.retry_at) == ([], None)


@every_protocol
def test_a_used_up_quota_differs_from_a_rate_limit(protocol: WireProtocol) -> None:
    with failing(HttpError(status=429, quota=True)) as server:
        error = told(ask(server, protocol))
    match VENDORS[protocol]:
        case "openai":
            assert error["code"] == "insufficient_quota"
        case "gemini":
            assert "google.rpc.QuotaFailure" in json.dumps(error["details"])
        case "anthropic":
            assert error["type"] == "rate_limit_error"
    assert "quota" in error["message"]


@every_protocol
def test_a_careless_upstream_echoes_the_key(protocol: WireProtocol) -> None:
    with failing(HttpError(status=401, echo_key=True)) as server:
        assert "sk-canary-1" in told(ask(server, protocol, key="sk-canary-1"))["message"]


@every_protocol
@both_ways
def test_refused(protocol: WireProtocol, stream: bool) -> None:
    with failing(Refused(times=1)) as server:
        with pytest.raises(httpx.TransportError):
            ask(server, protocol, stream=stream)
        assert hear(protocol, ask(server, protocol, stream=stream)).text == "After all."
        assert (server.calls[0].status, server.calls[0].outcome) == (None, "refused")


@every_protocol
@both_ways
def test_a_cut_answer_breaks_the_connection(protocol: WireProtocol, stream: bool) -> None:
    with failing(Cut(after_events=1, times=1)) as server:
        with pytest.raises(httpx.RemoteProtocolError):
            ask(server, protocol, stream=stream)
        assert hear(protocol, ask(server, protocol, stream=stream)).text == "After all."
        cut, _ = server.calls
    assert (cut.status, cut.outcome, cut.usage) == (200, "cut", None)


def received(server: ModelServer, protocol: WireProtocol) -> bytes:
    """What of a stream arrived before its connection broke."""
    path, body = request(protocol, "any", rounds=(), stream=True, tools=True)
    got = bytearray()
    with (
        httpx.Client(trust_env=False, verify=False) as client,
        pytest.raises(httpx.RemoteProtocolError),
        client.stream(
            "POST", server.url(VENDORS[protocol]) + path, json=body, headers=auth(protocol, "k")
        ) as response,
    ):
        for block in response.iter_raw():
            got += block
    return bytes(got)


@every_protocol
def test_what_was_sent_before_the_cut_arrives(protocol: WireProtocol) -> None:
    long = Text("some text of more than a few pieces, so that there is something to cut")
    session = Session(turns=[Cut(after_events=3, times=1), Cut(after_bytes=100), long])
    with ModelServer(Script(sessions=[session])) as server:
        assert len(events(received(server, protocol).decode())) == 3
        assert len(received(server, protocol)) == 100


@every_protocol
def test_an_error_inside_a_stream(protocol: WireProtocol) -> None:
    with failing(StreamError(status=529, after_events=2, times=1)) as server:
        response = ask(server, protocol)
        (call,) = server.calls
    stream = events(response.text)
    assert (response.status_code, len(stream)) == (200, 3)
    match protocol:
        case "anthropic":
            assert (stream[-1]["type"], stream[-1]["error"]["type"]) == ("error", "overloaded_error")
        case "openai-responses":
            assert stream[-1]["type"] == "response.failed"
            assert stream[-1]["response"]["error"]["code"] == "service_unavailable"
        case "openai-chat":
            assert stream[-1]["error"]["code"] == "service_unavailable"
        case "gemini":
            assert stream[-1]["error"]["status"] == "UNAVAILABLE"
    assert (call.outcome, call.usage) == ("error", None)


@every_protocol
def test_an_error_inside_a_stream_is_a_plain_one_without_a_stream(protocol: WireProtocol) -> None:
    with failing(StreamError(status=529)) as server:
        assert ask(server, protocol, stream=False).status_code == 529


@every_protocol
@both_ways
def test_junk_with_status_200(protocol: WireProtocol, stream: bool) -> None:
    session = Session(turns=[JunkStream(times=1), JunkBody(times=1), Text("ok")])
    with ModelServer(Script(sessions=[session])) as server:
        broken, page = ask(server, protocol, stream=stream), ask(server, protocol, stream=stream)
        outcomes = [call.outcome for call in server.calls]
    assert (broken.status_code, page.status_code) == (200, 200)
    with pytest.raises(ValueError, match=r"Expecting|Unterminated|Extra"):
        _ = events(broken.text) if stream else broken.json()
    assert page.headers["content-type"] == "text/html"
    assert "Sign in" in page.text
    assert outcomes == ["junk", "junk"]


@every_protocol
@both_ways
def test_an_empty_answer_is_well_formed(protocol: WireProtocol, stream: bool) -> None:
    with failing(Empty(times=1)) as server:
        heard = hear(protocol, ask(server, protocol, stream=stream))
        (call,) = server.calls
    assert (heard.text, heard.calls) == ("", ())
    assert call.outcome == "answered"
    assert call.usage is not None


@every_protocol
@both_ways
@pytest.mark.parametrize("after_events", [None, 1])
def test_a_hanging_request_waits_to_be_released(
    protocol: WireProtocol, stream: bool, after_events: int | None
) -> None:
    with (
        failing(Hang(hold="door", after_events=after_events, times=1)) as server,
        ThreadPoolExecutor(1) as pool,
    ):
        answer = pool.submit(ask, server, protocol, stream=stream)
        (waiting,) = server.wait_for(lambda calls: len(calls) == 1)
        assert waiting.outcome == "open"
        assert not answer.done()
        server.release("door")
        assert hear(protocol, answer.result(30)).text == "After all."
        assert [call.outcome for call in server.calls] == ["answered"]


def test_part_of_a_stream_arrives_while_the_rest_hangs() -> None:
    with failing(Hang(after_events=2, times=1)) as server, httpx.Client(trust_env=False) as client:
        path, body = request("anthropic", "any", rounds=(), stream=True, tools=True)
        with client.stream("POST", server.url("anthropic") + path, json=body) as response:
            lines = response.iter_lines()
            assert next(lines) == "event: message_start"
            assert server.calls[0].outcome == "open"
            server.release()
            assert [line for line in lines if line][-1] == 'data: {"type":"message_stop"}'


@pytest.mark.parametrize("after_events", [None, 1])
def test_a_client_that_goes_away_is_noted(after_events: int | None) -> None:
    body = json.dumps({"model": "gpt-5.5", "input": "hi", "stream": True})
    head = f"POST /v1/responses HTTP/1.1\r\nhost: x\r\ncontent-length: {len(body)}\r\n\r\n"
    with failing(Hang(after_events=after_events)) as server:
        with socket.create_connection(("127.0.0.1", server.port)) as client:
            client.sendall((head + body).encode())
            server.wait_for(lambda calls: len(calls) == 1)
        (call,) = server.wait_for(lambda calls: [call.outcome for call in calls] == ["left"])
    assert call.usage is None


def test_a_server_that_stops_breaks_what_hangs() -> None:
    broken: list[Exception] = []

    def wait_for_ever(server: ModelServer) -> None:
        try:
            ask(server, "gemini")
        except httpx.TransportError as error:
            broken.append(error)

    with failing(Hang()) as server:
        client = threading.Thread(target=wait_for_ever, args=(server,))
        client.start()
        server.wait_for(lambda calls: len(calls) == 1)
    client.join(30)
    assert len(broken) == 1


@pytest.mark.parametrize(
    "turns",
    [
        (Text("the end"), Shell("never")),
        (HttpError(status=500), Text("never")),
        (Shell("a"), Text("the end"), Text("never")),
    ],
)
def test_turns_that_could_never_be_played_are_refused(turns: tuple[Any, ...]) -> None:
    with pytest.raises(UsageError, match="never played"):
        Session(match="x", turns=turns)


@pytest.mark.parametrize(
    ("seconds", "text"), [(0.25, "250ms"), (1.5, "1.5s"), (59, "59s"), (360, "6m0s"), (3603, "1h0m3s")]
)
def test_durations_as_openai_writes_them(seconds: float, text: str) -> None:
    assert go_duration(seconds) == text
