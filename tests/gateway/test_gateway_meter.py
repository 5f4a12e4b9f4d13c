"""Reading usage: the same whatever the chunks are, and never a failure."""

from __future__ import annotations

import json
from collections.abc import Sequence
from itertools import pairwise
from typing import Any

import pytest
import wire
from hypothesis import given
from hypothesis import strategies as st
from wire import CHAT_EVENTS, GEMINI_EVENTS, PROTOCOLS, STREAMS, sse

from fabrik.gateway import counts
from fabrik.gateway.counts import UNKNOWN, Counts
from fabrik.gateway.meter import Meter
from fabrik.gateway.sse import Events
from fabrik.usage import WireProtocol


def read(protocol: WireProtocol, chunks: Sequence[bytes]) -> Meter:
    meter = Meter(protocol)
    for chunk in chunks:
        meter.feed(chunk)
    meter.finish()
    return meter


def pieces(data: bytes, cuts: list[int]) -> list[bytes]:
    places = [0, *sorted(cut % (len(data) + 1) for cut in cuts), len(data)]
    return [data[start:end] for start, end in pairwise(places)]


@pytest.mark.parametrize("newline", [b"\n", b"\r\n", b"\r"])
@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_split_at_every_byte(protocol: WireProtocol, newline: bytes) -> None:
    stream, expected = STREAMS[protocol]
    data = stream.replace(b"\n", newline)
    for at in range(len(data) + 1):
        meter = read(protocol, [data[:at], data[at:]])
        assert (meter.result, meter.complete, meter.failed) == (expected, True, False), at
    assert read(protocol, [data[at : at + 1] for at in range(len(data))]).result == expected


@given(st.sampled_from(PROTOCOLS), st.lists(st.integers(min_value=0), max_size=20))
def test_split_anywhere(protocol: WireProtocol, cuts: list[int]) -> None:
    stream, expected = STREAMS[protocol]
    assert read(protocol, pieces(stream, cuts)).result == expected


@given(st.sampled_from(PROTOCOLS), st.integers(min_value=0))
def test_a_stream_cut_anywhere_never_invents_output(protocol: WireProtocol, at: int) -> None:
    stream, expected = STREAMS[protocol]
    result = read(protocol, [stream[: at % len(stream)]]).result
    assert result.output in (None, expected.output)
    assert result.reasoning in (None, expected.reasoning)
    assert result.input in (None, expected.input, 700)  # Gemini reports its cached part only at the end


@given(st.sampled_from(PROTOCOLS), st.lists(st.binary(max_size=200), max_size=10))
def test_junk_is_survived(protocol: WireProtocol, chunks: list[bytes]) -> None:
    meter = read(protocol, chunks)
    assert meter.result == UNKNOWN


_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=8,
)
_USAGE = st.dictionaries(
    st.sampled_from(
        [
            "input_tokens",
            "output_tokens",
            "prompt_tokens",
            "completion_tokens",
            "cache_read_input_tokens",
            "input_tokens_details",
            "prompt_tokens_details",
            "promptTokenCount",
            "candidatesTokenCount",
            "cachedContentTokenCount",
            "cache_creation",
            "service_tier",
        ]
    ),
    _JSON,
)


@given(st.sampled_from(PROTOCOLS), _USAGE, st.booleans())
def test_odd_usage_is_survived_and_counts_stay_counts(
    protocol: WireProtocol, usage: dict[str, Any], stream: bool
) -> None:
    document: dict[str, Any] = {
        "type": "message_delta" if protocol == "anthropic" else "response.completed",
        "usage": usage,
        "usageMetadata": usage,
        "response": {"usage": usage},
        "choices": [],
        "candidates": [{"finishReason": "STOP"}],
    }
    data = sse(document) if stream else json.dumps(document).encode()
    result = read(protocol, [data]).result
    for value in (result.input, result.cache_read, result.cache_write, result.output, result.reasoning):
        assert value is None or value >= 0


def test_events_out_of_nowhere_do_not_count() -> None:
    text = 'data: {"type": "message_delta", "usage": {"output_tokens": 5}}'
    event = {
        "type": "content_block_delta",
        "delta": {"text": f"\n\n{text}\n\n"},
        "usage": {"output_tokens": 7},
    }
    assert read("anthropic", [sse(event, named=True)]).result == UNKNOWN


def test_message_delta_may_correct_the_input() -> None:
    start = {"type": "message_start", "message": {"usage": {"input_tokens": 1, "output_tokens": 1}}}
    delta = {
        "type": "message_delta",
        "usage": {"input_tokens": 20, "cache_read_input_tokens": 30, "output_tokens": 4},
    }
    assert read("anthropic", [sse(start, delta)]).result == Counts(
        input=20, cache_read=30, cache_write=0, output=4, reasoning=0
    )


