"""The pure parts: hosts, routes, refusals, redaction, resets, headers, requests."""

from __future__ import annotations

import json
import re
from itertools import pairwise
from typing import Any, get_args

import pytest
from gateway_kit import KEY
from hypothesis import given
from hypothesis import strategies as st

from fabrik.errors import UsageError
from fabrik.gateway import refusals, resets, routes
from fabrik.gateway.ask import UNSTATED_OUTPUT, BadAsk, ask_of
from fabrik.gateway.hosts import upstreams_from_environment
from fabrik.gateway.patience import PAUSE, Patience
from fabrik.gateway.refusals import Reason, refusal
from fabrik.gateway.types import UpstreamSettings
from fabrik.redaction import MARK, Redactor
from fabrik.usage import Vendor

VENDORS: tuple[Vendor, ...] = get_args(Vendor)

# -- hosts --------------------------------------------------------------------------------------------------


def test_the_vendors_own_addresses_are_the_default() -> None:
    found = upstreams_from_environment({})
    assert {vendor: upstream.base_url for vendor, upstream in found.items()} == {
        "anthropic": "https://api.anthropic.com",
        "openai": "https://api.openai.com/v1",
        "gemini": "https://generativelanguage.googleapis.com",
    }
    assert {upstream.key for upstream in found.values()} == {None}
    assert [upstream.key_env for upstream in found.values()] == [
        "ANTHROPIC_API_KEY",
        "OPENAI_API_KEY",
        "GEMINI_API_KEY",
    ]


@pytest.mark.parametrize(
    ("env", "vendor", "key", "bearer"),
    [
        ({"ANTHROPIC_API_KEY": KEY}, "anthropic", KEY, False),
        ({"ANTHROPIC_AUTH_TOKEN": KEY}, "anthropic", KEY, True),
        ({"ANTHROPIC_API_KEY": KEY, "ANTHROPIC_AUTH_TOKEN": "other"}, "anthropic", KEY, False),
        ({"ANTHROPIC_API_KEY": " ", "ANTHROPIC_AUTH_TOKEN": KEY}, "anthropic", KEY, True),
        ({"OPENAI_API_KEY": f"{KEY}\n"}, "openai", KEY, False),
        ({"GEMINI_API_KEY": KEY, "GOOGLE_API_KEY": "other"}, "gemini", KEY, False),
        ({"GOOGLE_API_KEY": KEY}, "gemini", KEY, False),
        ({"OPENAI_API_KEY": ""}, "openai", None, False),
    ],
)
def test_keys_of_the_environment(env: dict[str, str], vendor: Vendor, key: str | None, bearer: bool) -> None:
    found = upstreams_from_environment(env)[vendor]
    assert (found.key, found.bearer) == (key, bearer)
    assert KEY not in repr(found)


def test_addresses_of_the_environment_and_the_config() -> None:
    env = {
        "ANTHROPIC_BASE_URL": "http://proxy.corp:8080/anthropic/",
        "OPENAI_BASE_URL": "https://proxy.corp/v1",
        "GOOGLE_GEMINI_BASE_URL": "",
        "CORP_KEY": KEY,
        "OPENAI_API_KEY": "other",
    }
    settings: dict[Vendor, UpstreamSettings] = {
        "openai": UpstreamSettings(base_url="https://other.corp/v1/", key_env="CORP_KEY"),
        "gemini": UpstreamSettings(key_env="MISSING_KEY"),
    }
    found = upstreams_from_environment(env, settings)
    assert found["anthropic"].base_url == "http://proxy.corp:8080/anthropic"
    assert (found["openai"].base_url, found["openai"].key) == ("https://other.corp/v1", KEY)
    assert found["gemini"].base_url == "https://generativelanguage.googleapis.com"
    assert (found["gemini"].key, found["gemini"].key_env) == (None, "MISSING_KEY")


