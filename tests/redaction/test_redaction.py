"""Secrets are found in whatever encoding they come, wherever a stream is cut; nothing else is touched."""

from __future__ import annotations

import json
import string
from dataclasses import dataclass
from itertools import pairwise

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from secret_encodings import ENCODINGS, OF_THE_SECRET

from fabrik.redaction import MARK, Redactor

SECRET = "sk-ant-api03-Zq9/x+Yn_rT7=kW2"
TOKENS = st.text(
    string.ascii_letters + string.digits + "-_./+=:~!@$*#<>&\"'", min_size=12, max_size=60
).filter(lambda text: len(set(text)) > 7 and not text.startswith("-----"))
AROUND = st.text(string.ascii_letters + string.digits + ' .,;{}\n"\\/=%&', max_size=40)
EVERY = {**ENCODINGS, **OF_THE_SECRET}


def streamed(redactor: Redactor, data: bytes, cuts: list[int]) -> bytes:
    stream = redactor.stream()
    places = [0, *sorted(cut % (len(data) + 1) for cut in cuts), len(data)]
    return b"".join(stream.feed(data[a:b]) for a, b in pairwise(places)) + stream.finish()


@pytest.mark.parametrize("name", EVERY)
@pytest.mark.parametrize("size", [1, 2, 3, 7, 64, 10_000])
def test_each_encoding_is_redacted_in_chunks_of_any_size(name: str, size: int) -> None:
    redactor = Redactor([SECRET])
    alone = EVERY[name](SECRET)
    data = f"before {alone} after".encode()
    stream = redactor.stream()
    clean = b"".join(stream.feed(data[at : at + size]) for at in range(0, len(data), size)) + stream.finish()
    assert MARK in clean
    assert clean.startswith(b"before ")
    assert clean.endswith(b" after")
    assert len(clean) < len(b"before  after") + len(MARK) + 20, (
        clean
    )  # edges of base64, quotes and the like stay


@pytest.mark.parametrize("name", ENCODINGS)
@pytest.mark.parametrize("before", ["", "x", "xy", "xyz: "])
def test_a_secret_is_found_at_every_place_of_an_encoded_text(name: str, before: str) -> None:
    encoded = ENCODINGS[name](f"{before}{SECRET} and more text").encode()
    clean = Redactor([SECRET]).whole(encoded)
    assert MARK in clean
    assert Redactor([SECRET]).whole(clean) == clean


@given(
    secret=TOKENS, name=st.sampled_from(sorted(ENCODINGS)), before=AROUND, after=AROUND,
    cuts=st.lists(st.integers(0, 5000), max_size=6),
)  # fmt: skip
@example(secret="nrnrnrnrnr+/abc", name="json", before="\\", after="", cuts=[1, 3])
@settings(max_examples=150, deadline=None)
def test_any_secret_in_any_encoding_and_any_chunks(
    secret: str, name: str, before: str, after: str, cuts: list[int]
) -> None:
    secret = secret.strip()
    redactor = Redactor([secret])
    data = ENCODINGS[name](f"{before} {secret} {after}").encode()
    assert MARK in redactor.whole(data)
    assert not redactor.finds(redactor.whole(data))
    clean = streamed(redactor, data, cuts)
    assert MARK in clean
    assert not redactor.finds(clean)


@given(data=st.binary(max_size=400), cuts=st.lists(st.integers(0, 400), max_size=6))
@settings(max_examples=80, deadline=None)
def test_what_is_no_secret_passes_unchanged(data: bytes, cuts: list[int]) -> None:
    redactor = Redactor([SECRET])
    assert redactor.whole(data) == data
    assert streamed(redactor, data, cuts) == data


def test_a_stream_of_events_is_not_kept_waiting() -> None:
    stream = Redactor([SECRET]).stream()
    event = b'data: {"delta": "some words \\n of a model = 5%"}\n\n'
    assert stream.feed(event) == event
    assert stream.feed(b"and go") == b"and go"
    begun = stream.feed(b"the key is sk-ant-api")
    assert begun == b"the key is "
    assert stream.feed(b" of course") == b"sk-ant-api of course"


def test_short_secrets_and_none_are_not_looked_for() -> None:
    redactor = Redactor([None, "", "none", "1234567"])
    assert not redactor
    assert redactor.whole(b"none 1234567") == b"none 1234567"


def test_lines_of_a_private_key_are_secrets() -> None:
    line = "MIIEpAIBAAKCAQEA7bq0KXq1sQ"
    redactor = Redactor([f"-----BEGIN KEY-----\n{line}\n-----END KEY-----\n"])
    assert redactor.text(f"it says {line}!") == "it says [redacted]!"
    assert redactor.text("-----BEGIN KEY-----") == "-----BEGIN KEY-----"


def test_several_secrets_and_touching_ones() -> None:
    redactor = Redactor(["abcdefgh12345", "h12345zzzzzz9", "other-secret-1"])
    assert redactor.text("<abcdefgh12345zzzzzz9> other-secret-1") == "<[redacted]> [redacted]"


def test_json_stays_json() -> None:
    secret = 'quote"back\\slash/and%more'
    redactor = Redactor([secret])
    for text in (json.dumps({"text": f"\n{secret}\n"}), json.dumps({"text": json.dumps([secret])})):
        clean = redactor.text(text)
        assert json.loads(clean)["text"].count("[redacted]") == 1


@dataclass(frozen=True, kw_only=True)
class Thing:
    name: str
    inner: tuple[str, ...]
    number: int = 3


def test_values_are_redacted_to_their_depth() -> None:
    redactor = Redactor([SECRET])
    thing = Thing(name=f"x {SECRET}", inner=("a", SECRET))
    assert redactor.value(thing) == Thing(name="x [redacted]", inner=("a", "[redacted]"))
    assert redactor.value({SECRET: [1, None, SECRET]}) == {"[redacted]": [1, None, "[redacted]"]}
    clean = Thing(name="x", inner=())
    assert redactor.value(clean) is clean


def test_what_is_held_back_is_bounded() -> None:
    redactor = Redactor([SECRET])
    stream = redactor.stream()
    passed = 0
    for _ in range(50):
        passed += len(stream.feed(b"\\" * 1000 + b"sk-ant" * 20))
    assert passed > 50 * 1120 - 10_000


def test_it_does_not_show_what_it_knows() -> None:
    redactor = Redactor([SECRET])
    assert SECRET not in repr(redactor) + str(redactor) + repr(redactor.stream())