def test_thinking_that_anthropic_reports_apart() -> None:
    usage = {"input_tokens": 1, "output_tokens": 50, "output_tokens_details": {"thinking_tokens": 30}}
    assert counts.anthropic(usage) == Counts(input=1, cache_read=0, cache_write=0, output=20, reasoning=30)


def test_written_cache_of_openai() -> None:
    usage = {
        "input_tokens": 100,
        "input_tokens_details": {"cached_tokens": 60, "cache_write_tokens": 30},
        "output_tokens": 1,
    }
    assert counts.openai_responses(usage) == Counts(
        input=10, cache_read=60, cache_write=30, output=1, reasoning=0
    )


def test_parts_larger_than_their_total_never_make_it_negative() -> None:
    usage = {"prompt_tokens": 5, "prompt_tokens_details": {"cached_tokens": 9}, "completion_tokens": 2}
    assert counts.openai_chat(usage) == Counts(input=0, cache_read=5, cache_write=0, output=2, reasoning=0)


def test_running_totals_of_a_chat_stream_count_once() -> None:
    running = [
        {"choices": [{"delta": {"content": "a"}}], "usage": {"prompt_tokens": 10, "completion_tokens": n}}
        for n in (1, 2, 3)
    ]
    assert read("openai-chat", [sse(*running, "[DONE]")]).result.output == 3
    assert read("openai-chat", [sse(*running)]).result.output is None


def test_a_gemini_array_without_sse() -> None:
    data = json.dumps(list(GEMINI_EVENTS)).encode()
    assert read("gemini", [data[:50], data[50:]]).result == wire.GEMINI_COUNTS


def test_a_blocked_prompt_is_a_whole_answer() -> None:
    event = {"promptFeedback": {"blockReason": "SAFETY"}, "usageMetadata": {"promptTokenCount": 8}}
    meter = read("gemini", [sse(event)])
    assert (meter.complete, meter.result.input, meter.result.output) == (True, 8, 0)


@pytest.mark.parametrize(
    ("protocol", "event"),
    [
        ("anthropic", {"type": "error", "error": {"type": "overloaded_error", "message": "m"}}),
        ("openai-responses", {"type": "response.failed", "response": {"status": "failed", "usage": None}}),
        ("openai-responses", {"type": "error", "code": "server_error", "error": {}}),
        ("openai-chat", {"error": {"message": "m"}}),
        ("gemini", {"error": {"code": 500, "message": "m", "status": "INTERNAL"}}),
    ],
)
def test_an_error_inside_a_stream(protocol: WireProtocol, event: dict[str, Any]) -> None:
    meter = read(protocol, [sse(event)])
    assert meter.failed
    assert meter.result.output is None


@pytest.mark.parametrize("tier", ["priority", "flex", "batch"])
def test_an_unusual_tier_is_noticed(tier: str) -> None:
    document = {"usage": {"input_tokens": 1, "output_tokens": 1}, "service_tier": tier}
    assert read("openai-responses", [json.dumps(document).encode()]).unusual_tier


def test_leading_white_space_and_a_mark() -> None:
    assert read("openai-chat", [b"\xef\xbb\xbf", b"  \r\n", sse(*CHAT_EVENTS)]).result == wire.CHAT_COUNTS


# -- events -------------------------------------------------------------------------------------------------


def test_data_lines_of_one_event_are_joined() -> None:
    events = Events()
    assert events.feed(b": note\ndata: a\ndata:b\nid: 1\n\ndata: c") == [b"a\nb"]
    assert events.finish() == [b"c"]


@pytest.mark.parametrize("newline", [b"\n", b"\r\n", b"\r"])
def test_a_long_event_is_skipped_and_the_next_one_is_read(newline: bytes) -> None:
    events = Events(limit=100)
    found: list[bytes] = []
    held = 0
    data = b"data: " + b"x" * 1000 + newline * 2 + b"data: y" + newline * 2 + b"event: end" + newline
    for at in range(0, len(data), 7):
        found += events.feed(data[at : at + 7])
        held = max(held, len(events._buffer))
    assert found + events.finish() == [b"y"]
    assert held <= 110


def test_many_lines_of_one_event_are_bounded_too() -> None:
    events = Events(limit=100)
    found: list[bytes] = []
    for _ in range(1000):
        found += events.feed(b"data: 0123456789\n")
        assert events._size <= 110
    found += events.feed(b"\ndata: y\n\n")
    assert found == [b"y"]