def test_all_bad_addresses_are_reported_at_once_without_their_passwords() -> None:
    env = {
        "ANTHROPIC_BASE_URL": "ftp://x",
        "OPENAI_BASE_URL": "https://me:hunter2@proxy/v1",
        "GOOGLE_GEMINI_BASE_URL": "https://x/?key=hunter2",
        "OPENAI_API_KEY": "hunter2\nhunter2",
    }
    with pytest.raises(UsageError) as caught:
        upstreams_from_environment(env)
    text = str(caught.value)
    for variable in env:
        assert variable in text
    assert "hunter2" not in text


# -- routes -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("method", "target", "path", "kind"),
    [
        ("POST", "/anthropic/v1/messages", "/v1/messages", "call"),
        ("POST", "/anthropic/v1/messages?beta=true&key=x", "/v1/messages?beta=true", "call"),
        ("POST", "/openai/v1/responses", "/responses", "call"),
        ("POST", "/openai/v1/responses/compact", "/responses/compact", "call"),
        ("POST", "/openai/v1/chat/completions", "/chat/completions", "call"),
        ("GET", "/openai/v1/models/gpt-5.5", "/models/gpt-5.5", "free"),
        (
            "POST",
            "/gemini/v1beta/models/gemini-2.5-pro:generateContent",
            "/v1beta/models/gemini-2.5-pro:generateContent",
            "call",
        ),
        ("GET", "/gemini/v1beta/models?pageSize=5", "/v1beta/models?pageSize=5", "free"),
    ],
)
def test_paths_that_are_served(method: str, target: str, path: str, kind: str) -> None:
    route = routes.find(method, target)
    assert route is not None
    assert (route.path, route.kind) == (path, kind)


@given(st.sampled_from(["GET", "POST"]), st.text(alphabet="/.%v1azmodels:-?=\\@ ", max_size=30))
def test_no_path_leads_out_of_the_table(method: str, rest: str) -> None:
    for prefix in ("/anthropic", "/openai/v1", "/gemini/v1beta/models/"):
        route = routes.find(method, prefix + rest)
        if route is not None:
            path = route.path.partition("?")[0]
            assert ".." not in path.split("/")
            assert not set(path) & set("%\\ ")


# -- refusals -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("vendor", VENDORS)
@pytest.mark.parametrize("reason", get_args(Reason))
def test_each_refusal_has_a_shape(vendor: Vendor, reason: Reason) -> None:
    answer = refusal(vendor, reason, "why")
    error = json.loads(answer.body)["error"]
    assert error["message"] == "fabrik: why"
    assert dict(answer.headers)[b"content-length"] == str(len(answer.body)).encode()
    if vendor == "gemini":
        assert (error["code"], bool(error["status"])) == (answer.status, True)
    else:
        assert error["type"]


@pytest.mark.parametrize("vendor", VENDORS)
@pytest.mark.parametrize(
    ("reason", "message"),
    [
        ("budget", "the budget of this run (tokens) is used up"),
        ("failing", "this session has asked often enough; the host goes on later"),
    ],
)
def test_what_ends_a_session_does_not_look_like_something_that_passes(
    vendor: Vendor, reason: Reason, message: str
) -> None:
    """The words and figures after which the CLIs try again."""
    answer = refusal(vendor, reason, message)
    assert answer.status in (400, 403)
    text = json.dumps({**json.loads(answer.body)["error"], "code": ""})
    passing = r"rate.?limit|overload|too many|429|50[0-4]|unavailable|server.?error|timeout|connection|quota"
    assert not re.search(passing, text, re.IGNORECASE)
    assert (b"x-should-retry", b"false") in answer.headers


def test_every_reason_has_a_status_that_every_vendor_can_shape() -> None:
    assert set(refusals._STATUS) == set(get_args(Reason))


# -- patience -----------------------------------------------------------------------------------------------


def failures(*times: tuple[float, float]) -> Patience:
    patience = Patience()
    for began, ended in times:
        patience.failed(began=began, now=ended)
    return patience


def test_patience_ends_after_failures_in_a_row() -> None:
    assert not failures((0, 1), (1, 2)).over(3)
    assert failures((0, 1), (1, 2), (3, 4)).over(5)
    again = failures((0, 1), (1, 2))
    again.answered()
    again.failed(began=3, now=4)
    assert not again.over(5)


def test_failures_at_the_same_time_count_once() -> None:
    assert not failures((0, 10), (1, 11), (2, 12), (9, 13)).over(14)
    assert failures((0, 10), (1, 11), (12, 13), (13, 14)).over(15)


def test_who_waits_long_enough_may_ask_again() -> None:
    patience = failures((0, 1), (1, 2), (2, 3))
    assert patience.over(3 + PAUSE - 1)
    assert not patience.over(3 + PAUSE)
    patience.failed(began=70, now=71)
    assert patience.over(72)


# -- redaction ----------------------------------------------------------------------------------------------


@given(
    st.lists(st.sampled_from([KEY, KEY[:9], KEY[9:], "s", "sk-real", "x", " "]), max_size=12),
    st.lists(st.integers(min_value=0), max_size=12),
)
def test_no_key_gets_through_however_it_is_split(texts: list[str], cuts: list[int]) -> None:
    data = "".join(texts).encode()
    places = [0, *sorted(cut % (len(data) + 1) for cut in cuts), len(data)]
    stream = Redactor([KEY]).stream()
    out = b"".join(stream.feed(data[a:b]) for a, b in pairwise(places)) + stream.finish()
    assert out == data.replace(KEY.encode(), MARK)


def test_only_an_end_that_could_be_a_key_is_held_back() -> None:
    stream = Redactor([KEY, None, "none"]).stream()
    assert stream.feed(b'data: {"a": "none"}\n\n') == b'data: {"a": "none"}\n\n'
    assert stream.feed(b"abc sk-re") == b"abc "
    assert stream.feed(b"ad it ") == b"sk-read it "


def test_escaped_forms_of_a_key_are_redacted() -> None:
    key = "abc/def+ghi=12345"
    clean = Redactor([key])
    for form in (key, "abc%2Fdef%2Bghi%3D12345", "abc\\/def+ghi=12345"):
        assert clean.whole(f"<{form}>".encode()) == b"<" + MARK + b">"
    assert key not in repr(clean)


# -- resets -------------------------------------------------------------------------------------------------

NOW = 1_800_000_000.0


@pytest.mark.parametrize(
    ("headers", "body", "seconds"),
    [
        ({}, {}, None),
        ({"retry-after": "30"}, {}, 30),
        ({"retry-after": "1.5"}, {}, 1.5),
        ({"retry-after-ms": "250", "retry-after": "9"}, {}, 0.25),
        ({"retry-after": "Fri, 15 Jan 2027 08:01:00 GMT"}, {}, 60),
        ({"retry-after": "soon"}, {}, None),
        ({"retry-after": "-5"}, {}, None),
        ({"retry-after": "nan"}, {}, None),
        ({"retry-after": "1e300"}, {}, None),
        (
            {
                "anthropic-ratelimit-requests-remaining": "10",
                "anthropic-ratelimit-requests-reset": "2027-01-15T09:00:00Z",
                "anthropic-ratelimit-input-tokens-remaining": "0",
                "anthropic-ratelimit-input-tokens-reset": "2027-01-15T08:00:30Z",
            },
            {},
            30,
        ),
        ({"anthropic-ratelimit-tokens-reset": "2027-01-15T08:00:45+00:00"}, {}, 45),
        ({"anthropic-ratelimit-unified-reset": "1800000300"}, {}, 300),
        ({"anthropic-ratelimit-tokens-reset": "yesterday"}, {}, None),
        ({"x-ratelimit-remaining-requests": "0", "x-ratelimit-reset-requests": "6m0s"}, {}, 360),
        (
            {
                "x-ratelimit-remaining-requests": "5",
                "x-ratelimit-reset-requests": "1h",
                "x-ratelimit-remaining-tokens": "0",
                "x-ratelimit-reset-tokens": "20ms",
            },
            {},
            0.02,
        ),
        ({"x-ratelimit-reset-tokens": "1d2h3m4.5s"}, {}, 86400 + 7200 + 180 + 4.5),
        ({"x-ratelimit-reset-tokens": "s"}, {}, None),
        (
            {},
            {
                "error": {
                    "details": [
                        {"@type": "type.googleapis.com/google.rpc.Help"},
                        {"@type": "type.googleapis.com/google.rpc.RetryInfo", "retryDelay": "34.07s"},
                    ]
                }
            },
            34.07,
        ),
        ({}, {"error": {"resets_in_seconds": 120}}, 120),
        ({}, [{"error": {"resets_in_seconds": 120}}], 120),
        ({}, {"error": {"details": "none"}}, None),
        ({}, "text", None),
    ],
)
def test_when_it_can_be_tried_again(headers: dict[str, str], body: Any, seconds: float | None) -> None:
    found = resets.retry_at(headers, json.dumps(body).encode(), NOW)
    assert found == (None if seconds is None else pytest.approx(NOW + seconds, abs=0.001))


_NAMES = ["retry-after", "retry-after-ms", "anthropic-ratelimit-unified-reset", "x-ratelimit-reset-tokens"]
_NAMES += ["anthropic-ratelimit-tokens-reset", "anthropic-ratelimit-tokens-remaining"]


@given(st.dictionaries(st.sampled_from(_NAMES), st.text(max_size=20)), st.binary(max_size=50))
def test_odd_headers_and_bodies_are_survived(headers: dict[str, str], body: bytes) -> None:
    found = resets.retry_at(headers, body, NOW)
    assert found is None or NOW - 60 <= found <= NOW + 32 * 86400


# -- requests -----------------------------------------------------------------------------------------------


def route(target: str) -> routes.Route:
    found = routes.find("POST", target)
    assert found is not None
    return found


@pytest.mark.parametrize(
    ("target", "body", "model", "output"),
    [
        ("/anthropic/v1/messages", {"model": "m", "max_tokens": 7}, "m", 7),
        ("/openai/v1/responses", {"model": "m", "max_output_tokens": 9}, "m", 9),
        ("/openai/v1/chat/completions", {"model": "m", "max_completion_tokens": 3}, "m", 3),
        ("/openai/v1/chat/completions", {"model": 5, "max_tokens": "many"}, None, UNSTATED_OUTPUT),
        ("/openai/v1/chat/completions", {"max_tokens": True}, None, UNSTATED_OUTPUT),
        (
            "/gemini/v1beta/models/g-1:generateContent",
            {"model": "other", "generationConfig": {"maxOutputTokens": 4}},
            "g-1",
            4,
        ),
    ],
)
def test_what_is_asked_for(target: str, body: dict[str, Any], model: str | None, output: int) -> None:
    asked = ask_of(route(target), json.dumps(body).encode())
    assert (asked.model, asked.max_output) == (model, output)
    assert json.loads(asked.body) == body


def test_a_body_is_passed_on_byte_by_byte_unless_usage_is_asked_for() -> None:
    odd = b'{ "model":"m", "stream": false, "x": 1.0 }'
    assert ask_of(route("/openai/v1/chat/completions"), odd).body == odd
    asking = b'{"stream": true, "stream_options": {"include_usage": true}}'
    assert ask_of(route("/openai/v1/chat/completions"), asking).body == asking
    other = b'{"stream": true, "stream_options": {"include_obfuscation": false}}'
    assert json.loads(ask_of(route("/openai/v1/chat/completions"), other).body)["stream_options"] == {
        "include_obfuscation": False,
        "include_usage": True,
    }


def test_lone_surrogates_do_not_break_the_rewriting() -> None:
    body = b'{"stream": true, "messages": [{"content": "\\ud800 \xc3\xbc"}]}'
    assert json.loads(ask_of(route("/openai/v1/chat/completions"), body).body)["messages"] == [
        {"content": "\ud800 ü"}
    ]


def test_background_work_is_refused() -> None:
    with pytest.raises(BadAsk, match="background"):
        ask_of(route("/openai/v1/responses"), b'{"background": true}')
